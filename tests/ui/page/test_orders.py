"""A page's order is followed as its table says, or refused in one shape, whatever the page sends."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, Literal

import pytest

from lora_mixer.lora_ops.mix import Faders, Mix
from lora_mixer.ui.page.messages import Name, Names
from lora_mixer.ui.page.orders import Answer, Moves, OpenPage, Orders, Refused
from lora_mixer.ui.page.panel import Panel

PAGE = OpenPage(SimpleNamespace(), "page")  # type: ignore[arg-type]


def _paint(page: OpenPage, *, colour: Literal["red", "blue"], coats: int = 1, names: Names | None = None) -> Answer:
    return {"said": f"{colour} x{coats} {names}"}


def _sell(page: OpenPage, *, price: float) -> Answer:
    if price > 100:
        raise Refused("that is too dear", "price")
    if price < 0:
        raise RuntimeError("nobody gives anything away")
    return {"price": price, "chat": page.chat}


def _lose(page: OpenPage, *, at: int) -> Answer:
    return {"said": "abc"[at]}


def _note(page: OpenPage, *, name: Name) -> Answer:
    return {}


def _known(page: OpenPage, *, known: list[int] | None = None) -> Answer:
    return {"house": page.id, "known": known}


@dataclass(frozen=True)
class Parcel:
    """Arguments that belong together."""

    to: Name
    weight: float = 1.0


def _send(page: OpenPage, *, parcel: Parcel, fast: bool = False) -> Answer:
    return {"parcel": parcel, "fast": fast}


ORDERS = Orders({"paint": _paint, "sell": _sell, "lose": _lose, "note": _note, "send": _send}, always=_known)


def refused(said: Any) -> dict[str, str]:
    answer = ORDERS.obey(PAGE, said)
    assert answer["house"] == "page", "what is always told is told with a refusal too"
    return answer["refused"]


def test_an_order_gets_what_it_takes_and_its_answer_its_number():
    answer = ORDERS.obey(PAGE, {"do": "paint", "seq": 7, "colour": "red", "names": ["a"], "known": [1, 2]})
    assert answer == {"re": 7, "said": "red x1 ['a']", "house": "page", "known": [1, 2]}
    text = '{"do": "sell", "price": 3, "key": "the part of the page"}'
    assert ORDERS.obey(OpenPage(PAGE.console, "page", (1, 2)), text)["chat"] == (1, 2)


def test_what_belongs_together_is_said_field_by_field():
    answer = ORDERS.obey(PAGE, {"do": "send", "to": "Tortuga", "fast": True})
    assert answer["parcel"] == Parcel("Tortuga") and answer["fast"]
    assert ORDERS.obey(PAGE, {"do": "send", "to": "Tortuga", "weight": 2.5})["parcel"] == Parcel("Tortuga", 2.5)
    assert "to: Field required" in refused({"do": "send"})["why"]


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({}, "there is no order None"),
        ({"do": "burn"}, "there is no order 'burn'"),
        ({"do": ["paint"]}, "there is no order"),
        ({"do": "paint"}, "colour: Field required"),
        ({"do": "paint", "colour": "green"}, "colour: Input should be 'red' or 'blue'"),
        ({"do": "paint", "colour": "red", "coats": "2"}, "coats: Input should be a valid integer"),
        ({"do": "paint", "colour": "red", "coats": True}, "coats: Input should be a valid integer"),
        ({"do": "paint", "colour": "red", "paint": "oil"}, "paint: Extra inputs are not permitted"),
        ({"do": "paint", "colour": "red", "names": "abc"}, "names: Input should be a valid list"),
        ({"do": "lose", "at": 9}, "IndexError"),
        ("[", "this is no message"),
        ("7", "this is no message"),
        ("", "this is no message"),
        ('{"do": "sell", "price": NaN}', "this is no message"),
    ],
)
def test_what_the_pages_script_would_not_say_is_refused_and_names_the_field(said: Any, why: str):
    found = refused(said)
    assert found["at"] == "" and found["why"].startswith("The page said something that nobody understands: ")
    assert why in found["why"] and len(found["why"]) < 600


def test_what_an_order_refuses_says_why_and_beside_which_field():
    assert refused({"do": "sell", "price": 101}) == {"at": "price", "why": "That is too dear."}
    assert refused({"do": "sell", "price": -1}) == {"at": "", "why": "Nobody gives anything away."}


def test_more_than_there_may_be_is_told_as_what_its_user_typed():
    found = refused({"do": "note", "name": "x" * 1001})
    assert found == {"at": "name", "why": "name: 1,001 characters are more than the 1,000 there can be."}


def test_what_a_message_holds_is_in_no_refusal():
    secret = "My recipe"
    for said in (
        {"do": "paint", "colour": secret},
        {"do": "sell", "price": secret},
        {"do": "paint", "names": [secret]},
    ):
        assert "recipe" not in refused(said)["why"]


def test_a_refusal_stays_short_however_much_is_wrong():
    said = {"do": "paint", "colour": "red", **{f"field {at}": at for at in range(50_000)}}
    assert "50,000 things in it are wrong" in refused(said)["why"]
    assert len(refused({"do": "x" * 1_000_000})["why"]) < 300


def test_what_is_always_told_is_told_of_a_message_that_is_wrong_in_that_too():
    answer = ORDERS.obey(PAGE, {"do": "paint", "colour": "red", "known": "everything"})
    assert answer["known"] is None and answer["house"] == "page" and answer["said"]


def test_what_moves_faders_tells_where_they_stood_and_what_does_not_says_nothing_of_it() -> None:
    console: Any = SimpleNamespace(panel=Panel(Mix({"pirate": Faders(master=0.5)})))

    def put(page: OpenPage, *, master: float) -> Answer:
        if master > 2:
            raise Refused("that is too loud", "master")
        page.console.panel = Panel(Mix({"pirate": Faders(master=master)}))
        return {"said": "done"}

    orders = Moves({"put": put})
    page = OpenPage(console, "page")
    stood = console.panel.to_dict()
    assert orders.obey(page, {"do": "put", "master": 0.25}) == {"re": None, "said": "done", "stood": stood}
    assert "stood" not in orders.obey(page, {"do": "put", "master": 0.25})
    assert "stood" not in orders.obey(page, {"do": "put", "master": 3.0})
