"""Layers in 4 bits on a CPU: bitsandbytes packs their weights for a kernel that no gradient passes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import nn

#: The attribute with which bitsandbytes' `Linear4bit` remembers that this processor has that kernel.
_FAST = "support_avx512bf16_for_cpu"


@contextmanager
def unpacked(model: nn.Module) -> Iterator[None]:
    """Inside the block such layers compute with their weights as they were loaded; the next pass after it packs them.

    Through the packed kernel torch would follow gradients on without what the layer itself adds, and only warn.
    """
    layers: list[Any] = [module for module in model.modules() if getattr(module, _FAST, False)]
    for layer in layers:
        setattr(layer, _FAST, False)
        _unpack(layer.weight)
    try:
        yield
    finally:
        for layer in layers:
            setattr(layer, _FAST, True)


def _unpack(weight: Any) -> None:
    if getattr(getattr(weight, "quant_state", None), "packing_format_for_cpu", False):
        from bitsandbytes.functional import _convert_weight_packed_for_cpu_inverse as inverse

        weight.data, weight.quant_state = inverse(weight.data, weight.quant_state)
