"""Wires the switch beside the chat, and the second reply, to Python."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import gradio as gr

from ..page.trouble import told
from ..page.wire import FOR_PEOPLE, GARBLED, LIVE, counted, hand_over, heard, not_understood, number_of, wires

if TYPE_CHECKING:
    from ..page.studio import Studio


def build_twice(console: Studio) -> None:
    """Places the wires, and has a host that has built its page anew go on answering twice."""
    order, answer, pick = wires("twice", "order", "answer", "pick")
    hand_over(answer, "twice", "answered")
    inputs, outputs = list(console.host.chat_inputs()), list(console.host.chat_outputs())
    # Not in the queue: the page follows the second reply while the first one is written.
    order.input(lambda message: _text(console, obey(console, heard(message))), [order], [answer], **LIVE)
    pick.input(_picker(console, len(outputs)), [pick, *inputs], [answer, *outputs], **LIVE)
    console.twice.install()


def obey(console: Studio, message: Mapping[str, Any]) -> dict[str, Any]:
    """Does what a page says: switch, choose mixes, or only look."""
    try:
        do = message.get("do", "look")
        if do == "switch":
            console.twice.switch(bool(message["on"]))
        elif do == "choose":
            console.twice.choose(str(message["one"]), str(message["other"]), bool(message["blind"]))
        elif do != "look":
            raise ValueError(f"nobody knows how to {do!r}")
        answer: dict[str, Any] = {}
    except GARBLED as error:
        answer = {"refused": {"at": "", "why": not_understood(error)}}
    except FOR_PEOPLE as error:
        answer = {"refused": {"at": "", "why": told(error)}}
    return {"re": number_of(message), **answer}


def _picker(console: Studio, outputs: int) -> Any:
    def pick(message: str, *values: Any) -> list[Any]:
        said = heard(message)
        answer: dict[str, Any] = {"re": number_of(said)}
        updates = None
        try:
            updates = console.twice.pick(int(said["number"]), said["side"], values)
        except GARBLED as error:
            answer["refused"] = {"at": "", "why": not_understood(error)}
        except FOR_PEOPLE as error:
            answer["refused"] = {"at": "", "why": told(error)}
        shown = list(updates) if updates is not None else [gr.skip() for _ in range(outputs)]
        return [_text(console, answer), *shown]

    return pick


def _text(console: Studio, answer: dict[str, Any]) -> str:
    return counted({**answer, "twice": console.twice.to_dict()})
