"""The way from where faders stand to where they should: level after level, few numbers first, with SciPy's L-BFGS-B.

Where every target has a number of its own, and there are more of them than replies, that would fit them to chance:
there it is one step from where the faders stood at first, as `natural.py` has it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from ..optional_packages import needed
from .dials import Dials
from .goals import Goals, Turns
from .learned import Point
from .natural import LENGTHS, directions

if TYPE_CHECKING:
    from ..engines.peft.pupil import Pupil

#: How far the number of largest effect moves in the first step of a level.
_FIRST_STEP = 0.3
#: A level ends when the replies held out got no better so many times in a row; learning when so many levels did.
_PATIENCE, _IDLE_LEVELS = 2, 2
#: By how many nats less held-out replies count as better: below is rounding.
_BETTER = 1e-4


class Stopped(Exception):
    """Somebody asked for an end; what was found so far stays."""


class _Enough(Exception):
    """Held-out replies gain nothing any more."""


class Told(Protocol):
    """Told after each step, with the point if the step ended at one."""

    def __call__(self, point: Point | None) -> None: ...


@dataclass
class Course:
    """One course of learning under way.

    Attributes:
        points: the mixes on the way.
        best: the best of them by what was held out, and its numbers by fader.
        twins: where the best was learned from all examples: for each part of them, the gains that were learned without
            it in the same way. They tell what it is worth.
    """

    pupil: Pupil
    goals: Goals
    steps: int
    tell: Told
    check: Callable[[], None]
    points: list[Point] = field(default_factory=list)
    best: Point | None = None
    numbers: dict[Any, float] = field(default_factory=dict)
    twins: list[list[float]] = field(default_factory=list)

    def run(self, levels: Sequence[Dials]) -> None:
        """All levels; each begins where the best mix so far stands, and stays only if held-out replies gain by it.

        Raises:
            Stopped: `check` raised it; `best` is what was found so far.
        """
        first = levels[0]
        ones = [1.0] * len(first)
        start = self._point(-1, first, ones, self.pupil.loss(self.goals.seen, first.gains(ones)))
        self.best = start
        idle = 0
        for at, dials in enumerate(levels):
            before = self.best
            if (turns := self._in_turns(dials)) is not None:
                self._one_step(at, dials, turns)  # it begins anew, so that it matters not what levels before it gave
            elif idle < _IDLE_LEVELS:
                with suppress(_Enough):
                    self._level(at, dials)
            idle = 0 if self.best is not before else idle + 1

    def _in_turns(self, dials: Dials) -> Turns | None:
        turns = self.goals.turns
        many = turns is not None and dials.of_each_target and len(dials.targets) > len(turns.whole.groups)
        return turns if many and self.goals.pull == "loaded" else None

    def _one_step(self, at: int, dials: Dials, turns: Turns) -> None:
        before, start = self.best, self.points[0]
        self.check()
        found = directions(self.pupil, self.goals, turns, dials)
        self.tell(None)
        least = turns.mean([start.unseen, *self._losses(turns, [dials.start] * len(turns.aims))]) + self._moved(start)
        chosen: tuple[float, Point] | None = None
        for length in LENGTHS[: max(self.steps - 1, 1)]:
            self.check()
            twins = found.turns(length)
            twin = self._point(at, dials, twins[0], self.pupil.loss(self.goals.seen, dials.gains(twins[0])))
            self.tell(None)
            self.tell(twin)
            others = self._losses(turns, [dials.gains(numbers) for numbers in twins])
            worth = turns.mean([twin.unseen, *others]) + self._moved(twin)
            if worth >= least - _BETTER:
                break
            chosen, least = (length, twin), worth
            if self._better(twin):  # should somebody stop it now
                self._stands(dials, twins[0], twin)
        if chosen is None:
            return
        length, twin = chosen
        # Against where it began all examples speak, each for its twin; of other levels one part alone was held out.
        if before is not start and before is not None and self._worth(twin) >= self._worth(before) - _BETTER:
            return
        self.check()
        numbers = found.numbers(length)
        seen = self.pupil.loss(self.goals.seen, dials.gains(numbers))
        self._stands(dials, numbers, self._point(at, dials, numbers, seen, twin.unseen))
        self.twins = [dials.gains(one) for one in found.turns(length)]
        self.tell(self.best)

    def _stands(self, dials: Dials, numbers: Sequence[float], point: Point) -> None:
        self.best, self.twins = point, []
        self.numbers = dict(zip(dials.faders, numbers, strict=True))

    def _losses(self, turns: Turns, gains: Sequence[Sequence[float]]) -> list[float]:
        """Of each part but the first, under its own gains."""
        found = []
        for aim, own in zip(turns.aims[1:], gains[1:], strict=True):
            self.check()
            found.append(self.pupil.loss(aim, own))
        return found

    def _level(self, at: int, dials: Dials) -> None:
        optimize = needed("scipy.optimize", "learning")
        np = needed("numpy", "learning")
        start = [self.numbers.get(fader, 1.0) for fader in dials.faders]
        first = True
        scale, stale = 1.0, 0
        last_seen: dict[bytes, Any] = {}

        def loss(found: Any) -> tuple[float, Any]:
            nonlocal first, scale
            numbers = [float(one) for one in found]
            self.check()
            value, slopes, seen = self._loss(dials, numbers)
            self.tell(None)
            last_seen[found.tobytes()] = seen
            if first:
                steepest = max(map(abs, slopes), default=0.0)
                scale, first = (_FIRST_STEP / steepest if steepest else 1.0), False
            return value * scale, np.array(slopes) * scale

        def stands(found: Any) -> None:
            nonlocal stale
            self.check()
            numbers = [float(one) for one in found]
            seen = last_seen.get(found.tobytes())
            if seen is None:
                return
            point = self._point(at, dials, numbers, seen)
            self.tell(point)
            if self._better(point):
                self._stands(dials, numbers, point)
                stale = 0
                return
            stale += 1
            if stale == _PATIENCE:
                raise _Enough

        optimize.minimize(
            loss,
            np.array(start),
            jac=True,
            method="L-BFGS-B",
            bounds=dials.bounds,
            callback=stands,
            options={"maxfun": self.steps, "maxiter": self.steps},
        )

    def _loss(self, dials: Dials, numbers: Sequence[float]) -> tuple[float, list[float], float]:
        """The loss, how it changes with each number, and the part of it that is about what is learned from."""
        goals, gains = self.goals, dials.gains(numbers)
        seen, of_gains = self.pupil.slope(goals.seen, gains)
        value = seen
        if goals.keep is not None:
            moved, slopes = self.pupil.slope(goals.keep, gains)
            value += goals.keep_weight * moved
            of_gains = [one + goals.keep_weight * other for one, other in zip(of_gains, slopes, strict=True)]
        pulled, slopes = goals.pulled(gains, dials.start)
        return value + pulled, dials.slopes(numbers, [a + b for a, b in zip(of_gains, slopes, strict=True)]), seen

    def _point(
        self, level: int, dials: Dials, numbers: Sequence[float], seen: float, unseen: float | None = None
    ) -> Point:
        gains = dials.gains(numbers)
        changed = None if self.goals.keep is None else self.pupil.loss(self.goals.keep, gains)
        unseen = self.pupil.loss(self.goals.unseen, gains) if unseen is None else unseen
        point = Point(max(level, 0), len(dials) if level >= 0 else 0, seen, unseen, changed, dials.put(numbers))
        self.points.append(point)
        return point

    def _better(self, point: Point) -> bool:
        assert self.best is not None
        return self._worth(point) < self._worth(self.best) - _BETTER

    def _worth(self, point: Point) -> float:
        return point.unseen + self._moved(point)

    def _moved(self, point: Point) -> float:
        """What it costs that texts to keep have moved."""
        return self.goals.keep_weight * (point.changed or 0.0)
