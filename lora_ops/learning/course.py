"""The way from where faders stand to where they should: level after level, few numbers first, with SciPy's L-BFGS-B."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

from ..optional_packages import needed
from .dials import Dials
from .learned import Point

if TYPE_CHECKING:
    from ..engines.peft.aims import Aim
    from ..engines.peft.pupil import Pupil

#: How far the number of largest effect moves in the first step of a level.
_FIRST_STEP = 0.3
#: A level ends when the replies held out got no better so many times in a row; learning when so many levels did.
_PATIENCE, _IDLE_LEVELS = 2, 2
#: By how many nats less held-out replies count as better: below is rounding.
_BETTER = 1e-4

Pull = Literal["loaded", "silent"]


class Stopped(Exception):
    """Somebody asked for an end; what was found so far stays."""


class _Enough(Exception):
    """Held-out replies gain nothing any more."""


class Told(Protocol):
    """Told after each step, with the point if the step ended at one."""

    def __call__(self, point: Point | None) -> None: ...


@dataclass(frozen=True)
class Goals:
    """What is asked of a mix.

    Attributes:
        seen: the loss on what is learned from.
        unseen: the same on what was held out.
        keep: how far texts that are to stay have moved; None without any.
        keep_weight: what a nat of that is worth, in nats of the examples.
        pull: to "loaded", where every gain is as it was at first, or to "silent", as few targets as possible.
        pull_weight: what it is worth when gains are off by one in the mean.
    """

    seen: Aim
    unseen: Aim
    keep: Aim | None = None
    keep_weight: float = 1.0
    pull: Pull = "loaded"
    pull_weight: float = 0.1


@dataclass
class Course:
    """One course of learning under way.

    Attributes:
        points: the mixes on the way.
        best: the best of them by what was held out, and its numbers by fader.
    """

    pupil: Pupil
    goals: Goals
    steps: int
    tell: Told
    check: Callable[[], None]
    points: list[Point] = field(default_factory=list)
    best: Point | None = None
    numbers: dict[Any, float] = field(default_factory=dict)

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
            with suppress(_Enough):
                self._level(at, dials)
            idle = 0 if self.best is not before else idle + 1
            if idle == _IDLE_LEVELS:
                break

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
                self.best, stale = point, 0
                self.numbers = dict(zip(dials.faders, numbers, strict=True))
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
        pulled, slopes = _pull(goals, gains, dials.start)
        return value + pulled, dials.slopes(numbers, [a + b for a, b in zip(of_gains, slopes, strict=True)]), seen

    def _point(self, level: int, dials: Dials, numbers: Sequence[float], seen: float) -> Point:
        gains = dials.gains(numbers)
        changed = None if self.goals.keep is None else self.pupil.loss(self.goals.keep, gains)
        unseen = self.pupil.loss(self.goals.unseen, gains)
        point = Point(max(level, 0), len(dials) if level >= 0 else 0, seen, unseen, changed, dials.put(numbers))
        self.points.append(point)
        return point

    def _better(self, point: Point) -> bool:
        assert self.best is not None
        return self._worth(point) < self._worth(self.best) - _BETTER

    def _worth(self, point: Point) -> float:
        return point.unseen + self.goals.keep_weight * (point.changed or 0.0)


def _pull(goals: Goals, gains: Sequence[float], start: Sequence[float]) -> tuple[float, list[float]]:
    """What the gains themselves add to the loss, and how that changes with each: relative to where they began."""
    weight = goals.pull_weight / max(len(gains), 1)
    shares = [gain / first if first else 1.0 for gain, first in zip(gains, start, strict=True)]
    if goals.pull == "silent":
        return weight * sum(map(abs, shares)), [
            weight * (1 if share >= 0 else -1) / first if first else 0.0
            for share, first in zip(shares, start, strict=True)
        ]
    return weight * sum((share - 1) ** 2 for share in shares), [
        2 * weight * (share - 1) / first if first else 0.0 for share, first in zip(shares, start, strict=True)
    ]
