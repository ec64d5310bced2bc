"""What a bake of fewer components will be, as a page tells it while its user still chooses."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Sequence
from dataclasses import replace
from statistics import mean
from typing import TYPE_CHECKING, Any

from ...lora_ops.mix import Mix
from ..page.jobs import News

if TYPE_CHECKING:
    from ...lora_ops import Desk, Keep
    from ..page.console import Console


def gains_of(mix: Mix, names: Sequence[str]) -> Mix:
    """The gains of these adapters in a mix, all of their components heard."""
    return Mix({**mix.adapters, **{name: replace(mix[name], rank=None, energy=None) for name in names}})


class ForeseenBakes:
    """Remembers the components of the last sum: with them, another rank or share is told at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._of: Any = None
        self._strengths: Any = None

    def plain(self, console: Console, desk: Desk, names: Sequence[str], mix: Mix, keep: Keep) -> News:
        """Ranks, size before and after, and what will be left out, of these adapters at their `gains_of` a mix.

        Raises:
            ValueError: these adapters cannot be resized, or have no such rank.
        """
        from ...lora_ops.bakery.foreseen import foresee, strengths
        from ...lora_ops.bakery.start import start_of
        from ...lora_ops.bakery.writing import AS_USUAL

        of = (weakref.ref(desk), console.loaded, tuple(names), Mix({name: mix[name] for name in names}))
        start = start_of(desk, mix, names, AS_USUAL)
        with self._lock:
            if of != self._of:
                self._of, self._strengths = None, strengths(start.parts, start.mix)
                self._of = of
            known = self._strengths
        seen = foresee(start.parts, known, keep)
        ranks = list(seen.ranks.values())
        return {
            "rank": max(ranks),
            "ranks": [min(ranks), mean(ranks), max(ranks)],
            "size": seen.size,
            "size_before": seen.size_before,
            "error": seen.error,
        }
