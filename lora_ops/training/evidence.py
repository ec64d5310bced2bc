"""What is known of an adapter before its next training: what was measured of it, and how its faders stand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from statistics import median
from typing import TYPE_CHECKING, Any, Protocol

from ..energy import energy as energy_of
from ..energy import needed
from ..mix import AS_LOADED, Faders, Mix
from ..target import Adapter, Target

if TYPE_CHECKING:
    from ..lab.curves import Curve
    from ..measure.spectrum import Spectrum, TargetSpectrum


class Plain(Protocol):
    """What was measured, and can be had as plain data."""

    def to_dict(self) -> dict[str, Any]: ...


@dataclass(frozen=True)
class Effect:
    """What the parts of one adapter do to a text, in nats (`impact`); empty where it was not measured.

    Attributes:
        kinds: by kind.
        layers: by layer.
        tokens: of the text.
        elsewhere: whether the faders stood elsewhere when it was measured.
        estimated: whether it was estimated (`estimate_impact`).
    """

    kinds: Mapping[str, float]
    layers: Mapping[int, float]
    tokens: int = 0
    elsewhere: bool = False
    estimated: bool = False

    @classmethod
    def of(cls, found: Plain | Mapping[str, Any] | None, targets: Sequence[Target], faders: Faders) -> Effect:
        """Out of an `Impact` or an `Estimate`, or of what its `to_dict` gave.

        Where kinds or layers were not measured as wholes, the sums of their targets stand for them.

        Raises:
            ValueError: it is none, or has nothing of this adapter.
        """
        if found is None:
            return cls({}, {})
        name = targets[0].adapter
        plain: Any = found if isinstance(found, Mapping) else found.to_dict()
        try:
            of_targets, kinds, layers = (dict(plain.get(part, {}).get(name, {})) for part in _PARTS)
            if not (of_targets or kinds or layers):
                raise ValueError(f"the impact was not measured of {name!r}, but of {', '.join(plain['targets'])}")
            mix = Mix.from_dict(plain["mix"]) if "mix" in plain else None
            return cls(
                _numbers(kinds) or _sums(_numbers(of_targets), targets, "kind"),
                {int(layer): value for layer, value in _numbers(layers).items()}
                or _sums(_numbers(of_targets), targets, "layer"),
                int(plain.get("tokens", 0)),
                mix is not None and mix[name].at(0) != faders,
                "probes" in plain,
            )
        except (TypeError, KeyError, AttributeError) as error:
            raise ValueError(f"this is no impact: {error}") from None


_PARTS = ("targets", "kinds", "layers")


def loudness_of(found: Plain | Mapping[str, Any] | None, adapter: str) -> dict[str, float]:
    """The loudness of kinds (`Levels`, or what its `to_dict` gave), as far as it is known.

    Raises:
        ValueError: it is none.
    """
    if found is None:
        return {}
    plain: Any = found if isinstance(found, Mapping) else found.to_dict()
    try:
        return _numbers(dict(plain["kinds"].get(adapter, {})))
    except (TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"this is no loudness: {error}") from None


@dataclass(frozen=True)
class Evidence:
    """All that is known of one adapter.

    Attributes:
        adapter: its facts.
        loaded: the spectra of its scalable targets as loaded.
        heard: the same at the gains of the faders.
        faders: where its faders stand; as loaded where it is off, or wholly silent: that says nothing of its parts.
        off: whether it is.
        effect: what its parts do to a text.
        loudness: of its kinds.
        curves: of it, by what was swept: "master", "rank".
        energy: the share that a rank is to hold, unless a fader says another.
    """

    adapter: Adapter
    loaded: tuple[TargetSpectrum, ...]
    heard: tuple[TargetSpectrum, ...]
    faders: Faders
    off: bool
    effect: Effect
    loudness: Mapping[str, float]
    curves: Mapping[str, Curve]
    energy: float

    @cached_property
    def gains(self) -> Mapping[str, float]:
        """The gain of every target."""
        targets = [one.target for one in self.loaded]
        return dict(zip((target.name for target in targets), self.faders.gains(targets), strict=True))

    @property
    def trained_rank(self) -> int:
        """The rank that most of it was trained at."""
        return round(median(one.target.rank for one in self.loaded))

    @property
    def nothing(self) -> bool:
        """Whether all that is known of it is that it adds nothing, as loaded."""
        return not any(one.reason or one.energy for one in self.loaded)

    @property
    def share_wanted(self) -> float:
        """The share of the energy that a rank is to hold: what is heard, where a fader says so."""
        return self.energy if self.faders.energy is None else self.faders.energy

    def share(self, kind: str) -> float | None:
        """How much of the energy that is heard is in a kind; None where that is not known of all targets."""
        if any(one.reason for one in self.heard):
            return None
        whole = sum(one.energy for one in self.heard)
        return sum(one.energy for one in self.heard if one.target.kind == kind) / whole if whole else 0.0


def gather(
    spectrum: Spectrum,
    adapter: Adapter,
    mix: Mix,
    impact: Plain | Mapping[str, Any] | None,
    loudness: Plain | Mapping[str, Any] | None,
    curves: Iterable[Curve],
    energy: float,
) -> Evidence:
    """Puts together what is known.

    Raises:
        ValueError: nothing of the adapter can be scaled, or what was measured is none, or of another.
    """
    if not adapter.scalable:
        why = next((target.reason for target in adapter.targets), "it adapts nothing")
        raise ValueError(f"there is no recipe out of {adapter.name!r}: {why}")
    of = {one.target.name: one for one in spectrum.adapters[adapter.name]}
    loaded = tuple(of[target.name] for target in adapter.scalable if target.name in of)
    faders = mix[adapter.name].at(0)
    off = not any(faders.gains([one.target for one in loaded]))
    faders = AS_LOADED if off else replace(faders, fades={})
    gains = faders.gains([one.target for one in loaded])
    heard = tuple(one.times(gain) for one, gain in zip(loaded, gains, strict=True))
    effect = Effect.of(impact, adapter.scalable, faders)
    named = {subject: curve for curve in curves if (subject := _subject(curve, adapter.name))}
    levels = loudness_of(loudness, adapter.name)
    return Evidence(adapter, loaded, heard, faders, off, effect, levels, named, energy)


def shared_rank(spectra: Iterable[TargetSpectrum], share: float) -> int:
    """The smallest rank that, given to each of these targets, holds this share of the energy of all; 0 for none."""
    joints = [one.joint for one in spectra if not one.reason and one.experts]
    longest = max(map(len, joints), default=0)
    together = [energy_of([joint[at] for joint in joints if at < len(joint)]) ** 0.5 for at in range(longest)]
    return needed(together, share)


def _subject(curve: Curve, adapter: str) -> str:
    """What was swept in a curve of this adapter, as its `Axis` says it; empty for a curve of another."""
    front, dot, subject = curve.label.rpartition(" · ")
    return subject if not dot or front == adapter else ""


def _numbers(values: Mapping[Any, Any]) -> dict[Any, float]:
    return {name: float(value) for name, value in values.items() if value is not None}


def _sums(values: Mapping[str, float], targets: Sequence[Target], part: str) -> dict[Any, float]:
    sums: dict[Any, float] = {}
    for target in targets:
        if target.name in values and getattr(target, part) is not None:
            sums[getattr(target, part)] = sums.get(getattr(target, part), 0.0) + values[target.name]
    return sums
