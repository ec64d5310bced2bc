"""Sampling settings as plain data, and the keyword arguments that they come from and become again."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lora_mixer.lora_ops import Sampling

names = st.sampled_from([one.name for one in fields(Sampling) if one.name != "extras"])
values = st.none() | st.booleans() | st.integers(0, 99) | st.floats(0, 2)


@given(st.dictionaries(names | st.sampled_from(["eos_token_id", "num_beams", "logits_processor"]), values))
def test_settings_come_back_as_they_were_given(settings: dict[str, Any]) -> None:
    # None among them too: to transformers it is another thing than nothing.
    assert Sampling.of(settings).to_dict() == settings
    assert Sampling.of(Sampling.of(settings)) == Sampling.of(settings)


def test_what_is_known_is_told_from_what_an_engine_has_besides() -> None:
    given = {"max_new_tokens": 8, "top_k": None, "eos_token_id": [2]}
    found = Sampling.of(given)
    assert (found.max_new_tokens, found.top_k, found.temperature) == (8, None, None)
    assert found.extras == {"top_k": None, "eos_token_id": [2]}
    assert given == {"max_new_tokens": 8, "top_k": None, "eos_token_id": [2]}
    with pytest.raises(AttributeError):
        found.top_p = 0.5  # type: ignore[misc]
