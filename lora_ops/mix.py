"""The positions of all faders of all adapters: plain, immutable data with no model in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, PlainValidator, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

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


@dataclass(frozen=True, config=_STRICT)
class Faders:
    """Where the faders of one adapter stand. Every number is a gain: 1 is as loaded, 0 silent, 2 twice as loud.

    A fader that has a fade, under its `Fader.key`, moves over the tokens of a reply; the number that it has besides
    counts for nothing then. When nobody generates it stands where its fade is at token 0.

    `rank` lets at most so many components of what each target adds be heard, the strongest ones; `energy` as many of
    each target as hold this share of its squared norm. None is all of them; of both, what is fewer holds.

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
        return ", ".join(f"{name} {gain:g}" for name, gain in gains)

    def at(self, token: int) -> Faders:
        """Where the faders stand while this generated token is worked out (0 is the first): the same without fades."""
        return self._without_fades(lambda fade: fade.gain(token)) if self.fades else self

    def courses(self, targets: Sequence[Target]) -> list[Any]:
        """How the gain of each of these targets moves over a reply: alike in two mixes, it is equal at every token."""
        if not (self.on and self.fades):
            return list(self.gains(targets))
        fade = self.fades.get
        return [
            (
                fade("master", self.master),
                fade(f"kind:{t.kind}", self.kinds.get(t.kind, 1.0)),
                fade(f"layer:{t.layer}", self.layers.get(t.layer, 1.0) if t.layer is not None else 1.0),
                fade(f"target:{t.name}", self.modules.get(t.name, 1.0)),
            )
            for t in targets
        ]

    def loudest(self) -> Faders:
        """The faders with each fade at its loudest gain: no token is louder than this."""
        return self._without_fades(lambda fade: fade.loudest) if self.fades else self

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
            self.on, master, fields["kind"], fields["layer"], fields["target"], rank=self.rank, energy=self.energy
        )


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
        return any(faders.on and faders.fades for faders in self.adapters.values())

    def at(self, token: int) -> Mix:
        """The mix as it is while this generated token is worked out (0 is the first), with no fade in it."""
        if not any(faders.fades for faders in self.adapters.values()):
            return self
        return Mix({name: faders.at(token) for name, faders in self.adapters.items()})

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
    return plain


def heard(faders: Faders) -> str:
    """How many components of an adapter are heard, for people: "rank 4", "95 % energy"; empty if all are."""
    parts = [] if faders.rank is None else [f"rank {faders.rank}"]
    if faders.energy is not None and faders.energy != 1:
        parts.append(f"{faders.energy * 100:.4g} % energy")
    return " and ".join(parts)


_MIX: TypeAdapter[Mix] = TypeAdapter(Mix)
