"""Faders between two others: (1 - t) a + t b for every target, told with as few faders as that takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import isfinite
from typing import Any, Protocol, TypeVar

from .fade import MAX_POINTS, Fade
from .fader import Fader
from .limits import LOUDEST
from .refusals import shown

#: Where a gain can stand beside the master, by the name of its field.
_BESIDE = {"kinds": "kind", "layers": "layer", "modules": "target"}
#: Masters that cancel further than this leave nothing that another fader could sensibly be told against.
_CANCELLED = 1e-3


class _Faders(Protocol):
    """Those of one adapter (`mix.py`, which knows this module)."""

    @property
    def on(self) -> bool: ...
    @property
    def master(self) -> float: ...
    @property
    def fades(self) -> Mapping[str, Fade]: ...
    @property
    def rank(self) -> int | None: ...
    @property
    def energy(self) -> float | None: ...
    @property
    def crossfade(self) -> Any: ...


F = TypeVar("F", bound=_Faders)
#: Where a fader stands: at a gain, or at one that moves over a reply.
Stand = float | Fade


def check_part(t: Any) -> Stand:
    """How far a crossfade is on its way from the one to the other, or a fade of that over a reply.

    Raises:
        ValueError: no number from 0 to 1, and no fade that stays between them.
    """
    if isinstance(t, list | tuple):
        t = Fade(tuple(t))
    for part in [gain for _, gain in t.points] if isinstance(t, Fade) else [t]:
        if isinstance(part, bool) or not isinstance(part, int | float) or not 0 <= part <= 1:
            raise ValueError(
                f"a crossfade stands from 0 (all of the one) to 1 (all of the other), not at {shown(part)}"
            )
    return t if isinstance(t, Fade) else float(t)


def in_few_faders(a: F, b: F, t: float) -> F | None:
    """The faders whose product is (1 - t) a + t b for every target that there may be; None where none have.

    Products that differ in the master, or in the master and one of kinds, layers and targets, have such a mean, and
    what is silent has one with anything. Fades are straight lines, and so are their means.

    Args:
        a: the faders at 0.
        b: the faders at 1.
        t: between 0 and 1.
    """
    if a == b:
        return a
    if is_silent(a) or is_silent(b):
        heard, part = (b, t) if is_silent(a) else (a, 1 - t)
        return a if is_silent(heard) else _put(heard, {"master": _mean(_master(heard), 0.0, part, 0.0)})
    if components(a) != components(b) or a.crossfade != b.crossfade:
        return None
    differing = [field for field in _BESIDE if _stands(a, field) != _stands(b, field)]
    if len(differing) > 1:
        return None
    one, other = _master(a), _master(b)
    master = one if one == other else _mean(one, other, 1 - t, t)
    if not differing:
        return _put(a, {"master": master})
    shares = _shares(one, other, t)
    if master is None or shares is None:
        return None
    of, (left, right) = _BESIDE[differing[0]], (_stands(a, differing[0]), _stands(b, differing[0]))
    keys = {f"{of}:{name}": (left.get(name, 1.0), right.get(name, 1.0)) for name in {**left, **right}}
    means = {key: x if x == y else _mean(x, y, *shares) for key, (x, y) in keys.items()}
    return _put(a, {"master": master, **means})


def components(faders: _Faders) -> tuple[int | None, float | None]:
    """How many components of each target are heard, by number and by share; None is all of them."""
    return faders.rank, None if faders.energy == 1 else faders.energy


def is_silent(faders: _Faders) -> bool:
    """Whether no target of the adapter can be heard, whatever it is called."""
    return not faders.on or _master(faders) == 0


def _shares(one: Stand, other: Stand, t: float) -> tuple[float, float] | None:
    """What the gains beside the master count of either side, once the master stands at the mean of both masters."""
    if one == other:
        return 1 - t, t
    if isinstance(one, Fade) or isinstance(other, Fade):
        return None  # the mean of two products of straight lines is no straight line
    master = (1 - t) * one + t * other
    if abs(master) <= _CANCELLED * max(abs(one), abs(other)):
        return None
    return (1 - t) * one / master, t * other / master


def _mean(x: Stand, y: Stand, part: float, rest: float) -> Stand | None:
    """part x + rest y, at every token; None where a fade would need too many points, or a number is too large."""
    if not isinstance(x, Fade) and not isinstance(y, Fade):
        mean = part * x + rest * y
        return mean if isfinite(mean) and abs(mean) <= LOUDEST else None
    tokens = sorted({token for one in (x, y) if isinstance(one, Fade) for token, _ in one.points})
    points = tuple((token, part * _at(x, token) + rest * _at(y, token)) for token in tokens)
    loud = any(not abs(gain) <= LOUDEST for _, gain in points)
    return None if loud or len(points) > MAX_POINTS else Fade(points)


def _at(stand: Stand, token: int) -> float:
    return stand.gain(token) if isinstance(stand, Fade) else stand


def _master(faders: _Faders) -> Stand:
    return faders.fades.get("master", faders.master)


def _stands(faders: _Faders, field: str) -> dict[Any, Stand]:
    """Where the faders of one sort stand that are not at 1, by name."""
    found: dict[Any, Stand] = dict(getattr(faders, field))
    for key, fade in faders.fades.items():
        if (fader := Fader.from_key("", key)).of == _BESIDE[field]:
            found[fader.name] = fade
    return {name: stand for name, stand in found.items() if stand != 1}


def _put(faders: F, stands: Mapping[str, Stand | None]) -> F | None:
    """These faders with some of them elsewhere, by key; None where one of those stands nowhere."""
    changed: dict[str, dict[Any, Any]] = {field: dict(getattr(faders, field)) for field in _BESIDE}
    fields, fades, master = {of: field for field, of in _BESIDE.items()}, dict(faders.fades), faders.master
    for key, stand in stands.items():
        if stand is None:
            return None
        fades.pop(key, None)
        fader = Fader.from_key("", key)
        if isinstance(stand, Fade):
            fades[key] = stand
        elif fader.of == "master":
            master = stand
        else:
            beside = changed[fields[fader.of]]
            beside.pop(fader.name, None)
            if stand != 1:
                beside[fader.name] = stand
    given: Any = faders
    made: F = replace(given, master=master, fades=fades, **changed)
    return made
