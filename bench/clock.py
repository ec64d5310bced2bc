"""Timing on a machine that has other things to do: what is compared takes turns, and medians are compared in pairs."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median
from typing import Any, TypeVar

K = TypeVar("K")


@dataclass(frozen=True)
class Series:
    """One number for each repetition: seconds, or how many times as long as something else in the same repetition."""

    values: tuple[float, ...]

    @property
    def median(self) -> float:
        return median(self.values)

    def percentile(self, percent: float) -> float:
        """The value below which `percent` of the repetitions lie, interpolated between the two nearest."""
        ordered = sorted(self.values)
        place = (len(ordered) - 1) * percent / 100
        below = int(place)
        above = min(below + 1, len(ordered) - 1)
        return ordered[below] + (ordered[above] - ordered[below]) * (place - below)

    def __truediv__(self, other: Series) -> Series:
        """How many times as long as `other`, repetition by repetition, as far as both go."""
        return Series(tuple(a / b for a, b in zip(self.values, other.values, strict=False)))

    def __sub__(self, other: Series) -> Series:
        """How much longer than `other`, repetition by repetition, as far as both go."""
        return Series(tuple(a - b for a, b in zip(self.values, other.values, strict=False)))

    def __mul__(self, factor: float) -> Series:
        return Series(tuple(value * factor for value in self.values))


@dataclass(frozen=True)
class Way:
    """One way of doing something.

    Attributes:
        run: does it once.
        calls: how often it is done for one sample; more than once for what takes microseconds.
        prepare: what must be so before; not timed.
        tidy: checks what came of it, and puts back what it left behind; not timed.
        rounds: in how many of the rounds it takes part; in all of them if not given.
    """

    run: Callable[[], Any]
    calls: int = 1
    prepare: Callable[[], Any] | None = None
    tidy: Callable[[], Any] | None = None
    rounds: int | None = None

    def sample(self) -> float:
        """Seconds for one call."""
        if self.prepare is not None:
            self.prepare()
        run = self.run
        began = time.perf_counter()
        for _ in range(self.calls):
            run()
        took = (time.perf_counter() - began) / self.calls
        if self.tidy is not None:
            self.tidy()
        return took


def in_turns(ways: Mapping[K, Way], rounds: int, *, warm_up: bool = True) -> dict[K, Series]:
    """Times every way once a round, every second round in the opposite order; seconds for one call.

    Whatever else the machine does meets all of them alike, and `Series / Series` compares what ran close together.
    """
    if warm_up:
        for way in ways.values():
            way.sample()
    taken: dict[K, list[float]] = {name: [] for name in ways}
    for number in range(rounds):
        names = list(ways) if number % 2 == 0 else list(ways)[::-1]
        for name in names:
            if (limit := ways[name].rounds) is None or number < limit:
                taken[name].append(ways[name].sample())
    return {name: Series(tuple(values)) for name, values in taken.items()}
