"""Where every control of the desk stands: the faders, and on top of them mute, solo and bypass.

A mix says what the model plays. A panel remembers more: a muted fader keeps its position, so that it is still there
when the mute is lifted, or when the page is loaded again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from ...lora_ops.mix import AS_LOADED, Faders, Mix, explain
from ...lora_ops.target import Adapter

_STRICT = ConfigDict(extra="forbid")


@dataclass(frozen=True, config=_STRICT)
class Marked:
    """A set of adapters, and per adapter a set of kinds."""

    adapters: tuple[str, ...] = ()
    kinds: Mapping[str, tuple[str, ...]] = Field(default_factory=dict)


@dataclass(frozen=True, config=_STRICT)
class Panel:
    """The controls of the desk.

    Attributes:
        mix: where the faders stand.
        muted: what is silent for now.
        soloed: what alone is heard for now, when there is any.
        bypass: whether everything is silent for now, to hear the base model.
    """

    mix: Mix = Field(default_factory=Mix)
    muted: Marked = Field(default_factory=Marked)
    soloed: Marked = Field(default_factory=Marked)
    bypass: bool = False

    @classmethod
    def from_dict(cls, data: Any) -> Panel:
        """The panel that a page sent.

        Raises:
            ValueError: naming what is not understood.
        """
        try:
            return _PANEL.validate_python(data)
        except ValidationError as error:
            raise ValueError(f"the page sent something that is no panel: {explain(error)}") from None

    def to_dict(self) -> dict[str, Any]:
        """Plain data for the page."""
        return {
            "mix": self.mix.to_dict(),
            "muted": _plain(self.muted),
            "soloed": _plain(self.soloed),
            "bypass": self.bypass,
        }

    def effective(self, adapters: Iterable[Adapter]) -> Mix:
        """What the model is to play: the faders with mute, solo and bypass in force.

        What stands as loaded is not named: a mix that names an adapter has it play.
        """
        stand = {adapter.name: self._faders(adapter) for adapter in adapters}
        moved = {name: faders for name, faders in stand.items() if name in self.mix.adapters or faders != AS_LOADED}
        return Mix({**self.mix.adapters, **moved})

    def _faders(self, adapter: Adapter) -> Faders:
        faders = self.mix[adapter.name]
        if self.bypass or not _heard(adapter.name, self.muted.adapters, self.soloed.adapters):
            return replace(faders, on=False)
        muted = self.muted.kinds.get(adapter.name, ())
        soloed = self.soloed.kinds.get(adapter.name, ())
        silent = {kind: 0.0 for kind in adapter.kinds if not _heard(kind, muted, soloed)}
        if not silent:
            return faders
        fades = {key: fade for key, fade in faders.fades.items() if key.removeprefix("kind:") not in silent}
        return replace(faders, kinds={**faders.kinds, **silent}, fades=fades)


def _heard(name: str, muted: Iterable[str], soloed: Iterable[str]) -> bool:
    soloed = tuple(soloed)
    return name not in muted and (not soloed or name in soloed)


def _plain(marked: Marked) -> dict[str, Any]:
    return {"adapters": list(marked.adapters), "kinds": {name: list(kinds) for name, kinds in marked.kinds.items()}}


_PANEL: TypeAdapter[Panel] = TypeAdapter(Panel)
