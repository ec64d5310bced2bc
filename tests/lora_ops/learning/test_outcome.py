"""What came of a course: replies and votes are judged under gains that they took no part in."""

from __future__ import annotations

import math
import threading
from types import SimpleNamespace
from typing import Any

import pytest

from lora_mixer.lora_ops import Faders, Mix
from lora_mixer.lora_ops.engines.lesson import Lesson
from lora_mixer.lora_ops.engines.peft.pupil import Heard
from lora_mixer.lora_ops.learning.learned import Point
from lora_mixer.lora_ops.learning.outcome import Outcome, nothing, stopped

LOUD = Mix({"pirate": Faders(master=2.0)})
LESSONS = [Lesson((1,), tuple(range(10 * at, 10 * at + 8))) for at in range(4)]
PARTS = ((2,), (0, 3), (1,))


class Pupil:
    """Each token is as surprising as the gain says; in a reply that is no lesson, as one, it is much more so."""

    economies = "memory was short"

    def __init__(self) -> None:
        self.heard: list[tuple[Lesson, float]] = []

    def hear(self, lessons: Any, gains: Any, temperatures: Any = (1.0,)) -> list[Heard]:
        found = []
        for lesson in lessons:
            self.heard.append((lesson, gains[0]))
            table = [(gains[0] + 0.01 * (at % 2) if lesson in LESSONS else 9.0) for at in range(len(lesson.reply))]
            found.append(Heard((tuple(table), tuple(table))))  # at 1, and at the lowest temperature
        return found


def outcome(twins: list[list[float]], best: int = 1, complete: bool = True) -> Outcome:
    points = [Point(0, 0, 3.0, 3.0, None, Mix()), Point(0, 1, 1.0, 1.1, None, LOUD)]
    course = SimpleNamespace(points=points, best=points[best], twins=twins)
    stops = threading.Event()
    room = SimpleNamespace(pupil=Pupil(), mix=Mix(), stopped=stops, gains=lambda mix: [1.0 if mix == LOUD else 3.0])
    return Outcome(room, course, PARTS, 1.0, complete, seed=1)  # type: ignore[arg-type] # plain numbers


def test_where_all_were_held_out_in_turn_each_is_heard_under_the_gains_that_it_took_no_part_in():
    run = outcome([[1.0], [1.2], [1.4]])
    found = run.of_replies(LESSONS)
    pupil: Any = run.room.pupil
    under = {lesson: gain for lesson, gain in pupil.heard if gain != 3.0 and lesson in LESSONS}
    assert under == {LESSONS[2]: 1.0, LESSONS[0]: 1.2, LESSONS[3]: 1.2, LESSONS[1]: 1.4}
    assert found.in_turn and found.held_out == (0, 1, 2, 3) and found.learned and found.mix == LOUD
    assert found.before == pytest.approx(3.005) and found.after == pytest.approx((1.0 + 1.2 + 1.2 + 1.4) / 4 + 0.005)
    assert found.economies == "memory was short"
    assert found.interval[0] <= found.before - found.after <= found.interval[1]


def test_otherwise_the_first_part_alone_is_heard_under_the_best_mix():
    found = outcome([]).of_replies(LESSONS)
    assert not found.in_turn and found.held_out == (2,)
    assert (found.before, found.after) == (3.0, 1.1), "as the course had them"


def test_votes_are_counted_under_the_gains_that_they_took_no_part_in():
    pairs = [(LESSONS[at], LESSONS[(at + 1) % 4]) for at in range(4)]
    run = outcome([[1.0], [1.2], [1.4]])
    # All replies are alike under one mix, so that what a vote gains is what the reference lacks.
    found = run.of_votes(pairs, [(-1.0, 1.0)] * 4, beta=0.5)
    assert found.before == pytest.approx(math.log(2)) and found.after == pytest.approx(found.before)
    assert not found.learned and "agrees with 4 of 4" in found.note
    worst = outcome([[1.0], [1.2], [1.4]]).of_votes(pairs, [(10_000.0, 0.0)] * 4, beta=1.0)
    assert not worst.learned and math.isfinite(worst.before)


def test_what_was_stopped_at_its_start_says_so():
    found = outcome([], best=0, complete=False).of_replies(LESSONS)
    assert not found.learned and found.note == "stopped before anything was learned" and not found.complete
    early = stopped(LOUD, 3, (1, 2))
    assert early.mix == LOUD and early.note == found.note and early.held_out == (1, 2) and not early.complete
    none = nothing(LOUD, "too few", 3)
    assert none.complete and none.note == "too few" and math.isnan(none.before)
