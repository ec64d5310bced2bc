"""What came of learning, and how far it is: plain data."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..mix import Mix


@dataclass(frozen=True)
class Point:
    """A mix on the way.

    Attributes:
        level: which level of detail it belongs to, from 0; the first point is the mix that one starts from.
        numbers: how many numbers that level has.
        seen: nats per token of the replies that are learned from; of votes, nats per vote.
        unseen: the same of those that were held out; of a mix that was learned from all at last, under its twin that
            was learned without them.
        changed: nats per token by which the texts to keep have moved from the base; None without any.
    """

    level: int
    numbers: int
    seen: float
    unseen: float
    changed: float | None
    mix: Mix


@dataclass(frozen=True)
class Learned:
    """What came of learning.

    Attributes:
        mix: the faders as learned; the mix that one started from where nothing was learned.
        before: nats per token of the replies that were held out, under the mix that one started from; of votes, nats
            per vote, which is log 2 then.
        after: the same under `mix`; where `in_turn`, each reply under the twin of `mix` that was learned without it.
        interval: between which the gain, `before` - `after` of the best mix, lies with 90 % confidence, as far as the
            texts that were held out can tell.
        learned: whether anything was.
        note: what to know about it, for people; why nothing was learned, if nothing was.
        curve: the mixes on the way.
        held_out: the places of the examples that were held out, from 0.
        seconds: how long it took.
        complete: whether it came to its end; False if it was stopped.
        seed: of what was held out.
        in_turn: whether all examples were held out, each part in its turn, to tell how far to go and what that is worth
            (cross-validation), and `mix` was learned from all of them at last. Its twins saw fewer, so that `after`
            does not flatter it but for the choice of one length out of six.
        economies: what was done where memory did not hold all, for people.
    """

    mix: Mix
    before: float
    after: float
    interval: tuple[float, float]
    learned: bool
    note: str
    curve: tuple[Point, ...]
    held_out: tuple[int, ...]
    seconds: float
    complete: bool
    seed: int
    in_turn: bool = False
    economies: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Plain data that survives JSON; None is what nothing is known of."""
        plain: dict[str, Any] = {**vars(self), "mix": self.mix.to_dict()}
        plain |= {name: _known(plain[name]) for name in ("before", "after")}
        plain["curve"] = [{**vars(point), "mix": point.mix.to_dict()} for point in self.curve]
        plain["interval"], plain["held_out"] = [_known(end) for end in self.interval], list(self.held_out)
        return plain


def _known(number: float) -> float | None:
    return number if math.isfinite(number) else None


@dataclass(frozen=True)
class Update:
    """How far learning is.

    Attributes:
        step: how many steps are done; a step reads all examples once, and back.
        of: how many there are at most.
        seconds: since it began.
        point: the mix at which it stands; None at first.
    """

    step: int
    of: int
    seconds: float
    point: Point | None

    @property
    def left(self) -> float | None:
        """How many seconds are left at most, as long as steps take as long as they did."""
        return self.seconds / self.step * (self.of - self.step) if self.step else None


def gains_by_target(mix: Mix, adapters: Mapping[str, Any]) -> dict[str, dict[str, float]]:
    """The gain of every target under a mix, by adapter: what fell silent hurt, what rose helped."""
    return {name: {target.name: mix.gain(target) for target in adapter.scalable} for name, adapter in adapters.items()}
