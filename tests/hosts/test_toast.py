"""What a page raises in a toast is text, whatever Gradio makes of it."""

from __future__ import annotations

import gradio as gr

from lora_mixer.hosts.toast import refusal


def test_an_error_is_shown_as_it_is_and_never_as_markup() -> None:
    shown = refusal("<img src=x onerror=alert(1)> & so on")
    assert isinstance(shown, gr.Error)
    if int(gr.__version__.partition(".")[0]) >= 5:
        assert shown.message == "&lt;img src=x onerror=alert(1)&gt; &amp; so on"
    else:  # Gradio 4 shows text
        assert shown.message == "<img src=x onerror=alert(1)> & so on"
