"""A new adapter before it is written: tensors and config, nothing on disk yet."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch


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
    tensors: dict[str, torch.Tensor]
    rank: int
    targets: int
    silent: int = 0
    dropped: bool = False
    kept: float | None = None

    def stored_as(self, dtype: torch.dtype | None) -> Draft:
        """The same adapter with floating-point tensors of another type; itself without one.

        Raises:
            ValueError: a number is too large for it.
        """
        if dtype is None:
            return self
        changed = {
            key: tensor.to(dtype) if tensor.is_floating_point() else tensor for key, tensor in self.tensors.items()
        }
        for key, tensor in changed.items():
            if tensor.is_floating_point() and not tensor.isfinite().all():
                raise ValueError(f"{key}: its numbers are too large for {dtype}")
        return replace(self, tensors=changed)
