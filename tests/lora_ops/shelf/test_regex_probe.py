"""Patterns on which PEFT itself would never come to an end are found out, and no others."""

from __future__ import annotations

from typing import Any

import pytest

from lora_mixer.lora_ops.shelf.regex_probe import why_endless

NAMES = ("model.layers.10.self_attn.q_proj_with_a_name_that_goes_on_and_on", "lm_head")
ENDLESS = r"(([a-z0-9_.])+)+X"


@pytest.mark.parametrize(
    ("field", "value"),
    [("target_modules", ENDLESS), ("exclude_modules", ENDLESS), ("rank_pattern", {ENDLESS: 2})],
)
def test_a_pattern_without_end_is_named_with_its_field_and_what_to_write(field: str, value: Any) -> None:
    why = why_endless({"peft_type": "LORA", "target_modules": ["q_proj"], field: value}, NAMES)
    assert why.startswith(f"{field}: ") and "takes too long" in why and "write plain names" in why


@pytest.mark.parametrize(
    "config",
    [
        {"target_modules": r".*\.(q|v)_proj", "exclude_modules": r".*head", "alpha_pattern": {r"layers\.\d+\..*": 2}},
        {"target_modules": ["q_proj"], "rank_pattern": {"q_proj": 2}, "alpha_pattern": None},
        {"target_modules": "*"},  # no pattern at all: that is told elsewhere
        {},
    ],
    ids=["patterns", "plain names", "no pattern", "nothing"],
)
def test_what_ends_is_let_through(config: dict[str, Any]) -> None:
    assert why_endless({"peft_type": "LORA", **config}, NAMES) == ""
