"""What came of a bake: plain data about an adapter or a model that was written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from .ways import CONCATENATED, WAYS

#: Below the first, two logits are one and the same in float32, but for the order of sums; up to the second it is
#: rounding.
_SAME, _NEAR = 1e-4, 0.05


@dataclass(frozen=True, kw_only=True)
class Compared:
    """What came of comparing logits with the desk's.

    Attributes:
        greatest_difference: between its logits and the desk's; None if that was not compared.
        greatest_logit: the greatest of those logits, whatever its sign; None if that was not compared.
        numbers_off: where no logits were compared, but what it adds with what the desk adds: the norm of the
            difference against that of the latter; None otherwise.
        why_unchecked: why nothing was compared; empty if something was.
    """

    greatest_difference: float | None = None
    greatest_logit: float | None = None
    numbers_off: float | None = None
    why_unchecked: str = ""

    @property
    def relative_difference(self) -> float | None:
        """The greatest difference beside the greatest logit: float32 rounds at some 1e-6, whatever is compared."""
        if self.greatest_difference is None:
            return None
        return self.greatest_difference / (self.greatest_logit or 1.0)

    @property
    def closeness(self) -> Literal["", "same", "near", "off"]:
        """Whether it says what the desk says, but for rounding; empty if that was not compared."""
        if self.numbers_off is not None:
            return "same" if self.numbers_off <= _SAME else "near" if self.numbers_off <= _NEAR else "off"
        if self.greatest_difference is None:
            return ""
        if self.greatest_difference <= _SAME:
            return "same"
        return "near" if self.greatest_difference <= _NEAR else "off"


def without_desk(folder: Path) -> Compared:
    """What is made of adapters' folders alone has no desk to be compared with."""
    return Compared(why_unchecked="no base model is loaded")


@dataclass(frozen=True, kw_only=True)
class Written(Compared):
    """What was written.

    Attributes:
        folder: where it is.
        targets: how many targets it has; of a model, how many modules were changed.
        parameters: how many numbers it holds.
        size: of its weights on disk, in bytes.
    """

    folder: Path
    targets: int
    parameters: int
    size: int

    @property
    def exact(self) -> bool:
        """Whether it should say what the desk says to the last digit; else it comes near."""
        return True

    @property
    def confirmed(self) -> bool:
        """Whether it was found to say what the desk says, as near as it should come."""
        return self.closeness in (("same", "near") if self.exact else ("same", "near", "off"))

    def to_dict(self) -> dict[str, Any]:
        """Plain data that survives JSON."""
        return {**self.__dict__, "folder": str(self.folder), "relative_difference": self.relative_difference}


@dataclass(frozen=True, kw_only=True)
class Baked(Written):
    """An adapter that was written.

    Attributes:
        way: "folded", "patterned", "concatenated", or the name of PEFT's combination.
        rank: the largest of its targets.
        silent: how many were at gain 0.
        dropped: whether those were left out, and are not among `targets`.
        sha256: of its adapter_model.safetensors.
        objections: what other runtimes would refuse or get wrong, by runtime; empty lists where nothing is in the way.
        kept: the share of the exact sum's energy (squared norm) that is in it; None where it is all of it by design, or
            cannot be told.
    """

    way: str
    rank: int
    silent: int
    sha256: str
    objections: Mapping[str, Sequence[str]] = field(default_factory=dict)
    kept: float | None = None
    dropped: bool = False

    @property
    def exact(self) -> bool:
        """Whether it should say what the desk says to the last digit; a combination only comes near."""
        return self.way in (*WAYS, CONCATENATED)

    @property
    def silence(self) -> str:
        """What became of silent targets, for people: ", of which 4 were silent"; empty where there were none."""
        if not self.silent:
            return ""
        return f", without {self.silent} silent ones" if self.dropped else f", of which {self.silent} were silent"

    def to_dict(self) -> dict[str, Any]:
        """Plain data that survives JSON."""
        lists = {runtime: list(reasons) for runtime, reasons in self.objections.items()}
        return {**super().to_dict(), "objections": lists}


@dataclass(frozen=True, kw_only=True)
class Merged(Written):
    """A model that was written.

    Attributes:
        names: the adapters that are in it.
        opened: whether the base was in 4 or 8 bits, and was opened to full numbers.
    """

    names: tuple[str, ...]
    opened: bool

    def to_dict(self) -> dict[str, Any]:
        """Plain data that survives JSON."""
        return {**super().to_dict(), "names": list(self.names)}
