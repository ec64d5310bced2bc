"""How large the weights are that an adapter is added to: their Frobenius norms, 4-bit and 8-bit weights included."""

from __future__ import annotations

import weakref
from typing import Any

import torch
from torch import nn

#: So many numbers of a weight are in float32 at a time.
_SLICE = 2**22


class BaseNorms:
    """The norms of one model's base weights, each worked out once.

    A weight that is put into another's place counts anew. Merged weights are not to be asked for.
    """

    def __init__(self) -> None:
        self._known: weakref.WeakKeyDictionary[nn.Module, dict[str, tuple[weakref.ref[Any], float | None]]]
        self._known = weakref.WeakKeyDictionary()

    def norm(self, layer: Any) -> float | None:
        """The norm of the weight under a PEFT layer; None where it cannot be read (unknown format, on no device)."""
        module = layer.get_base_layer()
        name = getattr(layer, "parameter_name", "weight")
        weight = getattr(module, name, None)
        if not isinstance(weight, torch.Tensor):
            return None
        known = self._known.setdefault(module, {})
        if name in known and known[name][0]() is weight:
            return known[name][1]
        norm = _norm(weight, getattr(module, "state", None))
        known[name] = weakref.ref(weight), norm
        return norm


@torch.no_grad()
def _norm(weight: torch.Tensor, state: Any) -> float | None:
    if weight.device.type == "meta":
        return None
    kind = type(weight).__name__
    if kind == "Params4bit":
        quant_state = getattr(weight, "quant_state", None)
        squares = None if quant_state is None else _four_bit(weight.data, quant_state)
    elif kind == "Int8Params":
        scales = getattr(state, "SCB", None)
        scales = getattr(weight, "SCB", None) if scales is None else scales
        squares = None if scales is None else _eight_bit(weight.data, scales)
    elif weight.is_floating_point():
        squares = _plain(weight.data)
    else:
        return None
    return None if squares is None else float(squares) ** 0.5


def _plain(weight: torch.Tensor) -> float:
    flat = weight.reshape(-1)
    if flat.dtype == torch.float32:
        return float(torch.linalg.vector_norm(flat)) ** 2
    return sum(float(torch.linalg.vector_norm(part.float())) ** 2 for part in flat.split(_SLICE))


def _eight_bit(weight: torch.Tensor, scales: torch.Tensor) -> float:
    """bitsandbytes' LLM.int8 (arXiv:2208.07339): row i holds whole numbers, times scales[i] / 127."""
    rows = max(1, _SLICE // weight.shape[1])
    total = 0.0
    for part, scale in zip(weight.split(rows), scales.view(-1).split(rows), strict=True):
        total += float((part.float().square().sum(1) * (scale.to(part.device).float() / 127).square()).sum())
    return total


def _four_bit(weight: torch.Tensor, state: Any) -> float:
    """bitsandbytes' 4 bits (arXiv:2305.14314): a code of 16 values, times the greatest of each block of numbers."""
    absmax = state.absmax
    if state.nested:
        from bitsandbytes.functional import dequantize_blockwise

        absmax = dequantize_blockwise(absmax, state.state2) + state.offset
    code = state.code.to(weight.device).float().square()
    greatest = absmax.to(weight.device).float().square()
    packed = weight.contiguous().view(torch.uint8).reshape(-1)
    if getattr(state, "packing_format_for_cpu", False):
        return _four_bit_interleaved(packed, code, greatest, state)
    both = (code[:, None] + code[None, :]).reshape(-1)  # of the two numbers in a byte
    in_block = state.blocksize // 2
    total = 0.0
    step = max(1, _SLICE // in_block)
    for at in range(0, len(greatest), step):
        squares = both[packed[at * in_block : (at + step) * in_block].long()]
        squares = nn.functional.pad(squares, (0, -len(squares) % in_block)).view(-1, in_block).sum(1)
        total += float((squares * greatest.view(-1)[at : at + step]).sum())
    return total


def _four_bit_interleaved(packed: torch.Tensor, code: torch.Tensor, greatest: torch.Tensor, state: Any) -> float:
    """As a pass on a processor with AVX512-BF16 leaves them: 32 rows together, two columns at a time.

    Of the 64 numbers, the first 32 (rows 0 to 15) stand in the low halves of 32 bytes, the others in the high ones.
    `greatest` has the shape (blocks of a row, rows).
    """
    rows, columns = state.shape
    total = 0.0
    for at in range(rows // 32):
        group = packed.view(rows // 32, columns // 2, 32)[at].long()
        squares = torch.cat([code[group & 15].view(-1, 16, 2).sum(2), code[group >> 4].view(-1, 16, 2).sum(2)], dim=1)
        blocks = squares.view(columns // state.blocksize, state.blocksize // 2, 32).sum(1)
        total += float((blocks * greatest.view(-1, rows)[:, at * 32 : at * 32 + 32]).sum())
    return total
