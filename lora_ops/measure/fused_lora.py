"""LoRA's product added to a layer's output in one go, for many passes in float32 on the CPU.

PEFT writes B(A(x)), scales it, and adds it: three walks over memory as large as the layer's output, which at ten rows
no longer fit a cache. Scaling A(x), which is as narrow as the rank, and adding in place leaves one. The sum is the same
but for the rounding of its last bits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

import torch
from peft.tuners.lora import layer as lora
from torch import nn

from .partial_pass import intercepted


class Fused:
    """The layers of a model that may be those of plain LoRA on plain weights."""

    def __init__(self, model: nn.Module) -> None:
        self._layers = [module for module in model.modules() if type(module) is lora.Linear]

    @contextmanager
    def passes(self) -> Iterator[None]:
        """Inside the block, those that are add up in one go; all others do what they always do."""
        with ExitStack() as stack:
            for layer in self._layers:
                if _is_plain(layer):
                    stack.enter_context(intercepted([layer], partial(_forward, layer)))
            yield


def _is_plain(layer: Any) -> bool:
    weight = layer.get_base_layer().weight
    parts = [
        part[adapter] for adapter in layer.active_adapters for part in (layer.lora_A, layer.lora_B) if adapter in part
    ]
    return (
        bool(parts)
        and not layer.disable_adapters
        and not layer.merged
        and not layer.training
        and not any(adapter in layer.lora_variant for adapter in layer.active_adapters)
        and all(type(part) is nn.Linear and part.bias is None for part in parts)
        and all(one.dtype == torch.float32 and one.device.type == "cpu" for one in (weight, *(p.weight for p in parts)))
    )


def _forward(layer: Any, forward: Callable[..., torch.Tensor], x: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
    if args or kwargs or x.dtype != torch.float32 or torch.is_grad_enabled():
        return forward(x, *args, **kwargs)
    result: torch.Tensor = layer.base_layer(x)
    if result.dtype != torch.float32 or not result.is_contiguous():
        return forward(x)
    flat = result.view(-1, result.shape[-1])
    for adapter in layer.active_adapters:
        if adapter in layer.lora_A:
            narrow = layer.lora_A[adapter](x) * layer.scaling[adapter]
            flat.addmm_(narrow.reshape(len(flat), -1), layer.lora_B[adapter].weight.T)
    return result
