"""One step for many numbers at once, from where faders stand: a natural gradient, how far it goes held out in turns.

Few replies say little of each of 210 gains: an optimiser that goes on to where the loss is least fits them to chance,
and clean targets fall as deep as spoiled ones. One step asks only what can be answered: in which direction each gain
should move, against how sure that is. With g_r the slope of reply r's surprise in a gain, in nats, and T the tokens of
all replies, the step is

    - (sum g_r / T) / (sum g_r^2 / T + c),

the natural gradient (Amari 1998, "Natural Gradient Works Efficiently in Learning") with the diagonal of the empirical
Fisher information. That is not the loss's curvature away from where the model says what it reads (Kunstner, Balles and
Hennig 2019, arXiv:1905.12558), which is why the length is not taken from it: it is the one of `LENGTHS` under which
replies are likeliest that took no part in the direction. c is the curvature of the pull to where the gains stood, so
that a gain of which the replies say nothing stays there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..optional_packages import needed
from .dials import Dials

if TYPE_CHECKING:
    from ..engines.peft.pupil import Pupil
    from .goals import Goals, Turns

#: How long a step may be: what the whole natural gradient is multiplied by.
LENGTHS = (0.1, 0.2, 0.3, 0.4, 0.6, 0.8)


@dataclass(frozen=True)
class Directions:
    """Where the number of each target should go, from 1.

    Attributes:
        dials: the level's.
        without: by target, learned without each part of the examples.
        whole: learned from all of them.
    """

    dials: Dials
    without: tuple[Any, ...]
    whole: Any

    def turns(self, length: float) -> list[list[float]]:
        """For each part, the level's numbers after a step of this length in which it took no part."""
        return [self._after(direction, length) for direction in self.without]

    def numbers(self, length: float) -> list[float]:
        """The level's numbers after a step of this length in which all examples took part."""
        return self._after(self.whole, length)

    def _after(self, direction: Any, length: float) -> list[float]:
        numbers = [1.0] * len(self.dials)
        for at, place in self.dials.single.items():
            low, high = self.dials.bounds[at]
            numbers[at] = min(max(1.0 + length * float(direction[place]), low), high)
        return _with_masters(self.dials, numbers)


def _with_masters(dials: Dials, numbers: list[float]) -> list[float]:
    """The same gains, with what an adapter's targets have in common in its master, as far as there is one to move."""
    for master, fader in enumerate(dials.faders):
        if fader.of != "master":
            continue
        own = [at for at in dials.single if dials.faders[at].adapter == fader.adapter]
        shared = sum(numbers[at] for at in own) / len(own)
        within = [numbers[at] / shared if shared else 1.0 for at in own]
        moved = [(master, shared), *zip(own, within, strict=True)]
        if all(dials.bounds[at][0] <= number <= dials.bounds[at][1] for at, number in moved):
            numbers = [dict(moved).get(at, number) for at, number in enumerate(numbers)]
    return numbers


def directions(pupil: Pupil, goals: Goals, turns: Turns, dials: Dials) -> Directions:
    """What the slopes of all examples where the faders stand say, in one pass over them and back."""
    np = needed("numpy", "learning")
    start = np.array(dials.start)
    moments = np.array(pupil.moments(turns.whole, dials.start, turns.parts))  # (parts, sums and squares, gains)
    moments[:, 0] *= start  # a number multiplies its gain
    moments[:, 1] *= start**2
    kept = np.zeros(len(start))
    if goals.keep is not None:
        kept = goals.keep_weight * np.array(pupil.slope(goals.keep, dials.start)[1]) * start
    pulled = 2 * goals.pull_weight / len(start)
    every = turns.whole.count

    def direction(known: Any, count: int) -> Any:
        share = every / count  # slopes are those of the mean over all: of these alone it is a larger part
        slope, square = known[0] * share + kept, known[1] * share**2 * count + pulled
        return -np.divide(slope, square, out=np.zeros_like(slope), where=square > 0)

    whole = moments.sum(0)
    without = [direction(whole - part, every - aim.count) for part, aim in zip(moments, turns.aims, strict=True)]
    return Directions(dials, tuple(without), direction(whole, every))
