"""A new adapter before it is written: tensors and config, nothing on disk yet."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from ..arrays import Array, as_type, is_finite, is_floating, is_torch


@dataclass(frozen=True)
class Draft:
    """What will be written.

    Attributes:
        way: "folded", "patterned", "concatenated", or the name of PEFT's combination.
        config: the fields of its adapter_config.json.
        tensors: by their names in the file.
        rank: the largest of its targets.
        targets: how many it has.
        silent: how many were at gain 0.
        dropped: whether those were left out, and are not among `targets`.
        kept: the share of the exact sum's energy (squared norm) that is in it; None where it is all of it by design, or
            cannot be told.
    """

    way: str
    config: dict[str, Any]
    tensors: dict[str, Array]
    rank: int
    targets: int
    silent: int = 0
    dropped: bool = False
    kept: float | None = None

    def stored_as(self, dtype: Any) -> Draft:
        """The same adapter with floating-point tensors of another type; itself without one.

        Raises:
            ValueError: a number is too large for it.
        """
        if dtype is None:
            return self
        changed = {
            key: _typed(tensor, dtype) if is_floating(tensor) else tensor for key, tensor in self.tensors.items()
        }
        for key, tensor in changed.items():
            if is_floating(tensor) and not is_finite(tensor):
                raise ValueError(f"{key}: its numbers are too large for {dtype}")
        return replace(self, tensors=changed)


def _typed(tensor: Array, dtype: Any) -> Array:
    if is_torch(tensor):
        import torch

        return as_type(tensor, getattr(torch, dtype) if isinstance(dtype, str) else dtype)
    if dtype == "bfloat16":
        raise ValueError("bfloat16 is written by PyTorch alone, which is not installed here: choose float16 or float32")
    return as_type(tensor, dtype)
