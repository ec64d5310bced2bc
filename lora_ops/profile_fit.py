"""What of a profile can stand on a desk: on another model, beside other adapters, under other names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from .fader import Fader
from .mix import Faders, Mix, heard
from .mix_check import why_not_rank

if TYPE_CHECKING:
    from .desk import Desk
    from .profile import Profile
    from .target import Adapter


@dataclass(frozen=True)
class Fit:
    """What of a profile can stand on a desk.

    Attributes:
        mix: that much of it, under the names of the adapters that are loaded.
        fits: what that is, in sentences.
        not_fits: what is left out and why, in sentences.
        remarks: what one may want to know besides.
    """

    mix: Mix
    fits: list[str]
    not_fits: list[str]
    remarks: list[str]


def fit(
    profile: Profile,
    desk: Desk | Mapping[str, Adapter],
    names: Mapping[str, str] | None = None,
    *,
    model: str = "",
    hashes: Mapping[str, str] | None = None,
) -> Fit:
    """What of `profile` can stand on `desk`, whose model may have other adapters, kinds or layers.

    Args:
        profile: what was saved.
        desk: or its adapters, by name.
        names: where an adapter is loaded under another name: that name, by the one in the profile (`same_adapters`).
        model, hashes: of what is loaded, for the remarks; as in `Profile.of`.

    Raises:
        ValueError: two adapters of the profile are to be one.
    """
    adapters: Mapping[str, Adapter] = desk if isinstance(desk, Mapping) else desk.adapters
    names, hashes = names or {}, hashes or {}
    placed: dict[str, Faders] = {}
    fits: list[str] = []
    not_fits: list[str] = []
    remarks: list[str] = []
    for asked, faders in profile.mix.adapters.items():
        there = names.get(asked, asked)
        title = f"“{asked}”" if there == asked else f"“{asked}” (loaded as “{there}”)"
        if there not in adapters:
            not_fits.append(f"The adapter {title} is not loaded.")
            continue
        if there in placed:
            raise ValueError(f"two adapters of the profile are to be {there!r}")
        fitting, lacking = fitting_of(faders, adapters[there])
        not_fits += [f"{title} has no {what} here." for what in lacking]
        if not isinstance(desk, Mapping) and (reason := _refused(desk, there, fitting)):
            not_fits.append(f"{title} stays as loaded: {reason}.")
            continue
        placed[there] = fitting
        fits.append(f"{title}: {_summary(fitting)}.")
        facts = profile.adapters.get(asked)
        if facts and facts.hash and hashes.get(there, facts.hash) != facts.hash:
            remarks.append(f"{title} is not the same adapter as when the profile was saved: its weights differ.")
    if others := [name for name in adapters if name not in placed]:
        remarks.append(f"{_listed(others)} {'is' if len(others) == 1 else 'are'} as loaded.")
    if model and profile.model and model != profile.model:
        remarks.append(f"It was saved with the model {profile.model}.")
    return Fit(Mix(placed), fits, not_fits, remarks)


def same_adapters(profile: Profile, hashes: Mapping[str, str]) -> dict[str, str]:
    """Under which name each adapter of a profile is loaded, told by the content of its file.

    Args:
        profile: what was saved.
        hashes: the SHA-256 of the loaded adapters, by their PEFT names.
    """
    names = {asked: asked for asked in profile.adapters if asked in hashes}
    by_hash = {content: name for name, content in hashes.items() if content}
    for asked, facts in profile.adapters.items():
        if facts.hash in by_hash and hashes.get(asked) != facts.hash:
            names[asked] = by_hash[facts.hash]
    return names


def fitting_of(faders: Faders, adapter: Adapter) -> tuple[Faders, list[str]]:
    """The faders that an adapter has, and what it lacks, in words."""
    there: dict[str, frozenset[Any]] = {
        "kind": frozenset(adapter.kinds),
        "layer": frozenset(adapter.layers),
        "target": adapter.names,
    }
    given: dict[str, Mapping[Any, Any]] = {"kind": faders.kinds, "layer": faders.layers, "target": faders.modules}
    kept = {of: {name: gain for name, gain in gains.items() if name in there[of]} for of, gains in given.items()}
    lacking: dict[str, dict[Any, None]] = {
        of: dict.fromkeys(name for name in gains if name not in there[of]) for of, gains in given.items()
    }
    fades = {}
    for key, fade in faders.fades.items():
        fader = Fader.from_key("", key)
        if fader.of == "master" or fader.name in there[fader.of]:
            fades[key] = fade
        else:
            lacking[fader.of][fader.name] = None
    fitting = replace(faders, kinds=kept["kind"], layers=kept["layer"], modules=kept["target"], fades=fades)
    lacks = [_lacks(of, list(names)) for of, names in lacking.items() if names]
    if (between := faders.crossfade) is not None:
        sides = [fitting_of(side, adapter) for side in (between.a, between.b)]
        fitting = replace(fitting, crossfade=replace(between, a=sides[0][0], b=sides[1][0]))
        lacks += [what for _, side in sides for what in side if what not in lacks]
    if why_not_rank(adapter, fitting):
        lacks.append(heard(faders))
        fitting = replace(fitting, rank=None, energy=None)
    return fitting, lacks


def _lacks(of: str, names: Sequence[Any]) -> str:
    word = of if len(names) == 1 else f"{of}s"
    return f"{word} {_ranges(sorted(names)) if of == 'layer' else _some(names)}"


def _ranges(numbers: Sequence[int]) -> str:
    """Layers for people: "3, 24–29"."""
    spans: list[list[int]] = []
    for number in numbers:
        if spans and number == spans[-1][1] + 1:
            spans[-1][1] = number
        else:
            spans.append([number, number])
    return ", ".join(str(first) if first == last else f"{first}–{last}" for first, last in spans)  # noqa: RUF001


def _summary(faders: Faders) -> str:
    if not faders.on:
        return "off"
    parts = [f"master {faders.master:g}"]
    for word, gains in (("kind", faders.kinds), ("layer", faders.layers), ("target", faders.modules)):
        if gains:
            parts.append(f"{len(gains)} {word}{'s' if len(gains) > 1 else ''}")
    if not faders.whole:
        parts.append(heard(faders))
    if faders.crossfade is not None:
        parts.append(f"crossfade at {faders.crossfade.stand}")
    if faders.fades:
        parts.append(f"{len(faders.fades)} fade{'s' if len(faders.fades) > 1 else ''}")
    return ", ".join(parts)


def _refused(desk: Desk, name: str, faders: Faders) -> str:
    try:
        desk.check(Mix({name: faders}))
    except ValueError as error:
        return str(error)
    return ""


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def _listed(names: Sequence[str]) -> str:
    *first, last = [f"“{name}”" for name in names]
    return f"{', '.join(first)} and {last}" if first else last
