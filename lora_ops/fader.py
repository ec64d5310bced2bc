"""The address of one fader, whatever it moves: an adapter's master, a kind, a layer, one target, or its rank."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar

from .refusals import shown

if TYPE_CHECKING:
    from .fade import Fade

Of = Literal["master", "kind", "layer", "target", "rank", "energy"]

#: No model has as many layers; an index beyond is a mistake.
MOST_LAYERS = 100_000
#: Nor is a layer as wide.
MOST_RANK = 1_000_000
#: What an adapter has one of. The first holds a gain; the others say how many components of each target are heard.
_NAMELESS = ("master", "rank", "energy")

#: Where a mix keeps what a fader of this sort is set to.
_FIELDS: Mapping[str, str] = {"kind": "kinds", "layer": "layers", "target": "modules"}


class _Mix(Protocol):
    """What a fader stands in: a mix (`mix.py`, which knows faders by their keys), or another like it."""

    @property
    def adapters(self) -> Mapping[str, Any]: ...

    def __getitem__(self, adapter: str) -> Any: ...


Mixed = TypeVar("Mixed", bound=_Mix)


@dataclass(frozen=True, order=True)
class Fader:
    """Names one fader; it holds no gain, a mix does.

    >>> down = Fader("pirate", "kind", "down_proj")
    >>> down.read(down.put(Mix(), 0.5)), down.label
    (0.5, 'pirate · down_proj')

    Args:
        adapter: the PEFT name of the adapter.
        of: what it moves.
        name: the kind's name, the layer's index, or the target's name; None for master, rank and energy.

    Raises:
        ValueError: the name does not fit what the fader moves.
    """

    adapter: str
    of: Of = "master"
    name: str | int | None = None

    def __post_init__(self) -> None:
        if self.of in _NAMELESS:
            fits = self.name is None
        elif self.of == "layer":
            fits = isinstance(self.name, int) and not isinstance(self.name, bool) and 0 <= self.name < MOST_LAYERS
        else:
            fits = self.of in _FIELDS and isinstance(self.name, str) and bool(self.name)
        if not fits:
            raise ValueError(
                f"there is no fader of {shown(self.of)} named {shown(self.name)}: a master has no name, "
                "and neither have rank and energy; a kind or a target has one, a layer has an index from 0 up"
            )

    def read(self, mix: _Mix) -> float:
        """The gain at which this fader stands in `mix`: 1 where the mix does not name it, and at rest if it fades.

        Of a rank: how many components may be heard, infinitely many where nothing is said; of an energy the share.
        """
        faders = mix[self.adapter]
        if self.of == "rank":
            return float(math.inf if faders.rank is None else faders.rank)
        if self.of == "energy":
            return float(1.0 if faders.energy is None else faders.energy)
        if fade := faders.fades.get(self.key):
            return float(fade.gain(0))
        return float(faders.master if self.of == "master" else self._beside(faders).get(self.name, 1.0))

    def put(self, mix: Mixed, gain: float) -> Mixed:
        """A new mix in which this fader stands at `gain`, and does not fade; everything else is as in `mix`.

        Raises:
            ValueError: the gain is no finite number, or a rank no whole number from 1 up, or an energy no share.
        """
        if self.of == "rank":
            return self._with(mix, rank=None if gain == math.inf else _whole(gain))
        if self.of == "energy":
            return self._with(mix, energy=None if gain == 1 else gain)
        return self.put_fade(self._put(mix, gain), None)

    def fade(self, mix: _Mix) -> Fade | None:
        """How this fader moves over a reply in `mix`, or None where it stands still."""
        found: Fade | None = mix[self.adapter].fades.get(self.key)
        return found

    def put_fade(self, mix: Mixed, fade: Fade | None) -> Mixed:
        """A new mix in which this fader moves over a reply as `fade` says, or stands still (None)."""
        faders = mix[self.adapter]
        if fade is None and self.key not in faders.fades:
            return mix
        fades = {key: one for key, one in faders.fades.items() if key != self.key}
        if fade is not None:
            fades[self.key] = fade
        return self._with(mix, fades=fades)

    @property
    def key(self) -> str:
        """Its name within its adapter: "master", "kind:q_proj", "layer:3", "target:model.layers.3.mlp.up_proj"."""
        return self.of if self.of in _NAMELESS else f"{self.of}:{self.name}"

    @property
    def label(self) -> str:
        """Its name for people."""
        what = self.of if self.of in _NAMELESS else f"layer {self.name}" if self.of == "layer" else str(self.name)
        return f"{self.adapter} · {what}"

    @classmethod
    def from_key(cls, adapter: str, key: str) -> Fader:
        """The fader of `adapter` that has this `key`.

        Raises:
            ValueError: no fader has such a key.
        """
        of, colon, name = key.partition(":")
        if key == "master":
            return cls(adapter)
        if of == "layer" and name.isascii() and name.isdigit() and len(name) < 10 and name == str(int(name)):
            return cls(adapter, "layer", int(name))
        if of in ("kind", "target") and name:
            return cls(adapter, of, name)  # type: ignore[arg-type] # mypy does not narrow `in`
        raise ValueError(f"no fader is called {key[:60]!r}: it is 'master', 'kind:…', 'layer:…' or 'target:…'")

    def _put(self, mix: Mixed, gain: float) -> Mixed:
        if self.of == "master":
            return self._with(mix, master=gain)
        gains = {name: one for name, one in self._beside(mix[self.adapter]).items() if name != self.name}
        if gain != 1:  # what is not named counts as 1: mixes that sound alike are equal
            gains[self.name] = gain
        return self._with(mix, **{_FIELDS[self.of]: gains})

    def _beside(self, faders: Any) -> Mapping[Any, float]:
        beside: Mapping[Any, float] = getattr(faders, _FIELDS[self.of])
        return beside

    def _with(self, mix: Mixed, **changes: Any) -> Mixed:
        changed: Any = mix
        return replace(changed, adapters={**mix.adapters, self.adapter: replace(mix[self.adapter], **changes)})


def _whole(number: float) -> int | float:
    """As a whole number, where it is one."""
    return int(number) if math.isfinite(number) and number == int(number) else number
