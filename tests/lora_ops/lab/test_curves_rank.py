"""Curves over how many components are heard: as loaded is with all of them, not at 1."""

from __future__ import annotations

from typing import Any

import pytest
from helpers import tiny
from helpers.comparing import generated

from lora_mixer.lora_ops import Desk, Faders, Mix
from lora_mixer.lora_ops.lab.curves import curve, likelihood_curve, yardstick, yardstick_setting
from lora_mixer.lora_ops.lab.sweep import parse_axis

GREEDY: dict[str, Any] = {"max_new_tokens": 12, "do_sample": False}


@pytest.fixture
def desk() -> Desk:
    return Desk(tiny.pirate())


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("rank 1, 2, 4", 2),
        ("rank 1, 2", None),
        ("energy 0.5 to 1 in 0.1", 5),
        ("energy 0.5, 0.9", None),
        ("master 0, 1, 2", 1),
    ],
)
def test_the_yardstick_setting_is_that_with_all_components(desk: Desk, text: str, at: int | None) -> None:
    axis = parse_axis(text, desk, Mix())
    assert yardstick_setting(axis, desk.adapters) == at
    assert (
        yardstick(axis, Mix({"pirate": Faders(rank=2, energy=0.5, master=3)}))["pirate"]
        == {
            "rank": Faders(energy=0.5, master=3),
            "energy": Faders(rank=2, master=3),
            "master": Faders(rank=2, energy=0.5),
        }[axis.of]
    )


@pytest.mark.parametrize("text", ["rank 1, 2, 4", "rank 1, 2", "energy 0.5, 0.9"])
def test_the_reply_that_is_judged_is_the_one_with_all_components_heard(desk: Desk, text: str) -> None:
    axis = parse_axis(text, desk, Mix())
    reply = list(generated(desk.engine.model, GREEDY))
    own = [[1 + at] * 3 for at in range(len(axis.settings))]
    if "4" in text:
        own[2] = reply
    found = curve(desk, tiny.tokenizer(), tiny.prompt(), axis, Mix(), replies=own, generation=GREEDY)
    assert found.tokens == len(reply) and found.of == axis.of
    if "4" in text:
        assert found.points[2].agreement == 1 > found.points[0].agreement


def test_how_likely_a_text_is_with_fewer_components_is_told_at_each_rank(desk: Desk) -> None:
    axis = parse_axis("rank 1, 2, 4", desk, Mix())
    found = likelihood_curve(desk, tiny.tokenizer(), "aye, the sea", axis, Mix())
    assert [point.gain for point in found.points] == [1, 2, 4] and found.of == "rank"
    assert len({point.mean_logprob for point in found.points}) == 3
