"""What came of a course, as examples have it that took no part in it."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from ..engines.engine import Cancelled
from ..engines.lesson import Lesson
from ..mix import Mix
from .course import Course, Stopped
from .goals import Goals, Parts
from .learned import Learned, Point, Update
from .preferences import why_undecided
from .room import Room
from .verdict import interval, mean, shuffled, why_noise, why_nothing

if TYPE_CHECKING:
    from ..engines.peft.pupil import Heard

_UNKNOWN = (float("nan"), float("nan"))
_STOPPED = "stopped before anything was learned"


def nothing(mix: Mix, note: str, seed: int, held_out: Sequence[int] = (), complete: bool = True) -> Learned:
    """What comes of it where there was no course."""
    nan = float("nan")
    return Learned(mix, nan, nan, _UNKNOWN, False, note, (), tuple(held_out), 0.0, complete, seed)


def stopped(mix: Mix, seed: int, held_out: Sequence[int]) -> Learned:
    """What comes of a course that was stopped before it knew where it starts from."""
    return nothing(mix, _STOPPED, seed, held_out, complete=False)


def taught(
    room: Room, goals: Goals, steps: int, tell: Callable[[Update], None], parts: Parts, seed: int
) -> Outcome | None:
    """A course from beginning to end, or until it is stopped; None if it was before it knew where it starts from."""
    began, done, most = time.perf_counter(), 0, steps * len(room.levels)

    def told(point: Point | None) -> None:
        nonlocal done
        done += point is None
        tell(Update(min(done, most), most, time.perf_counter() - began, point))

    def check() -> None:
        if room.stopped.is_set():
            raise Stopped

    course = Course(room.pupil, goals, steps, told, check)
    try:
        course.run(room.levels)
        complete = True
    except (Stopped, Cancelled):
        complete = False
    room.stopped.clear()  # what was found is judged, though somebody asked for an end
    if course.best is None:
        return None
    return Outcome(room, course, parts, time.perf_counter() - began, complete, seed)


@dataclass(frozen=True)
class Outcome:
    """A course that has at least the point that it starts from, in the room where it was held.

    Attributes:
        parts: the places of its examples.
        complete: whether it came to its end.
        seed: of what was held out.
    """

    room: Room
    course: Course
    parts: Parts
    seconds: float
    complete: bool
    seed: int

    def of_replies(self, lessons: Sequence[Lesson]) -> Learned:
        """What it is worth on replies that were held out."""
        others = [lessons[at] for at in self.held_out]
        before, after = self.room.pupil.hear(others, self.room.gains(self.room.mix)), self._heard(others)
        own, changed = ([one.nats[0] for one in heard] for heard in (before, after))
        mixed_up = self._heard(shuffled(others, self.seed), as_it_is=True)
        note = self._stopped or why_noise(after, mixed_up, others) or why_nothing(before, after)
        return self._learned(note, (mean(own), mean(changed)), interval(own, changed))

    def of_votes(
        self, pairs: Sequence[tuple[Lesson, Lesson]], references: Sequence[tuple[float, float]], beta: float
    ) -> Learned:
        """What it is worth on votes that were held out; arguments as those of `Preferred`."""
        logs = [one.logprob for one in self._heard([one for at in self.held_out for one in pairs[at]], 2, True)]
        margins = [
            better - worse - (references[at][0] - references[at][1])
            for at, better, worse in zip(self.held_out, logs[::2], logs[1::2], strict=True)
        ]
        surprise = [_softplus(-beta * margin) for margin in margins]
        worth = math.log(2), math.fsum(surprise) / len(surprise)
        return self._learned(self._stopped or why_undecided(margins), worth, _UNKNOWN)

    @property
    def held_out(self) -> list[int]:
        """The places of what the best mix, or its twin for each, was not learned from."""
        return [at for part in self.parts[: len(self.course.twins) or 1] for at in part]

    @property
    def _best(self) -> Point:
        assert self.course.best is not None, "it has the point that it starts from"
        return self.course.best

    @property
    def _stopped(self) -> str:
        return _STOPPED if not self.complete and self._best is self.course.points[0] else ""

    def _heard(self, lessons: Sequence[Lesson], each: int = 1, as_it_is: bool = False) -> list[Heard]:
        """Lessons, so many for each example that was held out, under the gains that it took no part in.

        Args:
            as_it_is: whether the model's own temperature is enough.
        """
        how: dict[str, Any] = {"temperatures": (1.0,)} if as_it_is else {}
        rest = iter(lessons)
        gains = self.course.twins or [self.room.gains(self._best.mix)]
        return [
            heard
            for part, own in zip(self.parts, gains, strict=False)
            for heard in self.room.pupil.hear(list(islice(rest, each * len(part))), own, **how)
        ]

    def _learned(self, note: str, worth: tuple[float, float], sure: tuple[float, float]) -> Learned:
        first, best = self.course.points[0], self._best
        before, after = worth if self.course.twins else (first.unseen, best.unseen)
        learned = not note and best is not first
        return Learned(
            mix=best.mix if learned else self.room.mix,
            before=before,
            after=after if learned else before,
            interval=sure,
            learned=learned,
            note=note,
            curve=tuple(self.course.points),
            held_out=tuple(sorted(self.held_out)),
            seconds=self.seconds,
            complete=self.complete,
            seed=self.seed,
            in_turn=bool(self.course.twins),
            economies=self.room.pupil.economies,
        )


def _softplus(number: float) -> float:
    return max(number, 0.0) + math.log1p(math.exp(-abs(number)))
