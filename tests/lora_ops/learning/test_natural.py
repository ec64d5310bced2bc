"""One step for many numbers: the natural gradient of what the examples say, without each part and of all of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from helpers.toy_engine import ToyEngine

from lora_mixer.lora_ops import Desk, Faders, Mix
from lora_mixer.lora_ops.learning.dials import Dials, levels_of
from lora_mixer.lora_ops.learning.goals import Goals, Turns
from lora_mixer.lora_ops.learning.natural import Directions, directions

DESK = Desk(ToyEngine(["pirate"]))
TARGETS = list(DESK.adapters["pirate"].scalable)
#: Of each of three replies, how its surprise grows with each gain; and how many tokens they have.
SLOPES = [[-2.0, 1.0, 0.0, 3.0], [-4.0, -1.0, 0.0, 1.0], [1.0, 3.0, 0.0, 2.0]]
TOKENS = [2, 4, 4]
PARTS = ((1,), (0, 2))


class Aim:
    """What its replies say."""

    def __init__(self, *places: int) -> None:
        self.places, self.count = places, sum(TOKENS[at] for at in places)
        self.groups = [(at,) for at in places]


class Pupil:
    """Says what the replies' slopes are, whatever the gains; texts to keep pull the first gain down."""

    def moments(self, aim: Aim, gains: Sequence[float], parts: Any) -> list[tuple[list[float], list[float]]]:
        found = []
        for part in parts:
            shares = [[slope / aim.count for slope in SLOPES[aim.places[at]]] for at in part]
            found.append(([sum(one) for one in zip(*shares, strict=True)],
                          [sum(x * x for x in one) for one in zip(*shares, strict=True)]))  # fmt: skip
        return found

    def slope(self, aim: Any, gains: Sequence[float]) -> tuple[float, list[float]]:
        return 0.0, [5.0, 0.0, 0.0, 0.0]


def dials(*over: Any, mix: Mix | None = None, bounds: tuple[float, float] = (0.0, 2.0)) -> Dials:
    return [Dials(faders, TARGETS, mix or Mix(), bounds) for faders in levels_of(DESK, ["pirate"], over)][-1]


TURNS: Any = Turns(Aim(0, 1, 2), PARTS, (Aim(1), Aim(0, 2)))  # type: ignore[arg-type] # plain numbers


def found(level: Dials, **more: Any) -> Directions:
    goals = Goals(Aim(0, 2), Aim(1), **{"pull_weight": 0.2, "turns": TURNS, **more})  # type: ignore[arg-type]
    return directions(Pupil(), goals, TURNS, level)  # type: ignore[arg-type]


def by_hand(places: Sequence[int], start: Sequence[float] = (1, 1, 1, 1), kept: float = 0.0) -> list[float]:
    tokens = sum(TOKENS[at] for at in places)
    steps = []
    for gain in range(4):
        own = [SLOPES[at][gain] * start[gain] for at in places]
        slope = sum(own) / tokens + (kept * start[gain] if gain == 0 else 0)
        steps.append(-slope / (sum(one * one for one in own) / tokens + 2 * 0.2 / 4))
    return steps


def test_the_step_is_the_natural_gradient_of_the_replies_that_take_part():
    level = found(dials("targets"))
    assert level.whole.tolist() == pytest.approx(by_hand([0, 1, 2]))
    assert level.without[0].tolist() == pytest.approx(by_hand([0, 2]))
    assert level.without[1].tolist() == pytest.approx(by_hand([1]))
    assert level.whole[2] == 0, "of which no reply says anything"
    wanted = [1 + 0.3 * step for step in by_hand([0, 1, 2])]
    assert level.numbers(0.3) == pytest.approx(wanted)
    assert level.turns(0.3)[1] == pytest.approx([1 + 0.3 * step for step in by_hand([1])])


def test_numbers_multiply_the_gains_that_they_start_from_and_what_is_silent_stays():
    mix = Mix({"pirate": Faders(modules={TARGETS[0].name: 0.5, TARGETS[1].name: 0.0})})
    level = found(dials("targets", mix=mix))
    wanted = by_hand([0, 1, 2], [0.5, 0, 1, 1])
    assert level.whole.tolist() == pytest.approx(wanted)
    assert level.dials.gains(level.numbers(0.3))[1] == 0


def test_texts_to_keep_count_by_their_weight():
    assert found(dials("targets"), keep=Aim(0), keep_weight=0.5).whole.tolist() == pytest.approx(
        by_hand([0, 1, 2], kept=2.5)
    )


def test_gains_stay_within_their_bounds():
    level = found(dials("targets", bounds=(0.8, 1.1)))
    assert all(0.8 <= number <= 1.1 for number in level.numbers(0.8))


def test_where_nothing_pulls_a_gain_of_which_nothing_is_said_stays():
    assert found(dials("targets"), pull_weight=0.0).whole[2] == 0


def test_what_an_adapter_s_targets_have_in_common_stands_in_its_master():
    one, split = found(dials("targets")), found(dials("masters", "targets"))
    gains, own = one.dials.gains(one.numbers(0.2)), split.dials.gains(split.numbers(0.2))
    assert own == pytest.approx(gains)
    assert split.numbers(0.2)[0] == pytest.approx(sum(gains) / len(gains))


def test_a_master_takes_nothing_that_it_would_carry_out_of_a_fader_s_range():
    level = found(dials("masters", "targets", bounds=(0.9, 1.2)))
    numbers = level.numbers(0.8)
    for number, (low, high) in zip(numbers, level.dials.bounds, strict=True):
        assert low <= number <= high
