"""Gradio 4.37 and 6 under one roof."""

from __future__ import annotations

import html
import inspect
from collections.abc import Callable
from typing import Any

import gradio as gr


def accepted(function: Callable[..., Any], **options: Any) -> dict[str, Any]:
    """Those of the `options` that `function` has a parameter for."""
    known = inspect.signature(function).parameters
    return {name: value for name, value in options.items() if name in known}


def refusal(message: str) -> gr.Error:
    """An error for the user's eyes: shown on the page as it is, and where Gradio can, without a traceback in the
    terminal."""
    # Since Gradio 5 it is shown as HTML, and there may be anything in it: a name, what a template or a file says.
    plain = html.escape(message, quote=False) if int(gr.__version__.partition(".")[0]) >= 5 else message
    return gr.Error(plain, **accepted(gr.Error, print_exception=False))
