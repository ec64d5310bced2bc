"""Adapters whose spectrum is known: so many components, and noise beside them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from helpers import tiny


@torch.no_grad()
def planted(rank: int | Callable[[str], int], noise: float = 0.02, *, r: int = 16, **config: Any) -> Any:
    """A tiny Llama with the adapter "pirate", whose every target adds `rank` equal components and noise beside them.

    Args:
        rank: of all targets, or of the target of this name.
        noise: each of the other components, against one of these.
        r: what it was trained at, with alpha = r unless `config` says otherwise.
        config: as `tiny.lora` takes it.
    """
    model = tiny.pirate(**{"r": r, "lora_alpha": r, **config})
    torch.manual_seed(3)
    for name, layer in model.named_modules():
        if "pirate" not in getattr(layer, "lora_A", {}):
            continue
        a, b = layer.lora_A["pirate"].weight, layer.lora_B["pirate"].weight
        count = rank if isinstance(rank, int) else rank(name)
        sizes = torch.tensor([1.0] * count + [noise] * (len(a) - count))
        left, right = torch.linalg.qr(torch.randn(len(b), len(a))).Q, torch.linalg.qr(torch.randn(a.shape[1], len(a))).Q
        b.copy_(left * sizes)
        a.copy_(right.T)
    return model
