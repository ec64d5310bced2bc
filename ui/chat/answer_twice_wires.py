"""Wires the switch beside the chat, and the second reply, to Python."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..page.messages import Name
from ..page.orders import Answer, OpenPage, Orders
from ..page.wire import answers, hand_over, moves_chat, wires
from .answer_twice import Side

if TYPE_CHECKING:
    from ..page.studio import Studio


def build_twice(console: Studio) -> None:
    """Places the wires, and has a host that has built its page anew go on answering twice."""
    order, answer, pick = wires("twice", "order", "answer", "pick")
    hand_over(answer, "twice", "answered")
    # Not in the queue: the page follows the second reply while the first one is written.
    answers(console, ORDERS, order, answer)
    moves_chat(console, PICKS, pick, answer)
    console.twice.install()


def _look(page: OpenPage) -> Answer:
    return {}


def _switch(page: OpenPage, *, on: bool) -> Answer:
    page.console.twice.switch(on)
    return {}


def _choose(page: OpenPage, *, one: Name, other: Name, blind: bool) -> Answer:
    page.console.twice.choose(one, other, blind)
    return {}


def _pick(page: OpenPage, *, number: int, side: Side) -> Answer:
    return {"chat": page.console.twice.pick(number, side, page.chat)}


def _twice(page: OpenPage) -> Answer:
    return {"twice": page.console.twice.to_dict()}


ORDERS = Orders({"look": _look, "switch": _switch, "choose": _choose}, always=_twice)
#: It changes what stands in the chat.
PICKS = Orders({"pick": _pick}, always=_twice)
