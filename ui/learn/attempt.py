"""One time that faders were learned: how far it is, or what came of it."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from ...lora_ops.mix import Mix

if TYPE_CHECKING:
    from ...lora_ops.learning.learned import Learned, Point, Update

Source = Literal["replies", "votes"]
_keys = itertools.count(1)


@dataclass
class Attempt:
    """Learning under way, or the last time.

    Attributes:
        source: what it learns from.
        count: how many replies, or votes.
        model: the model's name.
        start: the mix that it starts from.
        chats: questions that may be asked to hear what came of it, each with its place among the examples.
        points: the mixes on the way.
        step, of: how many steps are done, of how many at most.
        failed: why it failed, if it did.
        found: what came of it, once it is over.
        base: nats a token of the replies held out as the base model has them, where that was read.
    """

    source: Source
    count: int
    model: str
    start: Mix
    chats: dict[int, tuple[dict[str, str], ...]] = field(default_factory=dict)
    points: list[Point] = field(default_factory=list)
    step: int = 0
    of: int = 0
    left: float | None = None
    running: bool = True
    failed: str = ""
    found: Learned | None = None
    base: float | None = None
    key: int = field(default_factory=lambda: next(_keys))

    def follow(self, update: Update) -> None:
        """It is so far."""
        self.step, self.of, self.left = update.step, update.of, update.left
        if update.point is not None and update.point not in self.points:
            self.points.append(update.point)

    def end(self, found: Learned) -> None:
        """It is over, and this came of it."""
        self.found, self.running = found, False
        if found.curve:
            self.points = list(found.curve)

    def fail(self, why: str) -> None:
        """It is over, and nothing came of it."""
        self.failed, self.running = why, False

    @property
    def best(self) -> int | None:
        """The place of the best point so far; of what is over, that of the mix that was learned."""
        if self.found is not None and self.points:
            mixes = [point.mix for point in self.points]
            return mixes.index(self.found.mix) if self.found.mix in mixes else None
        worth = [point.unseen + (point.changed or 0.0) for point in self.points]
        return worth.index(min(worth)) if worth else None

    @property
    def mix(self) -> Mix | None:
        """What was learned; None where nothing was."""
        return self.found.mix if self.found is not None and self.found.learned else None

    def mix_at(self, place: int | None) -> Mix:
        """The mix of one point, or without a place what was learned.

        Raises:
            ValueError: there is none.
        """
        if place is None:
            if self.mix is None:
                raise ValueError("nothing was learned, so that there is no mix to use")
            return self.mix
        if not 0 <= place < len(self.points):
            raise ValueError("there is no such mix on the way any more: look again")
        return self.points[place].mix
