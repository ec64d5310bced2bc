"""Layers in 4 bits on a CPU: bitsandbytes packs their weights for a kernel that no gradient passes."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import nn

#: The attribute with which bitsandbytes' `Linear4bit` remembers that this processor has that kernel.
_FAST = "support_avx512bf16_for_cpu"


@contextmanager
def unpacked(model: nn.Module) -> Iterator[None]:
    """Inside the block such layers compute with copies of their weights that are not packed; then all is as it was.

    Through the packed kernel torch would follow gradients on without what the layer itself adds, and only warn.
    """
    layers: list[Any] = [module for module in model.modules() if getattr(module, _FAST, False)]
    before = [(layer.weight.data, layer.weight.quant_state) for layer in layers]
    try:
        for layer in layers:
            setattr(layer, _FAST, False)
            _unpack(layer.weight)
        yield
    finally:
        for layer, (data, state) in zip(layers, before, strict=True):
            setattr(layer, _FAST, True)
            layer.weight.data, layer.weight.quant_state = data, state


def _unpack(weight: Any) -> None:
    packed = weight.quant_state
    if not getattr(packed, "packing_format_for_cpu", False):
        return
    from bitsandbytes.functional import _convert_weight_packed_for_cpu_inverse as inverse

    # The inverse gives the weights back, and not the scales of their blocks, which packing had transposed (as of
    # bitsandbytes 0.50); scales that were in few bits themselves it would round anew.
    state = copy.copy(packed)
    state.original_nested = False
    weight.data, weight.quant_state = inverse(weight.data, state)
    state.absmax = packed.absmax.T.reshape(-1).float()
