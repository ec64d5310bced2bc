"""What a sweep goes along: a fader, several, or the crossfade of two mixes, at one setting after the other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

from ..fader import Fader, Of
from ..mix import Faders, Mix

#: What the faders of an axis are.
Swept = Of | Literal["crossfade"]


@dataclass(frozen=True)
class Crossfader:
    """The one fader between two mixes, in the place of all others: what it stands at is t of `Mix.between`."""

    a: Mix
    b: Mix
    label = "crossfade"
    of: ClassVar[Literal["crossfade"]] = "crossfade"

    def __hash__(self) -> int:
        return hash(self.label)

    def __lt__(self, other: object) -> bool:
        """Before every other fader: those are moved above it."""
        return not isinstance(other, Crossfader)

    def put(self, mix: Mix, t: float) -> Mix:
        """The two mixes at t, whatever the mix was."""
        return Mix.between(self.a, self.b, t)

    def under(self, t: float) -> Mix:
        """The same, so that faders that are moved in it multiply it."""
        names = {**self.a.adapters, **self.b.adapters}
        return Mix({name: Faders.over(self.a[name], self.b[name], t) for name in names})


@dataclass(frozen=True)
class Axis:
    """The settings of one or more faders, one after the other.

    Attributes:
        label: what is moved, for people: "master", "layers 0-9, 20"; with the adapter where there are several.
        settings: the label of each ("master 0.25"), and the gains of the faders that it moves.
        each: whether the faders take turns; otherwise all of them are at each setting's gain.
    """

    label: str
    settings: tuple[tuple[str, Mapping[Fader | Crossfader, float]], ...]
    each: bool = False

    @property
    def gains(self) -> tuple[float, ...]:
        """The gain of each setting, in their order."""
        return tuple(next(iter(moved.values())) for _, moved in self.settings)

    @property
    def of(self) -> Swept:
        """What its faders are: a gain of some sort, "rank", "energy", or "crossfade"."""
        return next(fader.of for _, moved in self.settings for fader in moved)

    @property
    def faders(self) -> frozenset[Fader | Crossfader]:
        """Every fader that some setting moves."""
        return frozenset(fader for _, moved in self.settings for fader in moved)

    def mixes(self, base: Mix) -> list[Mix]:
        """`base` under each setting: an adapter of which a fader is moved plays, and no such fader fades."""
        return [under_setting(base, moved) for _, moved in self.settings]


def under_setting(base: Mix, moved: Mapping[Fader | Crossfader, float]) -> Mix:
    """`base` with these faders at these gains: an adapter of which one is moved plays, and the fader does not fade."""
    mix = base
    for fader, gain in moved.items():
        if isinstance(fader, Crossfader):
            mix = fader.put(mix, gain) if len(moved) == 1 else fader.under(gain)
    faders = [(fader, gain) for fader, gain in moved.items() if isinstance(fader, Fader)]
    for fader, gain in faders:
        mix = fader.put(mix, gain)
    playing = {fader.adapter: replace(mix[fader.adapter], on=True) for fader, _ in faders}
    return replace(mix, adapters={**mix.adapters, **playing})
