"""The mixing desk's page: Gradio, and the page's own script and style as files of their own."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .page.studio import Studio

_LOG = logging.getLogger(__name__)


def build(console: Studio) -> None:
    """Builds the page inside the open Gradio context; called again when a host rebuilds its interface."""
    import gradio as gr

    from ..lora_ops import log
    from .adapters.bake import bring_back
    from .adapters.host_menu import build_host_menu
    from .adapters.orders import build_adapters
    from .chat.answer_twice_wires import build_twice
    from .desk.fader_board import build_fader_board
    from .lab.compare_page import build_comparing
    from .learn.orders import build_learning
    from .page.report import build_report
    from .votes.votes import build_votes

    log.keep(console.host.user_data)
    bring_back(console.host)
    with gr.Tabs(elem_id="lora-mixer-tabs", selected="mix"):
        with gr.Tab("Mix", id="mix", elem_id="lora-mixer-mix"):
            with gr.Row(elem_id="lora-mixer-sides"):
                with gr.Column(elem_id="lora-mixer-desk-side"):
                    build_fader_board(console)
                with gr.Column(elem_id="lora-mixer-lab-side"):
                    build_comparing(console)
            build_twice(console)
            build_host_menu(console.host)
        with gr.Tab("Votes", id="votes", elem_id="lora-mixer-votes"):
            build_votes(console)
        with gr.Tab("Learn", id="learn", elem_id="lora-mixer-learn"):
            build_learning()
        with gr.Tab("Adapters", id="adapters", elem_id="lora-mixer-adapters"):
            build_adapters(console)
    build_report(console)
    _meet(console)


def _meet(console: Studio) -> None:
    """Puts the faders where they stand, whoever generates first: a caller of a host's API may come before any page."""
    try:
        console.desk()
    except Exception:  # a page that says so is better than none
        _LOG.exception("the desk of the model that is loaded could not be made")
