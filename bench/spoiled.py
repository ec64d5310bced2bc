"""What learning is held against: an adapter part of which is noise."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from peft.tuners.lora import LoraLayer


@contextmanager
def spoiled(model: Any, adapter: str, targets: int, louder: float, seed: int) -> Iterator[set[str]]:
    """Inside the block so many targets of an adapter are noise, so many times as large as what they were.

    Gives their names. Noise is a product of two matrices of random numbers, as spread as those were.
    """
    layers = [(name, layer) for name, layer in model.named_modules() if isinstance(layer, LoraLayer)]
    layers = [(name.removeprefix("base_model.model."), layer) for name, layer in layers if adapter in layer.lora_A]
    chance = torch.Generator().manual_seed(seed)
    chosen = [layers[at] for at in torch.randperm(len(layers), generator=chance)[:targets].tolist()]
    weights = [(layer.lora_A[adapter].weight, layer.lora_B[adapter].weight) for _, layer in chosen]
    before = [(down.detach().clone(), up.detach().clone()) for down, up in weights]
    with torch.no_grad():
        for down, up in weights:
            loud = (up @ down).norm()
            for weight in (down, up):
                weight.copy_(torch.randn(weight.shape, generator=chance) * weight.std())
            up.mul_(louder * loud / (up @ down).norm())
    try:
        yield {name for name, _ in chosen}
    finally:
        with torch.no_grad():
            for (down, up), (first, second) in zip(weights, before, strict=True):
                down.copy_(first)
                up.copy_(second)


def below(low: Sequence[float], high: Sequence[float]) -> float:
    """How often one of the first is below one of the second (the area under the ROC curve); a tie counts half."""
    return sum((a < b) + 0.5 * (a == b) for a in low for b in high) / (len(low) * len(high))
