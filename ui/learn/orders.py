"""What a page may ask about learning; `ui/adapters/orders.py` has the wires, for a job is one of a console's jobs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import gradio as gr

from . import gather, teach, told, use

ORDERS: Mapping[str, Callable[..., Any]] = {
    "learning": told.look,
    "learn votes": teach.count_votes,
    "learn type": gather.type_in,
    "learn like": gather.like,
    "learn read": gather.read,
    "learn remove": gather.remove,
    "learn clear": gather.clear,
    "learn put": use.put,
    "learn columns": use.columns,
    "learn keep": use.keep,
}
JOBS: Mapping[str, Callable[..., Any]] = {"learn": teach.learn, "learn chat": gather.chat}


def build_learning() -> None:
    """Places the page of learning where the open Gradio context is."""
    gr.HTML('<div id="lora-mixer-learn-place"></div>')
