"""The fields of a record: whatever stands in one goes into JSON and comes back, or is refused."""

from __future__ import annotations

import json
import math
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from lora_mixer.lora_ops import Faders, Mix
from lora_mixer.lora_ops.results.fields import AnyMix, Number, Seed, Settings, Text, Time, now, plain_settings

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()) | st.just(object()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3) | st.integers(), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(max_size=4), anything, max_size=4))
def test_settings_become_data_that_every_reader_of_json_takes(settings: dict[str, Any]) -> None:
    plain = plain_settings(settings)
    again = json.loads(json.dumps(plain, allow_nan=False).encode())
    assert again == plain and plain_settings(plain) == plain


def test_settings_within_settings_without_end_end() -> None:
    endless: dict[str, Any] = {}
    endless["again"] = endless
    assert len(json.dumps(plain_settings(endless))) < 1000
    assert TypeAdapter(Settings).validate_python({"a": {1, 2}})["a"] == [1, 2]


@given(st.floats())
def test_every_number_comes_back(number: float) -> None:
    kind = TypeAdapter(Number)
    again = kind.validate_json(kind.dump_json(number))
    assert again == number or (math.isnan(again) and math.isnan(number))


@given(st.text(st.characters(codec=None)))
def test_every_text_can_be_written_into_a_file(text: str) -> None:
    kept = TypeAdapter(Text).validate_python(text)
    assert kept.encode("utf-8") and len(kept) <= len(text) if text else kept == ""
    assert TypeAdapter(Text).validate_python(kept) == kept


def test_times_are_those_of_one_clock() -> None:
    kind = TypeAdapter(Time)
    here = datetime(2026, 1, 1, 1, tzinfo=timezone(timedelta(hours=2)))
    assert kind.validate_python(here).isoformat() == "2025-12-31T23:00:00+00:00" and now().tzinfo is timezone.utc
    with pytest.raises(ValidationError):
        kind.validate_python(datetime(2026, 1, 1))
    with pytest.raises(ValidationError, match="calendar"):
        kind.validate_python(datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14))))


@pytest.mark.parametrize(("seed", "well"), [(2**64 - 1, True), (-(2**63), True), (2**64, False), (0.5, False)])
def test_seeds_are_those_that_dice_take(seed: Any, well: bool) -> None:
    if well:
        assert TypeAdapter(Seed).validate_python(seed) == seed
    else:
        with pytest.raises(ValidationError):
            TypeAdapter(Seed).validate_python(seed)


def test_a_mix_comes_back_and_one_that_is_none_is_refused() -> None:
    kind = TypeAdapter(AnyMix)
    mix = Mix({"pirate": Faders(master=0.5, layers={3: 2.0})})
    assert kind.validate_json(kind.dump_json(mix)) == mix
    with pytest.raises(ValidationError, match="volume"):
        kind.validate_python({"adapters": {"pirate": {"volume": 11}}})
