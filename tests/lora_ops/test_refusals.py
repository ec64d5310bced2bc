"""Refusing what is wrong in a few words, however much of it is wrong."""

from __future__ import annotations

from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, ValidationError

from lora_mixer.lora_ops.refusals import FewFields, InParts, OneByOne, explain, shown

VALUES = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=9) | st.dictionaries(st.text(), inner, max_size=9) | st.tuples(inner),
    max_leaves=30,
)


class Note(BaseModel):
    model_config = ConfigDict(extra="forbid")
    text: str


class Book(BaseModel):
    model_config = ConfigDict(extra="forbid")
    gains: Annotated[dict[str, float], InParts] = {}
    notes: Annotated[dict[str, Annotated[Note, FewFields]], OneByOne] = {}


def refusal(data: Any) -> str:
    with pytest.raises(ValidationError) as refused:
        Book.model_validate(data)
    return explain(refused.value)


@given(VALUES)
def test_any_value_can_be_shown_in_a_few_characters_of_one_line(value: Any) -> None:
    assert len(shown(value)) < 100 and "\n" not in shown(value)


def test_what_contains_itself_and_numbers_beyond_all_digits_can_be_shown() -> None:
    within: list[Any] = []
    within.append(within)
    for value in (within, 10**5000, {"a": [10**5000]}, "x" * 10_000_000, object()):
        assert 0 < len(shown(value)) < 100


def test_small_values_are_shown_whole() -> None:
    assert [shown(value) for value in (0.5, "loud", None, [1, 2], {"a": 1})] == [
        "0.5",
        "'loud'",
        "None",
        "[1, 2]",
        "{'a': 1}",
    ]


def test_the_place_the_reason_and_what_was_given_are_told() -> None:
    said = refusal({"gains": {"q_proj": "loud"}, "notes": {"pirate": {"text": 3}}})
    first, second = said.split("; ")
    assert first.startswith("gains.q_proj: ") and first.endswith("(got 'loud')")
    assert second.startswith("notes.pirate.text: ") and second.endswith("(got 3)")
    assert refusal([]).startswith("the whole: ")


def test_a_handful_is_named_and_the_rest_is_counted() -> None:
    said = refusal({"gains": {f"k{at}": "x" for at in range(9)}})
    assert [f"gains.k{at}: " in said for at in range(6)] == [True] * 5 + [False]
    assert said.endswith("; and 4 more")


@pytest.mark.parametrize(
    "data",
    [
        {"gains": dict.fromkeys(map(str, range(50_000)), "x")},
        {"notes": dict.fromkeys(map(str, range(50_000)), {})},
        {"notes": {"a": dict.fromkeys(map(str, range(50_000)), 1)}},
        dict.fromkeys(map(str, range(50_000)), 1),
        {"n" * 1_000_000: 1},
    ],
    ids=["values", "things with fields", "unknown fields", "unknown fields of the whole", "a long name"],
)
def test_much_that_is_wrong_is_told_in_few_words(data: Any) -> None:
    assert len(refusal(data)) < 2_000


@given(st.dictionaries(st.text(), st.floats(allow_nan=False), max_size=8), st.integers(0, 250))
def test_a_mapping_that_is_looked_at_in_parts_is_read_whole_and_in_order(some: dict[str, float], more: int) -> None:
    gains = {**some, **{f"more {at}": float(at) for at in range(more)}}
    notes = {name: {"text": name} for name in gains}
    book = Book.model_validate({"gains": gains, "notes": notes})
    assert list(book.gains.items()) == list(gains.items())
    assert [(name, note.text) for name, note in book.notes.items()] == [(name, name) for name in gains]


@pytest.mark.parametrize("at", [0, 99, 100, 101, 249])
def test_one_that_is_wrong_is_found_wherever_it_stands(at: int) -> None:
    gains: dict[str, Any] = {f"k{number}": 1.0 for number in range(250)}
    assert refusal({"gains": {**gains, f"k{at}": "loud"}}).startswith(f"gains.k{at}: ")
