"""What Gradio raises above a page: errors and news, as text, whatever stands in them."""

from __future__ import annotations

from html import escape
from inspect import signature

import gradio as gr

#: Since Gradio 5 such messages are HTML: a name in one would be taken for markup.
_IS_HTML = int(gr.__version__.partition(".")[0]) >= 5
#: What was refused has no place in the terminal, least of all with where it happened; Gradio 4 writes it there even so.
_QUIET = {"print_exception": False} if "print_exception" in signature(gr.Error).parameters else {}


def refusal(text: object) -> gr.Error:
    """An error to raise, which shows `text` as it is."""
    return gr.Error(_plain(text), **_QUIET)


def tell(text: object) -> None:
    """Shows `text`, which is no error."""
    gr.Info(_plain(text))


def _plain(text: object) -> str:
    return escape(str(text), quote=False) if _IS_HTML else str(text)
