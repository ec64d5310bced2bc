"""The way to a mix, on a pupil of plain numbers: it gets there, keeps what helps, and leaves what does not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from helpers.toy_engine import ToyEngine

from lora_mixer.lora_ops import Desk, Fader, Faders, Mix
from lora_mixer.lora_ops.learning.course import Course, Stopped
from lora_mixer.lora_ops.learning.dials import Dials, levels_of
from lora_mixer.lora_ops.learning.goals import Goals, Turns
from lora_mixer.lora_ops.learning.learned import Point


class Near:
    """An aim: gains as near as possible to these, one for all or one each."""

    def __init__(self, *wanted: float, weight: float = 1.0) -> None:
        self._wanted, self._weight = wanted, weight

    def loss(self, gains: Sequence[float]) -> float:
        return self._weight * sum((gain - one) ** 2 for gain, one in zip(gains, self._of(gains), strict=True))

    def slopes(self, gains: Sequence[float]) -> list[float]:
        return [2 * self._weight * (gain - one) for gain, one in zip(gains, self._of(gains), strict=True)]

    def _of(self, gains: Sequence[float]) -> Sequence[float]:
        return self._wanted * len(gains) if len(self._wanted) == 1 else self._wanted


class Pupil:
    """Says of an aim what its numbers are."""

    def __init__(self) -> None:
        self.read = 0

    def slope(self, aim: Near, gains: Sequence[float]) -> tuple[float, list[float]]:
        self.read += 1
        return aim.loss(gains), aim.slopes(gains)

    def loss(self, aim: Near, gains: Sequence[float]) -> float:
        return aim.loss(gains)


DESK = Desk(ToyEngine(["pirate"]))
TARGETS = list(DESK.adapters["pirate"].scalable)


def levels(*over: Any, mix: Mix | None = None, bounds: tuple[float, float] = (0.0, 2.0)) -> list[Dials]:
    return [Dials(faders, TARGETS, mix or Mix(), bounds) for faders in levels_of(DESK, ["pirate"], over)]


def course(goals: Goals, steps: int = 20, check: Callable[[], None] = lambda: None) -> Course:
    return Course(Pupil(), goals, steps, lambda point: None, check)  # type: ignore[arg-type] # plain numbers


def goals_of(seen: Any, unseen: Any, **more: Any) -> Goals:
    """Aims of plain numbers."""
    return Goals(seen, unseen, **more)


def free(*wanted: float, **more: Any) -> Goals:
    """The same is wanted of what is seen and of what is held out, and nothing pulls."""
    return goals_of(Near(*wanted), Near(*wanted), **{"pull_weight": 0.0, **more})


def test_the_fader_goes_where_the_loss_is_least():
    run = course(free(0.4))
    run.run(levels("masters"))
    assert run.best is not None and run.best.mix["pirate"].master == pytest.approx(0.4, abs=0.01)
    assert run.points[0].mix == Mix() and run.points[0].numbers == 0
    assert run.best.unseen == min(point.unseen for point in run.points)


def test_a_fader_stays_within_its_bounds():
    run = course(free(5.0))
    run.run(levels("masters", bounds=(0.0, 1.5)))
    assert run.best is not None and run.best.mix["pirate"].master == pytest.approx(1.5)


def test_a_level_of_more_numbers_is_kept_where_held_out_replies_gain_by_it():
    apart = free(0.2, 0.8, 0.2, 0.8)  # the kinds, in the order of the targets
    run = course(apart)
    run.run(levels("masters", "kinds"))
    assert run.best is not None and run.best.level == 1
    assert [run.best.mix.gain(target) for target in TARGETS] == pytest.approx([0.2, 0.8, 0.2, 0.8], abs=0.05)


def test_a_level_that_only_fits_what_is_seen_is_left():
    goals = goals_of(Near(0.2, 0.8, 0.2, 0.8), Near(0.5), pull_weight=0.0)
    run = course(goals)
    run.run(levels("masters", "kinds"))
    assert run.best is not None and run.best.level == 0
    assert not run.best.mix["pirate"].kinds and run.best.mix["pirate"].master == pytest.approx(0.5, abs=0.05)


def test_what_no_level_helps_stays_where_it_is_and_ends_early():
    run = course(goals_of(Near(0.2), Near(1.0), pull_weight=0.0))
    run.run(levels("masters", "kinds", "layers", "targets"))
    assert run.best is run.points[0] and run.best.mix == Mix()
    assert {point.level for point in run.points} == {0, 1}, "after two levels that gave nothing no other is tried"


def test_at_most_so_many_steps_are_made():
    run = course(free(0.2, 0.8, 0.5, 1.4), steps=3)
    run.run(levels("targets"))
    assert run.pupil.read <= 3 + 1  # type: ignore[attr-defined]


def test_the_best_so_far_stays_when_somebody_stops_it():
    left = 6

    def check() -> None:
        nonlocal left
        left -= 1
        if left == 0:
            raise Stopped

    run = course(free(0.4), check=check)
    with pytest.raises(Stopped):
        run.run(levels("masters", "kinds"))
    assert run.best is not None and run.best.unseen == min(point.unseen for point in run.points) < 1


def test_it_is_told_of_each_step_and_of_each_mix():
    told: list[Point | None] = []
    run = replace(course(free(0.4)), tell=told.append)
    run.run(levels("masters"))
    assert [point for point in told if point is not None] == run.points[1:]
    assert told.count(None) == run.pupil.read  # type: ignore[attr-defined]


def test_texts_to_keep_count_by_their_weight():
    def found(weight: float) -> float:
        run = course(free(0.0, keep=Near(1.0), keep_weight=weight))
        run.run(levels("masters"))
        assert run.best is not None and run.best.changed is not None
        return run.best.mix["pirate"].master

    assert found(0.0) == pytest.approx(0, abs=0.02)
    assert found(1.0) == pytest.approx(0.5, abs=0.02)
    assert found(9.0) == pytest.approx(0.9, abs=0.02)


@pytest.mark.parametrize("pull, goes", [("loaded", 1), ("silent", -1)])
def test_the_pull_goes_to_what_was_there_or_to_silence(pull: Any, goes: int):
    """Of a loss that one target alone hangs on, the others go where the pull has them."""

    class First(Near):
        def loss(self, gains: Sequence[float]) -> float:
            return (gains[0] - 0.5) ** 2

        def slopes(self, gains: Sequence[float]) -> list[float]:
            return [2 * (gains[0] - 0.5), *[0.0] * (len(gains) - 1)]

    run = course(goals_of(First(), First(), pull=pull, pull_weight=0.05))
    run.run(levels("targets"))
    gains = [run.points[-1].mix.gain(target) for target in TARGETS]
    assert gains[0] == pytest.approx(0.5, abs=0.1)
    assert all((gain - 1) * goes >= -1e-6 for gain in gains[1:])
    assert (max(gains[1:]) < 0.9) if pull == "silent" else gains[1:] == pytest.approx([1.0] * 3)


def test_a_crossfade_that_stands_stays_below_what_is_learned():
    start = Mix.between(
        Mix({"pirate": Faders(kinds={"q_proj": 0.4}, layers={0: 1.5})}),
        Mix({"pirate": Faders(kinds={"v_proj": 0.6}, layers={1: 0.6})}),
        0.5,
    )
    wanted = [start.gain(target) * 0.6 for target in TARGETS]
    run = course(free(*wanted))
    run.run(levels("masters", mix=start))
    assert run.best is not None
    assert [run.best.mix.gain(target) for target in TARGETS] == pytest.approx(wanted, abs=0.01)
    assert run.best.mix["pirate"].crossfade == start["pirate"].crossfade
    assert run.best.mix["pirate"].master == pytest.approx(0.6, abs=0.01)


def test_what_is_learned_of_one_fader_is_where_the_next_level_begins():
    run = course(free(0.2, 0.4, 0.2, 0.4))  # by master alone 0.3
    run.run(levels("masters", Fader("pirate", "kind", "q_proj")))
    first = next(point for point in run.points if point.level == 1)
    assert first.mix["pirate"].master == pytest.approx(0.3, abs=0.1)


class Examples:
    """An aim of several examples, each of which wants gains of its own: the mean over them."""

    def __init__(self, *wanted: Sequence[float]) -> None:
        self._each = [Near(*one) for one in wanted]
        self.groups, self.count = [(at,) for at in range(len(wanted))], len(wanted)

    def loss(self, gains: Sequence[float]) -> float:
        return sum(one.loss(gains) for one in self._each) / self.count

    def slopes(self, gains: Sequence[float]) -> list[float]:
        return [sum(of) / self.count for of in zip(*(one.slopes(gains) for one in self._each), strict=True)]

    def moments(self, gains: Sequence[float], parts: Sequence[Sequence[int]]) -> list[Any]:
        own = [[[slope / self.count for slope in self._each[at].slopes(gains)] for at in part] for part in parts]
        return [
            ([sum(of) for of in zip(*part, strict=True)], [sum(x * x for x in of) for of in zip(*part, strict=True)])
            for part in own
        ]


class Patient(Pupil):
    """Tells examples apart as well."""

    def moments(self, aim: Examples, gains: Sequence[float], parts: Sequence[Sequence[int]]) -> list[Any]:
        return aim.moments(gains, parts)


def in_turns(*wanted: Sequence[float], **more: Any) -> Goals:
    """These examples, of which the first is held out at every level, and each in its turn."""
    parts = tuple((at,) for at in range(len(wanted)))
    aims: Any = [Examples(one) for one in wanted]
    turns = Turns(Examples(*wanted), parts, tuple(aims))  # type: ignore[arg-type] # plain numbers
    return goals_of(Examples(*wanted[1:]), aims[0], turns=turns, **more)


#: Nearly the same is wanted by each of three examples, fewer than there are targets.
ALIKE = ([0.2, 0.9, 0.3, 1.6], [0.1, 0.9, 0.2, 1.7], [0.2, 0.8, 0.3, 1.6])
#: What is wanted by one is the opposite of what the others want.
APART = ([0.2, 1.8, 1.0, 1.0], [1.8, 1.0, 0.2, 1.0], [1.0, 0.2, 1.8, 1.0])


def patient(goals: Goals, steps: int = 20, check: Callable[[], None] = lambda: None) -> Course:
    return Course(Patient(), goals, steps, lambda point: None, check)  # type: ignore[arg-type]


def test_more_numbers_than_examples_are_learned_in_one_step_that_each_example_was_held_out_of():
    run = patient(in_turns(*ALIKE))
    run.run(levels("targets"))
    assert run.best is run.points[-1] and run.pupil.read == 0  # type: ignore[attr-defined]
    assert len(run.twins) == 3 and len(run.points) <= 8
    gains = [run.best.mix.gain(target) for target in TARGETS]
    assert max(gains[:3]) < 1 < gains[3]
    # What it is worth is what its twin says, which has not seen what was held out.
    assert run.best.unseen == pytest.approx(Examples(ALIKE[0]).loss(run.twins[0]))
    assert run.best.unseen < run.points[0].unseen and run.best.seen < run.points[0].seen


def test_where_each_example_wants_something_else_nothing_is_kept():
    run = patient(in_turns(*APART))
    run.run(levels("targets"))
    assert run.best is run.points[0] and not run.twins


def test_as_many_examples_as_numbers_are_learned_by_as_many_steps_as_help():
    run = patient(in_turns(*ALIKE, ALIKE[0], pull_weight=0.0))
    run.run(levels("targets"))
    assert run.pupil.read > 1 and not run.twins  # type: ignore[attr-defined]


def test_to_fall_silent_numbers_take_as_many_steps_as_help():
    run = patient(in_turns(*ALIKE, pull="silent"))
    run.run(levels("targets"))
    assert run.pupil.read > 1  # type: ignore[attr-defined]


def test_targets_are_tried_whatever_levels_before_gave_and_a_better_level_before_stays():
    wild = ([0.0, 2.0, 2.0, 0.0], [0.0, 2.0, 2.0, 0.0], [0.0, 2.0, 2.0, 0.0])  # which no master and no kind can tell
    run = patient(in_turns(*wild))
    run.run(levels("masters", "kinds", "targets"))
    assert run.best is not None and run.best.level == 2 and run.twins
    same = patient(in_turns(*[[0.2] * 4] * 3))
    same.run(levels("masters", "targets"))
    assert same.best is not None and same.best.level == 0 and not same.twins
    assert {point.level for point in same.points} == {0, 1}


def test_stopped_in_the_middle_of_the_step_the_best_length_so_far_stays():
    left = 12

    def check() -> None:
        nonlocal left
        left -= 1
        if left == 0:
            raise Stopped

    run = patient(in_turns(*ALIKE), check=check)
    with pytest.raises(Stopped):
        run.run(levels("targets"))
    assert run.best is not None and run.best in run.points[1:] and not run.twins
    assert run.best.unseen < run.points[0].unseen
