"""What a bake of fewer components will be, as a page tells it while its user still chooses."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Sequence
from dataclasses import replace
from statistics import mean
from typing import TYPE_CHECKING, Any

from ...lora_ops.engines.llama_server.part import parts_of
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
        self._parts: Any = ()
        self._strengths: Any = None

    def plain(self, console: Console, desk: Desk, names: Sequence[str], mix: Mix, keep: Keep, gguf: str = "") -> News:
        """Ranks, size before and after, and what will be left out, of these adapters at their `gains_of` a mix.

        Args:
            console, desk, names, mix, keep: what is wished.
            gguf: the type of its numbers, where it becomes a GGUF file.

        Raises:
            ValueError: these adapters cannot be resized, or have no such rank.
        """
        from ...lora_ops.bakery.foreseen import foresee, strengths

        of = (weakref.ref(desk), console.loaded, bool(gguf), tuple(names), Mix({name: mix[name] for name in names}))
        with self._lock:
            if of != self._of:
                self._of = None
                self._parts, gains = _start(desk, mix, names, bool(gguf))
                self._strengths = strengths(self._parts, gains)
                self._of = of
            parts, known = self._parts, self._strengths
        seen = foresee(parts, known, keep)
        ranks, smaller = list(seen.ranks.values()), 2 if gguf == "float16" else 1
        return {
            "rank": max(ranks),
            "ranks": [min(ranks), mean(ranks), max(ranks)],
            "size": seen.size // smaller,
            "size_before": seen.size_before // smaller,
            "error": seen.error,
        }


def _start(desk: Desk, mix: Mix, names: Sequence[str], gguf: bool) -> tuple[Sequence[Any], Mix]:
    """The weights and their gains; for a GGUF file out of those that a llama-server has loaded."""
    if gguf:
        from ...lora_ops.bakery.gguf import sources_of
        from ...lora_ops.bakery.start import spelled_out

        parts = parts_of(desk) or ()
        return [one.weights for one in sources_of(desk, names)], spelled_out(parts, mix, names)
    from ...lora_ops.bakery.start import start_of
    from ...lora_ops.bakery.writing import AS_USUAL

    start = start_of(desk, mix, names, AS_USUAL)
    return start.parts, start.mix
