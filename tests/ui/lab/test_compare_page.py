"""The comparison on the page: what cannot be begun is told in its line, and the charts stand as they stood."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest
from helpers.compared import compared

from lora_mixer.hosts.toast import refusal
from lora_mixer.ui.lab import compare_page
from lora_mixer.ui.page import wire
from lora_mixer.ui.page.orders import OpenPage
from lora_mixer.ui.page.studio import Studio

REQUEST: Any = SimpleNamespace(session_hash="page")


def told(console: Studio, **said: Any) -> list[Any]:
    """What a page is told of something that it starts, until it is over."""
    heard = []
    steps = wire.telling(compare_page.STARTS.begin, OpenPage(console, "page"), json.dumps(said), compare_page._ended)
    with pytest.raises(gr.Error) as caught:
        for text in steps:
            heard.append(json.loads(text))
    return [*heard, str(caught.value)]


def test_what_cannot_be_compared_is_told_in_the_line_and_by_the_host(console: Studio) -> None:
    news, shown = told(console, do="compare", source="text", text="", seeds=1, batched=True)[-2:]
    assert news["line"]["text"] and news["line"]["text"] in shown and not news["line"]["running"]


def test_measuring_too_early_says_what_to_do_and_leaves_the_line(console: Studio) -> None:
    news, shown = told(console, do="measure")[-2:]
    assert "compare first" in shown and news["line"]["text"] == ""
    line = compared(console).line.text
    assert compare_page._ended(OpenPage(console, "page"), {"do": "measure"}, "x")["line"]["text"] == line


def test_a_chart_that_cannot_be_drawn_leaves_the_other_and_the_line(console: Studio) -> None:
    draw, steps = compare_page._drawer(console), []
    with pytest.raises(gr.Error, match="compare first"):
        for step in draw(json.dumps({"do": "draw", "chart": "sweep"}), REQUEST):
            steps.append(step)
    (begun, *first), (ended, *last) = steps
    assert json.loads(begun)["line"]["running"] and not json.loads(ended)["line"]["running"]
    at = compare_page.CHARTS.index("sweep")
    assert first[at]["visible"] is False, "the one that stood there is of something else"
    assert str(first[1 - at]) == str(gr.skip()) and [str(one) for one in last] == [str(gr.skip())] * 2


def test_what_a_page_wants_to_be_read_is_shown_escaped_and_nonsense_is_refused(console: Studio) -> None:
    with pytest.raises(gr.Error) as caught:
        compare_page._told(console, json.dumps({"do": "tell", "text": "<b>no</b>"}))
    assert str(caught.value) == str(refusal("<b>no</b>")), "as the Gradio that is there shows it as text"
    with pytest.raises(gr.Error, match="nobody understands"):
        compare_page._told(console, "nonsense")
