"""Columns out of one line of text: a fader over a range, or two of them as a grid; or a crossfade of two mixes."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Literal

from ..crossfade import check_part
from ..fader import Fader
from ..mix import AS_LOADED, Faders, Mix
from ..mix_check import why_not_rank
from .axis import Axis, Crossfader, under_setting
from .column import MAX_COLUMNS, Column

if TYPE_CHECKING:
    from ..desk import Desk
    from ..target import Adapter

#: How many settings one axis may have: no chart needs more points.
MAX_SETTINGS = 1000
AS_IT_STANDS = "as it stands"

_EXAMPLES = (
    "write for instance 'master 0 to 2 in 0.25', 'down_proj 0, 1', 'layers 0-9 off', 'each kind off', 'rank 1, 2, 4' "
    "or 'crossfade 0 to 1 in 0.25'"
)
_NUMBER = r"[+-]?(?:\d{1,9}(?:\.\d{0,9})?|\.\d{1,9})"
_RANGE = re.compile(rf"(?:from\s+)?({_NUMBER})\s+to\s+({_NUMBER})(?:\s+(?:in|by|step|in steps of)\s+({_NUMBER}))?")
_CROSSFADE = re.compile(r"cross-?fade(?=\s|$)", re.I)
_LAYERS = re.compile(r"layers?\s+(?P<what>\d{1,6}(?:-\d{1,6})?(?:\s*,\s*\d{1,6}(?:-\d{1,6})?)*)(?=\s|$)", re.I)
_NAME = r"[^\s,]*[^\W\d][^\s,]*"
_NAMES = re.compile(rf"(?P<what>{_NAME}(?:\s*,\s*{_NAME})*)(?=\s|$)")


def parse_axis(text: str, desk: Desk | Mapping[str, Adapter], base: Mix, sides: tuple[Mix, Mix] | None = None) -> Axis:
    """What people write: what is moved, and the gains.

    >>> parse_axis("down_proj 0, 1", desk, Mix()).gains
    (0.0, 1.0)

    What is moved: "master", "rank" or "energy" (how many components are heard), kinds ("q_proj, k_proj"), layers
    ("layer 3", "layers 0-9, 20"), targets (whole names, or their ends), or several in turn ("each layer", "each kind",
    "each of layers 0-9", "each of q_proj, k_proj").
    The gains: "0 to 2 in 0.25" (both ends included), "0, 0.5, 1", "at 0.5", or "off".
    Another adapter than the only one that fits, or plays: "pirate: master 0, 1".
    "crossfade 0 to 1 in 0.25" goes from one mix to another, whatever the base is.

    Args:
        text: such a line.
        desk: the desk, or its adapters.
        base: the mix that is swept: where several adapters fit, the one that is on in it is meant.
        sides: the two mixes that a crossfade is between.

    Raises:
        ValueError: what is not understood, or not there, and what to write instead.
    """
    given: Any = desk
    adapters: Mapping[str, Adapter] = getattr(given, "adapters", given)
    prefix, line = _split_adapter(_tidy(text), adapters)
    if prefix is None and (found := _CROSSFADE.match(line)):
        return _crossfade(_values(line[found.end() :], line), sides, given)
    subject, rest = _subject(line)
    values = _values(rest, line)
    adapter, groups = _resolve(subject, prefix, adapters, base)
    if len(groups) * len(values) > MAX_SETTINGS:
        raise ValueError(f"this would be {len(groups) * len(values):,} settings, and {MAX_SETTINGS:,} are the most")
    if subject.of in ("rank", "energy"):
        _check_components(adapters[adapter], subject.of, values)
    front = f"{adapter} · " if len(adapters) > 1 else ""
    settings: list[tuple[str, Mapping[Fader | Crossfader, float]]] = [
        (f"{front}{name} {word}", dict.fromkeys(faders, gain)) for name, faders in groups for word, gain in values
    ]
    return Axis(front + subject.label, tuple(settings), subject.each)


def sweep(base: Mix, x: Axis, y: Axis | None = None) -> list[Column]:
    """A column for every setting of `x`, or for every pair of settings, row by row (one row for each of `y`).

    Where there is nothing to compare with (a single setting, or faders that take turns) the mix as it stands is first.

    Raises:
        ValueError: more columns than can be compared at once, or two axes that move the same fader.
    """
    if y is not None and (both := x.faders & y.faders):
        raise ValueError(f"both axes move {min(both).label}: sweep two different faders")
    cells = len(x.settings) * (len(y.settings) if y else 1)
    bare = cells == 1 or (x.each and y is None)
    if cells + bare > MAX_COLUMNS:
        raise ValueError(_too_many(x, y, cells, bare))
    columns = [Column(AS_IT_STANDS, base)] if bare else []
    if y is None:
        return columns + [Column(label, under_setting(base, moved)) for label, moved in x.settings]
    return columns + [
        Column(_pair(x_label, y_label), under_setting(base, {**x_moved, **y_moved}))
        for y_label, y_moved in y.settings
        for x_label, x_moved in x.settings
    ]


def _pair(x: str, y: str) -> str:
    """The label of a pair of settings; an adapter that both are of is named once."""
    adapter, between, _ = x.rpartition(" · ")
    return f"{x}, {y.removeprefix(adapter + between)}"


def _crossfade(values: Sequence[tuple[str, float]], sides: tuple[Mix, Mix] | None, desk: Any) -> Axis:
    """A crossfade over these parts of the way; an adapter that a side does not name stands there as it is loaded."""
    if sides is None:
        raise ValueError("a crossfade between what? Choose its two mixes on the desk first")
    silent: Mapping[str, Faders] = desk.as_loaded().adapters if hasattr(desk, "as_loaded") else {}
    named = dict.fromkeys([*silent, *sides[0].adapters, *sides[1].adapters])
    one, other = (Mix({name: side.adapters.get(name, silent.get(name, AS_LOADED)) for name in named}) for side in sides)
    fader = Crossfader(one, other)
    for word, t in values:
        try:
            check_part(t)
            fader.put(one, t)
        except ValueError as error:
            raise ValueError(f"crossfade {word}: {error}") from None
    return Axis(fader.label, tuple((f"{fader.label} {word}", {fader: t}) for word, t in values))


def _too_many(x: Axis, y: Axis | None, cells: int, bare: bool) -> str:
    grid = f" ({len(x.settings)} x {len(y.settings)})" if y else f" (with the mix {AS_IT_STANDS})" if bare else ""
    return (
        f"this would be {cells + bare:,} columns{grid}, and {MAX_COLUMNS} are the most: "
        "take larger steps, a shorter range, or fewer values"
    )


# What is moved


@dataclass(frozen=True)
class _Subject:
    """What is moved, before it is known in which adapter."""

    of: Literal["master", "rank", "energy", "layers", "names", "every layer", "every kind"]
    what: tuple[str, ...] = ()
    each: bool = False

    @property
    def label(self) -> str:
        if self.of == "layers":
            one = len(self.what) == 1 and "-" not in self.what[0]
            name = f"layer{'' if one else 's'} {', '.join(self.what)}"
        elif self.of == "names":
            name = ", ".join(self.what)
        else:
            return {"every layer": "each layer", "every kind": "each kind"}.get(self.of, self.of)
        return f"each of {name}" if self.each else name


def _tidy(text: str) -> str:
    text = text.strip().replace("\u2212", "-").replace("\u2013", "-")
    text = re.sub(r"(?<=\d)\s+-\s+(?=\d)", "-", text)
    if not text:
        raise ValueError(f"the sweep is empty: {_EXAMPLES}")
    if len(text) > 1000:
        raise ValueError(f"a sweep is one short line: {_EXAMPLES}")
    return text


def _split_adapter(text: str, adapters: Mapping[str, Adapter]) -> tuple[str | None, str]:
    for name in sorted(adapters, key=len, reverse=True):
        rest = text[len(name) :].lstrip()
        if text.startswith(name) and rest.startswith(":"):
            return name, rest[1:].strip()
    before, colon, _ = text.partition(":")
    if colon:
        raise ValueError(f"there is no adapter {before.strip()[:60]!r}; there is {_listed(before.strip(), adapters)}")
    return None, text


def _subject(line: str) -> tuple[_Subject, str]:
    """What is moved, and the rest of the line."""
    each = re.match(r"each(\s+of)?\s+", line, re.I)
    rest = line[each.end() :] if each else line
    if each and (every := re.match(r"(layer|kind)s?(?=\s|$)", rest, re.I)) and not each[1]:
        of: Literal["every layer", "every kind"] = "every layer" if every[1].lower() == "layer" else "every kind"
        return _Subject(of, each=True), rest[every.end() :]
    if found := _LAYERS.match(rest):
        return _Subject("layers", _parts(found["what"]), bool(each)), rest[found.end() :]
    if (found := re.match(r"(master|rank|energy)(?=\s|$)", rest, re.I)) and not each:
        return _Subject(found[1].lower()), rest[found.end() :]  # type: ignore[arg-type] # one of the three
    if found := _NAMES.match(rest):
        return _Subject("names", _parts(found["what"]), bool(each)), rest[found.end() :]
    raise ValueError(f"{line[:60]!r} does not say what to sweep: {_EXAMPLES}")


def _parts(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(part.strip() for part in text.split(",")))


#: The faders of one setting, under the name that its label has.
_Group = tuple[str, list[Fader]]


def _resolve(
    subject: _Subject, prefix: str | None, adapters: Mapping[str, Adapter], base: Mix
) -> tuple[str, list[_Group]]:
    """The adapter that is meant, and the faders of each setting."""
    if not adapters:
        raise ValueError("the model has no adapter whose faders could be swept")
    fits: dict[str, list[_Group]] = {}
    why_not: list[str] = []
    for name in [prefix] if prefix is not None else list(adapters):
        try:
            fits[name] = _groups(subject, adapters[name])
        except ValueError as error:
            why_not.append(str(error))
    if not fits:
        raise ValueError("; ".join(why_not[:3]))
    if len(fits) > 1:
        fits = {name: groups for name, groups in fits.items() if base[name].on} or fits
    if len(fits) > 1:
        choice = " or ".join(f"'{name}: {subject.label} …'" for name in list(fits)[:4])
        raise ValueError(f"{subject.label} could be of several adapters: write {choice}")
    return next(iter(fits.items()))


def _groups(subject: _Subject, adapter: Adapter) -> list[_Group]:
    if not adapter.scalable:
        raise ValueError(f"adapter {adapter.name!r} has nothing that can be scaled")
    if subject.of in ("master", "rank", "energy"):
        return [(subject.of, [Fader(adapter.name, subject.of)])]
    if subject.of == "every layer":
        layers: Sequence[int] = adapter.layers
    elif subject.of == "layers":
        layers = _layers(subject.what, adapter)
    else:
        names = adapter.kinds if subject.of == "every kind" else subject.what
        faders = [_named(name, adapter) for name in names]
        return _grouped(subject, faders, [str(name) for name in names])
    faders = [Fader(adapter.name, "layer", layer) for layer in layers]
    return _grouped(subject, faders, [f"layer {layer}" for layer in layers])


def _grouped(subject: _Subject, faders: list[Fader], names: list[str]) -> list[_Group]:
    if not subject.each:
        return [(subject.label, faders)]
    return [(name, [fader]) for name, fader in zip(names, faders, strict=True)]


def _layers(parts: Sequence[str], adapter: Adapter) -> list[int]:
    """The layers that are named; of a range those that the adapter has."""
    there = adapter.layers
    chosen: set[int] = set()
    for part in parts:
        first, dash, last = part.partition("-")
        low, high = int(first), int(last or first)
        if low > high:
            raise ValueError(f"the layers {part} run backwards: write {high}-{low}")
        if not there or low < there[0] or high > there[-1] or (not dash and low not in there):
            have = f"layers {there[0]} to {there[-1]}" if there else "no layers"
            raise ValueError(f"adapter {adapter.name!r} has no layer{'s' if dash else ''} {part}; it has {have}")
        chosen.update(layer for layer in there if low <= layer <= high)
    return sorted(chosen)


def _named(name: str, adapter: Adapter) -> Fader:
    """The kind or target of this name, or the only target whose name ends so."""
    if name in adapter.kinds:
        return Fader(adapter.name, "kind", name)
    if name in adapter.names:
        return Fader(adapter.name, "target", name)
    ends = [target for target in adapter.names if target.endswith("." + name)]
    if len(ends) == 1:
        return Fader(adapter.name, "target", ends[0])
    if ends:
        raise ValueError(
            f"{len(ends)} targets of adapter {adapter.name!r} end in {name[:80]!r}: write more of the name"
        )
    there = [*adapter.kinds, *adapter.names] if "." in name else adapter.kinds
    raise ValueError(f"adapter {adapter.name!r} has no kind or target {name[:80]!r}; it has {_listed(name, there)}")


def _listed(asked: str, there: Mapping[str, object] | Sequence[str]) -> str:
    names = list(there)
    return ", ".join(get_close_matches(asked, names, n=3) or names[:8]) or "none"


def _check_components(adapter: Adapter, of: str, values: Sequence[tuple[str, float]]) -> None:
    """Refuses ranks and shares that cannot be heard, while they are still in the line that was written."""
    for word, value in values:
        try:
            mix = Fader(adapter.name, of).put(Mix(), value)  # type: ignore[arg-type] # rank or energy
        except ValueError:
            sort = "a whole number from 1 up" if of == "rank" else "above 0 and up to 1"
            raise ValueError(f"{of} {word}: {'a rank is' if of == 'rank' else 'a share is'} {sort}") from None
        if why_not := why_not_rank(adapter, mix[adapter.name]):
            raise ValueError(f"{of} {word}: {why_not}")


# The gains


def _values(text: str, line: str) -> list[tuple[str, float]]:
    """Each gain with the word for it in a label; a gain that is named twice counts once."""
    text = re.sub(r"^\s*(?:at\b|=)?\s*", "", text, flags=re.I).lower()
    if not text:
        raise ValueError(f"{line[:60]!r} names no gain: add '0 to 2 in 0.25', '0, 1', 'at 0.5' or 'off'")
    if found := _RANGE.fullmatch(text):
        numbers = _range(*found.groups())
        return [(f"{number:g}", number) for number in numbers]
    return list({gain: (word, gain) for word, gain in map(_value(line), text.split(","))}.values())


def _value(line: str) -> Callable[[str], tuple[str, float]]:
    def value(part: str) -> tuple[str, float]:
        part = part.strip()
        if part == "off":
            return "off", 0.0
        if re.fullmatch(_NUMBER, part):
            return f"{float(part):g}", float(part)
        raise ValueError(f"{part[:60]!r} in {line[:60]!r} is no gain: {_EXAMPLES}")

    return value


def _range(start: str, stop: str, step: str | None) -> list[float]:
    first, last = Decimal(start), Decimal(stop)
    if step is None:
        raise ValueError(f"{start} to {stop} in what steps? Write '{start} to {stop} in 0.25'")
    width = abs(Decimal(step))
    if not width:
        raise ValueError(f"{start} to {stop} in steps of 0 never arrives: write '{start} to {stop} in 0.25'")
    count = int(abs(last - first) / width) + 1
    if count > MAX_SETTINGS:
        raise ValueError(
            f"{start} to {stop} in {step} would be {count:,} settings, and {MAX_SETTINGS:,} are the most: "
            "take larger steps or a shorter range"
        )
    direction = width if last >= first else -width
    return [float(first + direction * at) for at in range(count)]
