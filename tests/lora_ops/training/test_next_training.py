"""What to try next time, as plain data: whole, by PEFT's names, in numbers that one would write oneself."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lora_mixer.lora_ops import Advice, NextTraining, Sure
from lora_mixer.lora_ops.training.next_training import scale, tidy

MADE = NextTraining(
    adapter="pirate",
    r=8,
    alpha=16,
    rank_stabilised=False,
    dora=True,
    target_modules=("q_proj", "v_proj"),
    target_parameters=("experts.down_proj",),
    layers=(0, 2),
    exclude_modules=("model.layers.0.self_attn.v_proj",),
    rank_pattern={"v_proj": 4},
    alpha_pattern={"q_proj": 2.5},
    lines=(Advice("r", "r = 8", "it was measured", Sure.measured, 8.0), Advice("data", "more", "why", Sure.rule)),
)


def test_a_kind_has_its_own_rank_and_alpha_or_those_of_all() -> None:
    assert (MADE.rank_of("q_proj"), MADE.rank_of("v_proj")) == (8, 4)
    assert (MADE.alpha_of("q_proj"), MADE.alpha_of("v_proj")) == (2.5, 16)


def test_nothing_of_it_is_lost_in_json() -> None:
    plain = json.loads(json.dumps(MADE.to_dict(), allow_nan=False))
    assert plain == MADE.to_dict()
    lines = tuple(Advice(**{**one, "sure": Sure(one["sure"])}) for one in plain.pop("lines"))
    lists: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in plain.items()}
    assert NextTraining(**lists, lines=lines) == MADE
    assert NextTraining("pirate", 8, 16, False, False, ("q_proj",)).to_dict()["layers"] is None


def test_alpha_is_divided_by_the_rank_or_by_its_root() -> None:
    assert (scale(16, False), scale(16, True)) == (16.0, 4.0)


@pytest.mark.parametrize(
    ("number", "written"),
    [(16.0, "16"), (15.99999, "16"), (2.5, "2.5"), (11.313708, "11.31"), (0.000123456, "0.0001235")],
)
def test_numbers_are_written_as_one_would_write_them(number: float, written: str) -> None:
    assert str(tidy(number)) == written
