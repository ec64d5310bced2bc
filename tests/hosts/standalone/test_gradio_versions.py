"""What our own page says in a toast is text, whatever Gradio makes of it."""

from __future__ import annotations

import gradio as gr
import pytest

from lora_mixer.hosts.standalone.gradio_versions import accepted, refusal


def test_an_error_is_shown_as_it_is_and_never_as_markup() -> None:
    shown = refusal("<img src=x onerror=alert(1)> & so on")
    assert isinstance(shown, gr.Error)
    if int(gr.__version__.partition(".")[0]) >= 5:
        assert shown.message == "&lt;img src=x onerror=alert(1)&gt; &amp; so on"
    else:  # Gradio 4 shows text
        assert shown.message == "<img src=x onerror=alert(1)> & so on"


@pytest.mark.parametrize("options", [{}, {"a": 1}, {"a": 1, "b": 2}])
def test_a_function_is_given_what_it_takes(options: dict[str, int]) -> None:
    def takes(a: int = 0) -> None: ...

    assert accepted(takes, **options) == {name: value for name, value in options.items() if name == "a"}
