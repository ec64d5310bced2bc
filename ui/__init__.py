"""The mixing desk's page: Gradio, and the page's own script and style as files of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .console import Console


def build(console: Console) -> None:
    """Builds the page inside the open Gradio context; called again when a host rebuilds its interface."""
    from .comparing import build_comparing
    from .fader_board import build_fader_board

    fader_board = build_fader_board(console)
    build_comparing(console, fader_board)
