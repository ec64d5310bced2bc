"""Gradio 4.37 and 6 under one roof."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import gradio as gr


def accepted(function: Callable[..., Any], **options: Any) -> dict[str, Any]:
    """Those of the `options` that `function` has a parameter for."""
    known = inspect.signature(function).parameters
    return {name: value for name, value in options.items() if name in known}


def refusal(message: str) -> gr.Error:
    """An error for the user's eyes: shown on the page, and where Gradio can, without a traceback in the terminal."""
    return gr.Error(message, **accepted(gr.Error, print_exception=False))
