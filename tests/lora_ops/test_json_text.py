"""JSON that strangers wrote: one meaning, or refused; and what is written is read again."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lora_mixer.lora_ops.json_text import from_json, to_json

TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)


@given(VALUES)
def test_what_is_written_is_read_again(value: object) -> None:
    assert from_json(to_json(value)) == value == from_json(to_json(value).encode())


@given(VALUES)
def test_any_json_means_what_it_means_to_everybody(value: object) -> None:
    assert from_json(json.dumps(value)) == value


@pytest.mark.parametrize(
    "text",
    ['{"gain": 1, "gain": 2}', '[{"a": {"gain": 1, "b": 0, "gain": 1}}]', '{"gain": 1, "g\\u0061in": 2}'],
    ids=["beside each other", "far inside", "spelled otherwise"],
)
def test_a_name_that_stands_twice_in_one_object_is_refused_by_name(text: str) -> None:
    with pytest.raises(ValueError, match="'gain' is named twice"):
        from_json(text)


def test_one_name_in_two_objects_is_no_repetition() -> None:
    assert from_json('[{"gain": 1}, {"gain": {"gain": 2}}]') == [{"gain": 1}, {"gain": {"gain": 2}}]


@pytest.mark.parametrize(
    "text", ["", "{", "[" * 100_000, '{"a":' * 100_000, b"\xff\xfe\xfd", b'"\xc3"', "1" * 10_000, f'"{"n" * 200}"' * 2]
)
def test_whatever_is_no_json_is_a_value_error_in_few_words(text: str | bytes) -> None:
    with pytest.raises(ValueError) as refused:
        from_json(text)
    assert len(str(refused.value)) < 300


@pytest.mark.parametrize("value", [math.nan, math.inf, {"a": [-math.inf]}, "\ud800", {"\udfff": 1}], ids=ascii)
def test_what_nobody_could_read_again_is_not_written(value: object) -> None:
    with pytest.raises(ValueError):
        to_json(value)


def test_people_can_read_what_is_written() -> None:
    assert to_json({"note": "é", "master": 0.5}) == '{\n  "note": "é",\n  "master": 0.5\n}\n'
