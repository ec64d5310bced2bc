"""The spectrum of 210 targets: from the small matrices, and from the products that PEFT makes of them."""

from __future__ import annotations

from typing import Any

import torch
from peft.tuners.lora import LoraLayer

from ..lora_ops import Desk, spectrum
from .clock import Way, in_turns
from .report import Goal, Section, Table, duration, ratio
from .workshop import ADAPTER, Workshop

TITLE = "The spectrum of 210 targets"
ABOUT = """\
The singular values of what each target adds, on the demo's model with a rank-16 adapter, on one thread. The other way
forms each target's delta weight by PEFT's `get_delta_weight`, and decomposes that. Both are checked to give the same
values."""

OURS = "`spectrum(desk)`"
NEEDED = "`.at(mix).needed(adapter)`: how many components hold 95 %, at other gains"
FORMED = "PEFT's `get_delta_weight`, and the singular values of it"
#: How much faster it is to be, and how long it may take, in seconds.
FASTER, MOST = 50, 1.1


def measure(shop: Workshop) -> Section:
    """Times every way in turns; ratios are to ours."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return _measured(shop)
    finally:
        torch.set_num_threads(threads)


def _measured(shop: Workshop) -> Section:
    model, _ = shop.model()
    desk = Desk(model)
    layers = [module for module in model.modules() if isinstance(module, LoraLayer)]
    # Forming them all takes half a minute: a part of them in a quick run.
    part = layers[:: shop.pick(1, 30)]
    known = spectrum(desk)
    ours = [one.values for one in known.adapters[ADAPTER]][:: shop.pick(1, 30)]
    assert len(layers) == len(known.targets[ADAPTER]) == 210
    for one, other in zip(ours, _formed(part), strict=True):
        assert torch.allclose(torch.tensor(one), other[: len(one)], rtol=1e-3, atol=1e-5 * one[0])
    ways = {
        OURS: Way(lambda: spectrum(desk)),
        NEEDED: Way(lambda: known.at(desk.mix).needed(ADAPTER)),
        FORMED: Way(lambda: _formed(part), rounds=shop.pick(2, 1)),
    }
    shop.say("the spectrum of 210 targets, three ways in turns")
    times = in_turns(ways, shop.pick(9, 1), warm_up=False)
    times[FORMED] = times[FORMED] * (len(layers) / len(part))
    faster = times[FORMED] / times[OURS]
    rows = [(name, ratio(times[name] / times[OURS]), duration(times[name])) for name in ways]
    table = Table(("way", "times as long as the first", "time"), rows)
    goals = [
        Goal(
            "the spectrum of 210 targets against forming the products",
            f"{FASTER} x faster",
            f"{ratio(faster)} x",
            faster.median >= FASTER,
        ),
        Goal("the spectrum of 210 targets", f"under {MOST:g} s", duration(times[OURS]), times[OURS].median < MOST),
    ]
    return Section(TITLE, ABOUT, [table], goals)


@torch.no_grad()
def _formed(layers: list[Any]) -> list[torch.Tensor]:
    return [torch.linalg.svdvals(layer.get_delta_weight(ADAPTER)) for layer in layers]
