"""What is asked of a mix, as losses: replies that are likely, texts that stay as they are, gains that stay near."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from ..engines.peft.aims import Aim

Pull = Literal["loaded", "silent"]
#: The places of examples, part by part.
Parts = tuple[tuple[int, ...], ...]

#: What part of the examples is held out, and how many at most.
_HELD_OUT, _MOST_HELD_OUT = 4, 64


@dataclass(frozen=True)
class Turns:
    """All examples in parts, each of which is held out in its turn (cross-validation: Stone 1974).

    Attributes:
        whole: the loss on all examples.
        parts: the places of each part's examples; the first is what is held out at every level.
        aims: the loss on each part.
    """

    whole: Aim
    parts: Parts
    aims: tuple[Aim, ...]

    def mean(self, losses: Sequence[float]) -> float:
        """The loss on all examples, from that on each part."""
        return sum(loss * aim.count for loss, aim in zip(losses, self.aims, strict=True)) / self.whole.count


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
        turns: the same examples, held out in turns; None if they are not to be.
    """

    seen: Aim
    unseen: Aim
    keep: Aim | None = None
    keep_weight: float = 1.0
    pull: Pull = "loaded"
    pull_weight: float = 0.1
    turns: Turns | None = None

    def pulled(self, gains: Sequence[float], start: Sequence[float]) -> tuple[float, list[float]]:
        """What gains themselves add to the loss, and how that changes with each: relative to where they began."""
        weight = self.pull_weight / max(len(gains), 1)
        shares = [gain / first if first else 1.0 for gain, first in zip(gains, start, strict=True)]
        if self.pull == "silent":
            return weight * sum(map(abs, shares)), [
                weight * (1 if share >= 0 else -1) / first if first else 0.0
                for share, first in zip(shares, start, strict=True)
            ]
        return weight * sum((share - 1) ** 2 for share in shares), [
            2 * weight * (share - 1) / first if first else 0.0 for share, first in zip(shares, start, strict=True)
        ]


def goals_of(
    aim: Callable[[Sequence[int]], Aim],
    parts: Parts,
    keep: Aim | None,
    keep_weight: float,
    pull: Pull,
    pull_weight: float,
) -> Goals:
    """What is asked, of examples whose first part is held out, and all in turns where that is how a level learns."""
    rest = [at for part in parts[1:] for at in part]
    # The places of `whole` are those that the parts name.
    whole = aim(range(sum(map(len, parts))))
    turns = Turns(whole, parts, tuple(aim(part) for part in parts))
    return Goals(aim(rest), turns.aims[0], keep, keep_weight, pull, pull_weight, turns)


def parts_of(count: int, seed: int) -> Parts:
    """The places of what is held out, a quarter and at least one; and, in up to three parts, of the others."""
    order = random.Random(seed).sample(range(count), count)
    most = min(max(1, count // _HELD_OUT), _MOST_HELD_OUT)
    rest, turns = sorted(order[most:]), _HELD_OUT - 1
    return tuple(
        part for part in (tuple(sorted(order[:most])), *(tuple(rest[at::turns]) for at in range(turns))) if part
    )
