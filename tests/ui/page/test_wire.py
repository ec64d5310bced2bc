"""How text gets from Python to the page and back."""

from __future__ import annotations

import json
from collections.abc import Generator
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest

from lora_mixer.hosts.protocol import HostError
from lora_mixer.hosts.toast import refusal
from lora_mixer.ui.page.orders import OpenPage, Orders
from lora_mixer.ui.page.wire import answers, at_the_root, moves_chat, telling, wire, wires

PAGE = OpenPage(SimpleNamespace(), "page")  # type: ignore[arg-type]


def ended(page: OpenPage, message: Any, why: str) -> dict[str, Any]:
    return {"why": why, "of": message.get("do")}


def run(begin: Any, text: str = '{"do": "x"}') -> tuple[list[dict[str, Any]], Exception | None]:
    heard: list[dict[str, Any]] = []
    try:
        for one in telling(begin, PAGE, text, ended):
            heard.append(json.loads(one))
    except Exception as error:
        return heard, error
    return heard, None


def steps(error: Exception | None) -> Any:
    def begin(page: OpenPage, message: Any) -> Generator[dict[str, Any], None, None]:
        yield {"step": 1}
        if error is not None:
            raise error
        yield {"step": 2}

    return begin


def test_a_page_is_told_every_step_each_as_a_text_of_its_own() -> None:
    heard, error = run(steps(None))
    assert [one["step"] for one in heard] == [1, 2] and heard[0]["n"] != heard[1]["n"] and error is None


def test_why_it_ended_is_told_to_the_page_first_and_to_people_only_what_is_for_them() -> None:
    heard, error = run(steps(HostError("<b>no</b>")))
    assert heard[-1]["why"].startswith("<b>no") and heard[-1]["of"] == "x"
    assert isinstance(error, gr.Error)
    assert str(error) == str(refusal(heard[-1]["why"])), "as the Gradio that is there shows it as text"
    heard, error = run(steps(ZeroDivisionError("secret")))
    assert isinstance(error, ZeroDivisionError) and heard[-1]["why"] and "secret" not in heard[-1]["why"]


def test_what_nobody_understands_begins_nothing() -> None:
    heard, error = run(lambda *_: pytest.fail("it began"), "nonsense")
    assert heard[-1]["of"] is None and isinstance(error, gr.Error)


def test_whoever_stops_listening_ends_it() -> None:
    closed = []

    def begin(page: OpenPage, message: Any) -> Generator[dict[str, Any], None, None]:
        try:
            while True:
                yield {}
        finally:
            closed.append(True)

    listening = telling(begin, PAGE, "{}", ended)
    next(listening)
    listening.close()  # type: ignore[attr-defined]
    assert closed


def _shout(page: OpenPage, *, what: str) -> dict[str, Any]:
    if what == "no":
        raise HostError("be quiet")
    return {"said": what.upper(), **({"chat": ["moved", page.chat]} if what == "move" else {})}


ORDERS = Orders({"shout": _shout})


def test_boxes_stand_outside_of_the_open_tab_and_no_order_waits_behind_a_generation() -> None:
    with gr.Blocks() as page, gr.Tab("one"):
        chat, other, inside = gr.Textbox(), gr.Textbox(), gr.Textbox()
        host = SimpleNamespace(chat_inputs=lambda: [chat], chat_outputs=lambda: [chat, other])
        console: Any = SimpleNamespace(host=host)
        order, answer = wires("part", "order", "answer")
        answers(console, ORDERS, order, answer)
        with at_the_root():
            move = wire("move")
        moves_chat(console, ORDERS, move, answer)
    assert order.elem_id == "lora-mixer-part-order"
    assert order.parent is page and move.parent is page and inside.parent is not page
    first, second = page.fns.values()
    assert not first.queue and not second.queue
    request = SimpleNamespace(session_hash="s")
    told = json.loads(first.fn(json.dumps({"do": "shout", "what": "hi"}), request))
    assert told["said"] == "HI"
    text, *values = second.fn(json.dumps({"do": "shout", "what": "move"}), request, "as it was")
    assert "chat" not in json.loads(text) and values == ["moved", ("as it was",)]
    text, *values = second.fn(json.dumps({"do": "shout", "what": "no"}), request, "as it was")
    assert (
        "be quiet" in json.loads(text)["refused"]["why"].lower()
        and [str(one) for one in values] == [str(gr.skip())] * 2
    )
