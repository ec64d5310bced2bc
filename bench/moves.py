"""Moves of a fader in the browser, what the server's process saw of them, and the time between."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

#: The page rounds a gain to hundredths.
_ROUNDING = 0.006


@dataclass(frozen=True)
class Move:
    """One `input` event of the fader.

    Attributes:
        at: when, in seconds since 1970.
        gain: where the fader stood then.
        sent: when the page's script next wrote to the text box that carries panels to Python, if that was seen.
    """

    at: float
    gain: float
    sent: float | None = None


@dataclass(frozen=True)
class Applied:
    """A moment at which the model's gain was written."""

    at: float
    gain: float


def read_log(path: Path, adapter: str) -> list[Applied]:
    """What `page_server` wrote, for one adapter, in the order of time."""
    lines = (json.loads(line) for line in path.read_text(encoding="utf-8").splitlines())
    return sorted((Applied(line["at"], line["gains"][adapter]) for line in lines), key=lambda one: one.at)


def delays(moves: Sequence[Move], applied: Iterable[Applied]) -> list[float]:
    """Seconds until the model held each move, or one that came after it.

    Moves must come in the order of time, neighbours further apart than the page rounds.

    Raises:
        RuntimeError: the model never held the last move.
    """
    written = list(applied)
    arrivals: list[float] = []
    for move in reversed(moves):
        own = [one.at for one in written if one.at >= move.at and abs(one.gain - move.gain) < _ROUNDING][:1]
        if not (known := own + arrivals[-1:]):
            raise RuntimeError(f"the model never heard that the fader was moved to {move.gain:.2f}")
        arrivals.append(min(known))
    return [arrived - move.at for arrived, move in zip(reversed(arrivals), moves, strict=True)]
