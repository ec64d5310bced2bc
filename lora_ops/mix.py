"""The positions of all faders of all adapters: plain, immutable data with no model in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, PlainValidator, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass, rebuild_dataclass

from .crossfade import check_part, components, in_few_faders, is_silent
from .energy import check_share
from .fade import Fade
from .fader import MOST_LAYERS, MOST_RANK, Fader
from .limits import LOUDEST
from .refusals import FewFields, InParts, OneByOne, few_fields
from .refusals import explain as explain  # those who read mixes say what is wrong with them in the same words

if TYPE_CHECKING:
    from .target import Target

Gain = Annotated[float, Field(strict=True, allow_inf_nan=False, ge=-LOUDEST, le=LOUDEST)]


def _one_spelling(index: Any) -> Any:
    """In JSON an index is text, which has to be written in one way: "3" and "03" would be one layer with two gains."""
    if isinstance(index, str) and not (index.isascii() and index.isdigit() and (index == "0" or index[0] != "0")):
        raise ValueError("a layer has an index from 0 up")
    return index


#: A whole number of components; no matrix has more than a layer is wide.
Rank = Annotated[int, Field(strict=True, ge=1, le=MOST_RANK)]
#: A share of the squared norm of what a target adds.
Share = Annotated[float, Field(strict=True), AfterValidator(check_share)]
LayerIndex = Annotated[int, Field(ge=0, lt=MOST_LAYERS), BeforeValidator(_one_spelling)]


class _Frozen(dict[Any, Any]):
    """A dictionary that refuses to change; unlike `MappingProxyType` it can be copied and pickled."""

    def _refuse(self, *_: Any, **__: Any) -> Any:
        raise TypeError("a mix is immutable: make a new one with `dataclasses.replace`")

    __setitem__ = __delitem__ = clear = pop = popitem = setdefault = update = __ior__ = _refuse

    def __reduce__(self) -> tuple[Any, ...]:
        return _Frozen, (dict(self),)


def _freeze(values: Mapping[Any, Any]) -> Mapping[Any, Any]:
    return _Frozen(values)


def _fade(value: Any) -> Fade:
    return value if isinstance(value, Fade) else Fade(value)


def _known_key(key: str) -> str:
    return Fader.from_key("", key).key


FadeKey = Annotated[str, AfterValidator(_known_key)]

_STRICT = ConfigDict(extra="forbid")
#: Crossfades between crossfades: more of them one in the other is no music.
_DEEPEST = 8


@dataclass(frozen=True, config=_STRICT)
class Faders:
    """Where the faders of one adapter stand. Every number is a gain: 1 is as loaded, 0 silent, 2 twice as loud.

    A fader that has a fade, under its `Fader.key`, moves over the tokens of a reply; the number that it has besides
    counts for nothing then. When nobody generates it stands where its fade is at token 0.

    `rank` lets at most so many components of what each target adds be heard, the strongest ones; `energy` as many of
    each target as hold this share of its squared norm. None is all of them; of both, what is fewer holds.

    With a `crossfade` the gains begin between those of two others, and the faders here multiply that.

    Raises:
        ValueError: a gain that is no number of 32 bits, a layer that is no index, a fade that is none or of no fader, a
            rank that is no whole number from 1 up, a share that is not above 0 and up to 1, or a field that does not
            exist.
    """

    on: Annotated[bool, Field(strict=True)] = True
    master: Gain = 1.0
    kinds: Annotated[Mapping[str, Gain], InParts, AfterValidator(_freeze)] = Field(default_factory=_Frozen)
    layers: Annotated[Mapping[LayerIndex, Gain], InParts, AfterValidator(_freeze)] = Field(default_factory=_Frozen)
    modules: Annotated[Mapping[str, Gain], InParts, AfterValidator(_freeze)] = Field(default_factory=_Frozen)
    fades: Annotated[Mapping[FadeKey, Annotated[Fade, PlainValidator(_fade)]], InParts, AfterValidator(_freeze)] = (
        Field(default_factory=_Frozen)
    )
    rank: Rank | None = None
    energy: Share | None = None
    crossfade: Crossfade | None = None

    @property
    def whole(self) -> bool:
        """Whether all components are heard."""
        return self.rank is None and (self.energy is None or self.energy == 1)

    def gain(self, target: Target) -> float:
        """What the as-loaded scaling of `target` is multiplied by; at token 0, where faders fade."""
        return self.gains([target])[0]

    def gains(self, targets: Sequence[Target]) -> list[float]:
        """The gain of each of these targets, in their order; hundreds at once, each time that a fader is moved.

        Where faders fade: the gain at token 0.
        """
        if not self.on:
            return [0.0] * len(targets)
        if self.fades:
            return self.at(0).gains(targets)
        if self.crossfade is not None:
            between = self.crossfade.gains(targets)
            return [gain * own for gain, own in zip(between, self._products(targets), strict=True)]
        return self._products(targets)

    def _products(self, targets: Sequence[Target]) -> list[float]:
        master, kind, module = self.master, self.kinds.get, self.modules.get
        layer: Callable[[int | None, float], float] = self.layers.get  # type: ignore[assignment] # None is no key of it
        return [master * kind(t.kind, 1.0) * layer(t.layer, 1.0) * module(t.name, 1.0) for t in targets]

    def spelled(self, target: Target) -> str:
        """The faders that move `target`, and their gains, for people: "master 0.5, q_proj 2, layer 3 1.5"."""
        beside = (
            (target.kind, self.kinds.get(target.kind)),
            (f"layer {target.layer}", self.layers.get(target.layer) if target.layer is not None else None),
            (target.name, self.modules.get(target.name)),
        )
        gains = [("master", self.master), *((name, gain) for name, gain in beside if gain is not None)]
        if self.crossfade is not None:
            gains.append((f"crossfade at {self.crossfade.stand}", self.crossfade.gains([target])[0]))
        return ", ".join(f"{name} {gain:g}" for name, gain in gains)

    def at(self, token: int) -> Faders:
        """Where the faders stand while this generated token is worked out (0 is the first): the same without fades."""
        return self._without_fades(lambda fade: fade.gain(token)) if self.fading else self

    @property
    def fading(self) -> bool:
        """Whether any of it moves over a reply."""
        return next(self.every_fade(), None) is not None

    def every_fade(self) -> Iterator[Fade]:
        """The fades of these faders, and of those that they are between."""
        yield from self.fades.values()
        if self.crossfade is not None:
            if isinstance(self.crossfade.t, Fade):
                yield self.crossfade.t
            yield from self.crossfade.a.every_fade()
            yield from self.crossfade.b.every_fade()

    def courses(self, targets: Sequence[Target]) -> list[Any]:
        """How the gain of each of these targets moves over a reply: alike in two mixes, it is equal at every token."""
        if not (self.on and self.fading):
            return list(self.gains(targets))
        fade = self.fades.get
        between = self.crossfade.courses(targets) if self.crossfade is not None else [1.0] * len(targets)
        return [
            (
                fade("master", self.master),
                fade(f"kind:{t.kind}", self.kinds.get(t.kind, 1.0)),
                fade(f"layer:{t.layer}", self.layers.get(t.layer, 1.0) if t.layer is not None else 1.0),
                fade(f"target:{t.name}", self.modules.get(t.name, 1.0)),
                course,
            )
            for t, course in zip(targets, between, strict=True)
        ]

    def loudest(self) -> Faders:
        """The faders with each fade at its loudest gain: no token is louder than this."""
        return self._without_fades(lambda fade: fade.loudest) if self.fading else self

    @staticmethod
    def between(a: Faders, b: Faders, t: float | Fade) -> Faders:
        """Faders under which each target's gain is (1 - t) a + t b: as few as that takes, else a `crossfade`.

        Raises:
            ValueError: t is not from 0 to 1; or both are heard, and not the same components of either, of which there
                is no mean that could be heard.
        """
        if isinstance(t := check_part(t), Fade):
            return a if a == b else Faders.over(a, b, t)
        if t in (0, 1):
            return b if t else a
        few = in_few_faders(a, b, t)
        return Faders.over(a, b, t) if few is None else few

    @staticmethod
    def over(a: Faders, b: Faders, t: float | Fade) -> Faders:
        """As `between`, always as a crossfade, with faders at 1 above it: to be moved from there.

        Raises:
            ValueError: as `between`.
        """
        if not (a.on or b.on):
            return a
        if not (is_silent(a) or is_silent(b)) and components(a) != components(b):
            raise ValueError(
                f"between {heard(a) or 'all components'} and {heard(b) or 'all components'} there is no number of "
                "components that could be heard: have the same rank and energy heard on both sides"
            )
        one, other = (_side(side) for side in (a, b))
        rank, energy = components(b if is_silent(a) else a)
        return Faders(rank=rank, energy=energy, crossfade=Crossfade(one, other, t))

    def _without_fades(self, gain: Callable[[Fade], float]) -> Faders:
        fields: dict[str, Any] = {"kind": {**self.kinds}, "layer": {**self.layers}, "target": {**self.modules}}
        master = self.master
        for key, fade in self.fades.items():
            fader = Fader.from_key("", key)
            if fader.of == "master":
                master = gain(fade)
            else:
                fields[fader.of][fader.name] = gain(fade)
        return Faders(
            self.on,
            master,
            fields["kind"],
            fields["layer"],
            fields["target"],
            rank=self.rank,
            energy=self.energy,
            crossfade=self.crossfade and self.crossfade.without_fades(gain),
        )


@dataclass(frozen=True, config=_STRICT)
class Crossfade:
    """What lies between two positions of an adapter's faders: the gain of each target is (1 - t) a + t b.

    `Faders.between` makes it, where no product of faders says the same.

    Raises:
        ValueError: t is not from 0 to 1; a side is off, or tells how many components are heard, which the faders around
            it do; or crossfades stand in crossfades that deep that nobody can have meant it.
    """

    a: Faders
    b: Faders
    t: Annotated[float | Fade, PlainValidator(check_part)]

    def __post_init__(self) -> None:
        for side in (self.a, self.b):
            if not side.on or components(side) != (None, None):
                raise ValueError("either side of a crossfade is on, and its rank and energy stand beside the crossfade")
        if self.depth > _DEEPEST:
            raise ValueError(f"crossfades between crossfades go {_DEEPEST} deep, and no deeper")

    @property
    def stand(self) -> str:
        """Where it stands, for people."""
        return str(self.t) if isinstance(self.t, Fade) else f"{self.t:g}"

    @property
    def depth(self) -> int:
        """How many crossfades stand in each other here; 1 if it is the only one."""
        return 1 + max(side.crossfade.depth if side.crossfade else 0 for side in (self.a, self.b))

    def gains(self, targets: Sequence[Target]) -> list[float]:
        """The gain of each of these targets; at token 0, where faders fade."""
        t = self.t.gain(0) if isinstance(self.t, Fade) else self.t
        return [
            (1 - t) * one + t * other for one, other in zip(self.a.gains(targets), self.b.gains(targets), strict=True)
        ]

    def courses(self, targets: Sequence[Target]) -> list[Any]:
        """As `Faders.courses`."""
        return [
            (self.t, one, other) for one, other in zip(self.a.courses(targets), self.b.courses(targets), strict=True)
        ]

    def without_fades(self, gain: Callable[[Fade], float]) -> Crossfade:
        """The crossfade with each fade at this gain of it."""
        one, other = (side._without_fades(gain) if side.fading else side for side in (self.a, self.b))
        return Crossfade(one, other, gain(self.t) if isinstance(self.t, Fade) else self.t)


rebuild_dataclass(Faders)  # type: ignore[arg-type] # it is one of pydantic's
AS_LOADED = Faders()


@dataclass(frozen=True, config=_STRICT)
class Mix:
    """The faders of every adapter, by adapter name; an adapter that is not named is as loaded.

    >>> quiet = Mix({"pirate": Faders(master=0.5, kinds={"q_proj": 0.0})})
    >>> Mix.from_dict(quiet.to_dict()) == quiet
    True

    Raises:
        ValueError: a gain that is no number of 32 bits, or a field that does not exist.
    """

    adapters: Annotated[Mapping[str, Annotated[Faders, FewFields]], OneByOne, AfterValidator(_freeze)] = Field(
        default_factory=_Frozen
    )

    def __getitem__(self, adapter: str) -> Faders:
        return self.adapters.get(adapter, AS_LOADED)

    def gain(self, target: Target) -> float:
        """What the as-loaded scaling of `target` is multiplied by."""
        return self[target.adapter].gain(target)

    @property
    def faded(self) -> bool:
        """Whether any of it moves over a reply."""
        return any(faders.on and faders.fading for faders in self.adapters.values())

    def at(self, token: int) -> Mix:
        """The mix as it is while this generated token is worked out (0 is the first), with no fade in it."""
        if not any(faders.fading for faders in self.adapters.values()):
            return self
        return Mix({name: faders.at(token) for name, faders in self.adapters.items()})

    @classmethod
    def between(cls, a: Mix, b: Mix, t: float | Fade) -> Mix:
        """The crossfade of two mixes: under it each target's gain is (1 - t) a + t b; at 0 it is `a`, at 1 it is `b`.

        With a fade for t it moves from the one to the other while a reply is written.

        >>> Mix.between(Mix({"pirate": Faders(on=False)}), Mix({"pirate": Faders(master=2.0)}), 0.25)["pirate"].master
        0.5

        An adapter that one of them does not name counts as loaded there, at gain 1. If it may be that it does not play
        as loaded, ask the desk (`Desk.between`), which knows.

        Raises:
            ValueError: t is not from 0 to 1, or not the same components of an adapter are heard under both.
        """
        if (t := check_part(t)) in (0, 1):
            return b if t else a
        made: dict[str, Faders] = {}
        for name in {**a.adapters, **b.adapters}:
            try:
                made[name] = Faders.between(a[name], b[name], t)
            except ValueError as error:
                raise ValueError(f"adapter {name!r}: {error}") from None
        return cls(made)

    def to_dict(self) -> dict[str, Any]:
        """Plain data that survives JSON: dictionaries with string keys, booleans and numbers."""
        return {"adapters": {name: _plain(faders) for name, faders in self.adapters.items()}}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Mix:
        """The mix that `to_dict` wrote.

        Raises:
            ValueError: anything that is not understood; the message names each field that is wrong, and why.
        """
        try:
            return _MIX.validate_python(few_fields(data))
        except ValidationError as error:
            raise ValueError(f"this is no mix: {explain(error)}") from None
        except ValueError as error:
            raise ValueError(f"this is no mix: {error}") from None


def _plain(faders: Faders) -> dict[str, Any]:
    plain: dict[str, Any] = {
        "on": faders.on,
        "master": faders.master,
        "kinds": dict(faders.kinds),
        "layers": {str(layer): gain for layer, gain in faders.layers.items()},
        "modules": dict(faders.modules),
    }
    plain |= {of: value for of in ("rank", "energy") if (value := getattr(faders, of)) is not None}
    if faders.fades:
        plain["fades"] = {key: [list(point) for point in fade.points] for key, fade in faders.fades.items()}
    if (between := faders.crossfade) is not None:
        t = [list(point) for point in between.t.points] if isinstance(between.t, Fade) else between.t
        plain["crossfade"] = {"a": _plain(between.a), "b": _plain(between.b), "t": t}
    return plain


def _side(faders: Faders) -> Faders:
    """What a side of a crossfade says of the gains alone."""
    return replace(faders, rank=None, energy=None) if faders.on else Faders(master=0.0)


def heard(faders: Faders) -> str:
    """How many components of an adapter are heard, for people: "rank 4", "95 % energy"; empty if all are."""
    parts = [] if faders.rank is None else [f"rank {faders.rank}"]
    if faders.energy is not None and faders.energy != 1:
        parts.append(f"{faders.energy * 100:.4g} % energy")
    return " and ".join(parts)


_MIX: TypeAdapter[Mix] = TypeAdapter(Mix)
