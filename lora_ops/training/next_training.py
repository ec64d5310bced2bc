"""What to try at the next training: settings, and a line for each of them with its number and how sure it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import Enum
from typing import Any


class Sure(str, Enum):
    """How sure an advice is."""

    measured = "measured here"
    heard = "set on the desk"
    rule = "rule of thumb"
    unknown = "not known"


@dataclass(frozen=True)
class Advice:
    """One line.

    Attributes:
        of: which setting it is about, by PEFT's name: "r", "lora_alpha", "target_modules" …; "data" for the examples.
        advice: what to do, in a few words.
        why: the number that it comes from, in a sentence.
        sure: how sure it is.
        number: that number by itself, where there is one.
        source: who says so, of a rule of thumb.
    """

    of: str
    advice: str
    why: str
    sure: Sure
    number: float | None = None
    source: str = ""


@dataclass(frozen=True)
class NextTraining:
    """Settings of a LoRA training, as PEFT's `LoraConfig` names them.

    Attributes:
        adapter: the name of the adapter that it comes from.
        r: the rank.
        alpha: `lora_alpha`; the scaling is alpha / r, or alpha / sqrt(r) where it is rank-stabilised.
        rank_stabilised: `use_rslora`.
        dora: `use_dora`.
        target_modules: the kinds that earned their place.
        target_parameters: those of them that are parameters (experts' weights), by the end of their names.
        layers: `layers_to_transform`; None for all.
        exclude_modules: single targets to leave out, by their whole names.
        rank_pattern: the ranks of kinds that need another.
        alpha_pattern: the alphas of kinds whose scaling, or whose rank, is another.
        lines: where all this comes from.
    """

    adapter: str
    r: int
    alpha: float
    rank_stabilised: bool
    dora: bool
    target_modules: tuple[str, ...]
    target_parameters: tuple[str, ...] = ()
    layers: tuple[int, ...] | None = None
    exclude_modules: tuple[str, ...] = ()
    rank_pattern: Mapping[str, int] = field(default_factory=dict)
    alpha_pattern: Mapping[str, float] = field(default_factory=dict)
    lines: tuple[Advice, ...] = ()

    def rank_of(self, kind: str) -> int:
        """The rank of a kind."""
        return self.rank_pattern.get(kind, self.r)

    def alpha_of(self, kind: str) -> float:
        """The alpha of a kind."""
        return self.alpha_pattern.get(kind, self.alpha)

    def to_dict(self) -> dict[str, Any]:
        """Plain data that survives JSON."""
        plain = asdict(self)
        plain["lines"] = [{**line, "sure": line["sure"].value} for line in plain["lines"]]
        plain["layers"] = None if self.layers is None else list(self.layers)
        for name in ("target_modules", "target_parameters", "exclude_modules"):
            plain[name] = list(plain[name])
        return plain


def scale(rank: int, rank_stabilised: bool) -> float:
    """What alpha is divided by (LoRA: arXiv:2106.09685, rank-stabilised: arXiv:2312.03732)."""
    return float(rank**0.5 if rank_stabilised else rank)


def tidy(number: float) -> float:
    """Four digits that mean something, and a whole number where it is one."""
    short = float(f"{number:.4g}")
    return int(short) if short.is_integer() else short
