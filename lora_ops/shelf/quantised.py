"""Weights that bitsandbytes packed to 4 or 8 bits: opened without a change, and kept from changing."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch


@contextmanager
def kept_packed(model: Any) -> Iterator[None]:
    """Keeps the model's 4-bit weights to the bit, whatever the block does with its list of state.

    bitsandbytes packs them anew for a processor at the first forward pass. Whoever lists the model's state afterwards
    (`state_dict`; PEFT does, each time that it loads an adapter) has them unpacked, and what comes of it is not what
    was.
    """
    packed = []
    for module in model.modules():
        state = getattr(getattr(module, "weight", None), "quant_state", None)
        if getattr(state, "packing_format_for_cpu", False):
            packed.append((module.weight, module.weight.data, state, dict(vars(state))))
    try:
        yield
    finally:
        for weight, data, state, fields in packed:
            weight.data, weight.quant_state = data, state
            vars(state).clear()
            vars(state).update(fields)


def opened(module: Any) -> torch.Tensor:
    """A module's weight as full numbers, also where bitsandbytes packed it to 4 or 8 bits; the module stays as it is.

    PEFT's own function for this replaces the weight of an 8-bit module that is on the processor, and breaks it.
    """
    weight: torch.Tensor = module.weight
    if type(weight).__name__ == "Params4bit":
        return _opened_4bit(weight)
    if type(weight).__name__ != "Int8Params":
        return weight.detach()
    scales = module.state.SCB if module.state.SCB is not None else weight.SCB  # type: ignore[attr-defined]
    return weight.data.float() * (scales.to(weight.device).float().view(-1, 1) / 127)


def is_packed(parameter: Any) -> bool:
    """Whether bitsandbytes packed it."""
    return type(parameter).__name__ in ("Params4bit", "Int8Params")


def _opened_4bit(weight: Any) -> torch.Tensor:
    from bitsandbytes import functional

    data, state = weight.data, weight.quant_state
    if getattr(state, "packing_format_for_cpu", False):
        # As it plays: with the scales that packing for the processor rounded.
        scales = state.absmax.T.reshape(-1).float()
        state = copy.copy(state)
        state.original_nested = False
        data, state = functional._convert_weight_packed_for_cpu_inverse(data, state)
        state.absmax = scales
    opened: torch.Tensor = functional.dequantize_4bit(data, state)
    return opened
