"""One time that faders were learned: its points, which of them is best, what may be heard of it."""

from __future__ import annotations

import pytest
from helpers.tiny import mix_of

from lora_mixer.lora_ops.learning.learned import Learned, Point, Update
from lora_mixer.lora_ops.mix import Mix
from lora_mixer.ui.learn.attempt import Attempt

POINTS = [
    Point(0, 0, 2.0, 2.0, 0.5, Mix()),
    Point(0, 1, 1.5, 1.4, 0.9, mix_of(master=0.5)),
    Point(0, 1, 1.6, 1.5, 0.2, mix_of(master=0.7)),
]


def learned(mix: Mix, is_so: bool = True) -> Learned:
    return Learned(mix, 2.0, 1.5, (0.1, 0.9), is_so, "" if is_so else "nothing", tuple(POINTS), (3,), 1.0, True, 0)


def under_way() -> Attempt:
    attempt = Attempt("replies", 4, "tiny", Mix())
    for at, point in enumerate(POINTS):
        attempt.follow(Update(at, 8, 1.0, point))
    attempt.follow(Update(3, 8, 1.5, None))
    return attempt


def test_while_it_is_under_way_the_best_point_counts_what_is_to_stay() -> None:
    attempt = under_way()
    assert (attempt.step, attempt.of) == (3, 8) and attempt.points == POINTS and attempt.best == 2
    assert attempt.mix is None
    assert Attempt("replies", 4, "tiny", Mix()).best is None


def test_when_it_is_over_the_best_is_what_was_learned() -> None:
    attempt = under_way()
    attempt.end(learned(POINTS[1].mix))
    assert attempt.best == 1 and attempt.mix == attempt.mix_at(None) == attempt.mix_at(1) and not attempt.running
    attempt.end(learned(mix_of(master=0.1)))
    assert attempt.best is None and attempt.mix_at(None) == mix_of(master=0.1)


def test_where_nothing_was_learned_there_is_no_mix_to_use_but_those_on_the_way_can_be_heard() -> None:
    attempt = under_way()
    attempt.end(learned(Mix(), is_so=False))
    with pytest.raises(ValueError, match="nothing was learned"):
        attempt.mix_at(None)
    assert attempt.mix_at(2) == POINTS[2].mix
    for place in (-1, 3):
        with pytest.raises(ValueError, match="no such mix"):
            attempt.mix_at(place)


def test_what_failed_keeps_the_mixes_until_then() -> None:
    attempt = under_way()
    attempt.fail("No memory.")
    assert not attempt.running and attempt.failed == "No memory." and attempt.points == POINTS
