"""The tensors of a target as they lie in a live PEFT layer, for `factors`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..engines.peft.knob import Knob
from .factors import Tensors

if TYPE_CHECKING:
    import torch


def live_tensors(knob: Knob) -> Tensors:
    """The tensors of a target as they lie in its PEFT layer."""
    layer, adapter = knob.layer, knob.adapter

    def tensor(role: str) -> torch.Tensor | None:
        container, dot, _ = role.partition(".")
        held: Any = getattr(layer, container, None) or {}
        if adapter not in held:
            return None
        return knob.as_loaded(held[adapter].weight if dot else held[adapter])

    return tensor
