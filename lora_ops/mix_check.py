"""Whether a mix is one for these adapters: it names only what there is, and multiplies to what a number can hold."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from difflib import get_close_matches
from typing import Any

from .limits import LOUDEST
from .mix import Faders, Mix
from .target import Adapter, Target


def check_mix(mix: Mix, adapters: Mapping[str, Adapter]) -> None:
    """Refuses a mix that names what these adapters do not have, or whose gains multiply to more than a number can hold.

    Raises:
        ValueError: naming the first thing that is not there, and what there is instead; or the target.
    """
    check_names(mix.adapters, adapters)
    for name, faders in mix.adapters.items():
        adapter = adapters[name]
        if why_not := why_not_rank(adapter, faders):
            raise ValueError(why_not)
        faders = faders.loudest()
        _check_parts(adapter, faders)
        _check_finite(adapter, faders)


def _check_parts(adapter: Adapter, faders: Faders) -> None:
    for word, asked, there in (
        ("kind", faders.kinds, adapter.kinds),
        ("layer", faders.layers, adapter.layers),
        ("target", faders.modules, adapter.names),
    ):
        for one in asked:
            if one not in there:
                raise ValueError(_unknown(word, one, there, f"adapter {adapter.name!r}"))
    if faders.crossfade is not None:
        _check_parts(adapter, faders.crossfade.a)
        _check_parts(adapter, faders.crossfade.b)


def check_names(names: Iterable[str], adapters: Collection[str]) -> None:
    """Refuses names of adapters that are not there.

    Raises:
        ValueError: naming the first, and what there is instead.
    """
    for name in names:
        if name not in adapters:
            raise ValueError(_unknown("adapter", name, adapters, "this model"))


def why_not_rank(adapter: Adapter, faders: Faders) -> str:
    """Why so few components of this adapter cannot be heard, for people; empty if they can."""
    if faders.whole:
        return ""
    if adapter.method != "lora":
        return (
            f"adapter {adapter.name!r} is {adapter.method}: what it adds is no product of two small matrices, of whose "
            "components some could be left out; leave its rank and energy alone"
        )
    largest = max((target.rank for target in adapter.scalable), default=0)
    if faders.rank is not None and faders.rank > largest:
        return f"adapter {adapter.name!r} is of rank {largest}, so that no {faders.rank} components can be heard"
    return ""


def _check_finite(adapter: Adapter, faders: Faders) -> None:
    """Each gain of a mix is a number of 32 bits, but their product may not be."""
    loudest = _loudest(faders)
    if max(loudest, loudest * adapter.largest_scaling) <= LOUDEST:
        return
    for target in adapter.scalable:
        gain = _loudness(faders, target)
        if not max(gain, abs(gain * target.scaling)) <= LOUDEST:
            raise ValueError(
                f"the gains of {target.name} in adapter {adapter.name!r} multiply to no finite number of 32 bits "
                f"({faders.spelled(target)}, on a scaling of {target.scaling:g}): turn one of these faders down"
            )


def _loudest(faders: Faders) -> float:
    """A gain that none of its targets goes beyond."""
    loudest = abs(faders.master)
    for gains in (faders.kinds, faders.layers, faders.modules):
        loudest *= max(map(abs, gains.values()), default=1.0) or 1.0
    between = faders.crossfade
    return loudest * (max(_loudest(between.a), _loudest(between.b)) if between else 1.0)


def _loudness(faders: Faders, target: Target) -> float:
    """A gain that this target does not go beyond; what would cancel in a crossfade counts, since it may fade."""
    if faders.crossfade is None:
        return abs(faders.gain(target))
    own = abs(replace(faders, crossfade=None).gain(target))
    return own * max(_loudness(faders.crossfade.a, target), _loudness(faders.crossfade.b, target))


def _unknown(word: str, asked: Any, there: Any, owner: str) -> str:
    names = [str(name) for name in there]
    close = get_close_matches(str(asked), names, n=3) or names[:8]
    listed = ", ".join(close) + (" …" if len(names) > len(close) else "")
    return f"{owner} has no {word} {asked!r}; it has {listed}" if names else f"{owner} has no {word} {asked!r}"
