"""The one fader between two mixes, as all pages see it: what it is between, and where it stands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ...lora_ops.mix import Mix


@dataclass(frozen=True)
class Side:
    """What it is at one of its ends.

    Attributes:
        source: what was chosen: "base", "as loaded", "faders", "column:3" or "profile:quiet pirate".
        title: that for people.
        mix: what it was when it was chosen.
    """

    source: str
    title: str
    mix: Mix

    def to_dict(self) -> dict[str, Any]:
        """Plain data for the page."""
        return {"source": self.source, "title": self.title, "mix": self.mix.to_dict()}


@dataclass(frozen=True)
class Crossfader:
    """Its two ends, and where it stands.

    Attributes:
        t: 0 is all of `a`, 1 all of `b`.
        stood: the mix that stood on the desk when it was moved last; None if it was not moved yet.
        over: how it moves over a reply, as it was written: "0 at 0, 1 at 40"; empty where it stands still, at `t`.
    """

    a: Side
    b: Side
    t: float = 0.0
    stood: Mix | None = None
    over: str = ""

    def to_dict(self, mix: Mix) -> dict[str, Any]:
        """Plain data for the page, on whose desk `mix` stands."""
        return {
            "a": self.a.to_dict(),
            "b": self.b.to_dict(),
            "t": self.t,
            "over": self.over,
            "stands": mix == self.stood,
        }
