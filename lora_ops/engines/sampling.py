"""How replies are sampled, as plain data that every engine reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any


@dataclass(frozen=True)
class Sampling:
    """The settings of one way of generating, under transformers' names. What is None is as the engine has it.

    Attributes:
        max_new_tokens: at most so many tokens.
        do_sample: whether dice are rolled; else the likeliest token is taken.
        temperature: divides the logits.
        top_k: only the so many likeliest tokens are drawn from.
        top_p: only the likeliest tokens that hold this share together.
        min_p: only tokens at least this share as likely as the likeliest.
        typical_p: only the most typical tokens that hold this share together.
        repetition_penalty: of tokens that have occurred; 1 is none.
        extras: what else an engine or a host has, under its own names; an engine that does not know them refuses or
            leaves them, and says so.
    """

    max_new_tokens: int | None = None
    do_sample: bool | None = None
    temperature: float | None = None
    top_k: int | None = None
    top_p: float | None = None
    min_p: float | None = None
    typical_p: float | None = None
    repetition_penalty: float | None = None
    extras: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, settings: Mapping[str, Any] | Sampling) -> Sampling:
        """Out of keyword arguments as transformers' `generate` takes them."""
        if isinstance(settings, Sampling):
            return settings
        # A None that is given is not the same as nothing given: transformers takes it for its own default.
        known = {name: settings[name] for name in _KNOWN if settings.get(name) is not None}
        return cls(**known, extras={name: value for name, value in settings.items() if name not in known})

    def to_dict(self) -> dict[str, Any]:
        """The same as keyword arguments again."""
        known = {name: value for name in _KNOWN if (value := getattr(self, name)) is not None}
        return {**known, **self.extras}


_KNOWN = tuple(one.name for one in fields(Sampling) if one.name != "extras")
