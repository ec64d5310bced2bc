"""The spectra of a desk's adapters, each worked out once: again only where other weights were loaded."""

from __future__ import annotations

import weakref
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from ..engines.llama_server.part import parts_of
from .spectrum import Spectrum, TargetSpectrum, spectrum

if TYPE_CHECKING:
    from ..desk import Desk
    from ..target import Adapter


class KnownSpectra:
    """What was worked out already, adapter by adapter; it keeps no weights alive."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[Any, tuple[TargetSpectrum, ...]]] = {}

    def of(self, desk: Desk) -> Spectrum:
        """The spectrum of every adapter of this desk, as `spectrum` tells it.

        Raises:
            ValueError: the engine of the desk does not give its weights away.
        """
        now = {name: _weights_of(desk, adapter) for name, adapter in desk.adapters.items()}
        stale = [name for name, weights in now.items() if name not in self._known or self._known[name][0] != weights]
        fresh = spectrum(desk, stale).adapters if stale else {}
        self._known = {name: (now[name], fresh[name] if name in fresh else self._known[name][1]) for name in now}
        return Spectrum({name: spectra for name, (_, spectra) in self._known.items()})


def _weights_of(desk: Desk, adapter: Adapter) -> tuple[Any, ...]:
    """What changes when others are loaded: the targets, and their tensors with how often those were written to; on a
    llama-server its files."""
    if (parts := parts_of(desk)) is not None:
        files = [(part.path, part.start) for part in parts if part.adapter == adapter.name]
        return adapter.targets, [(path, start, path.stat().st_mtime_ns) for path, start in files if path.exists()]
    from ..engines.peft.engine import peft_engine

    engine = peft_engine(desk)
    knobs = [engine.knob(target) for target in adapter.scalable]
    tensors: Iterable[Any] = (tensor for knob in knobs for tensor in knob.weights() or (knob.weight,))
    return adapter.targets, [(_Place(tensor), tensor._version) for tensor in tensors]


class _Place:
    """A tensor by what it is, not by what it holds: `==` of tensors compares their numbers."""

    __slots__ = ("_tensor",)

    def __init__(self, tensor: Any) -> None:
        self._tensor = weakref.ref(tensor)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, _Place):
            return NotImplemented
        mine = self._tensor()
        return mine is not None and mine is other._tensor()

    __hash__ = None  # type: ignore[assignment] # nothing looks it up
