"""How text gets from Python to the page's script and back: text boxes that are in the page, but not to be seen."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import gradio as gr
from gradio.context import Context


@contextmanager
def at_the_root() -> Iterator[None]:
    """Builds outside of the open tab: Gradio 6 puts nothing of a tab into the page before the tab is opened."""
    block, Context.block = Context.block, Context.root_block
    try:
        yield
    finally:
        Context.block = block


def wire(elem_id: str) -> Any:
    """One such text box."""
    return gr.Textbox(elem_id=elem_id, elem_classes=["lora-mixer-wire"], show_label=False, container=False, max_lines=1)


def receiver(name: str) -> str:
    """Script for a `change` listener: hands the text to `window.loraMixer.lab.NAME`."""
    return f"(text) => {{ window.loraMixer && window.loraMixer.lab && window.loraMixer.lab.{name}(text); }}"
