"""The spectrum of 210 targets, from the small matrices and from the products that PEFT forms; and rank as a fader."""

from __future__ import annotations

from itertools import cycle
from typing import Any

import torch
from peft.tuners.lora import LoraLayer

from ..lora_ops import Desk, Faders, Mix, spectrum
from .clock import Way, in_turns
from .report import Goal, Section, Table, duration, ratio
from .workshop import ADAPTER, Workshop

TITLE = "The spectrum of 210 targets"
ABOUT = """\
The singular values of what each target adds, on the demo's model with a rank-16 adapter, on one thread. The other way
forms each target's delta weight by PEFT's `get_delta_weight`, and decomposes that. Both are checked to give the same
values. A rank or a share of the energy is a fader too: the first move works the components out, the others are between
2 and 8 of them, or between 90 and 95 % of the energy, until the next forward pass obeys."""

OURS = "`spectrum(desk)`"
NEEDED = "`.at(mix).needed(adapter)`: how many components hold 95 %, at other gains"
FORMED = "PEFT's `get_delta_weight`, and the singular values of it"
FIRST = "`desk.apply(Mix({adapter: Faders(rank=4)}))`: the first move from all components"
RANK = "the rank moved from there"
ENERGY = "the energy moved from there: each target keeps what it needs"
BACK = "back to all components, with the very weights that were loaded"
#: How much faster it is to be, and how long it and a move of the rank may take, in seconds.
FASTER, MOST, MOVE = 50, 1.1, 0.005


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
        **_moves(desk),
    }
    shop.say("the spectrum of 210 targets, and rank as a fader, in turns")
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
        Goal(
            "the rank fader's move, 210 targets",
            f"under {MOVE * 1000:g} ms",
            duration(times[RANK]),
            times[RANK].median < MOVE,
        ),
    ]
    return Section(TITLE, ABOUT, [table], goals)


def _moves(desk: Desk) -> dict[str, Way]:
    """The rank fader's; each leaves all components heard."""
    ranks, shares = cycle((2, 8)), cycle((0.9, 0.95))

    def hear(faders: Faders) -> None:
        desk.apply(Mix({ADAPTER: faders}))

    def heard() -> None:
        assert not desk.mix[ADAPTER].whole
        desk.reset()

    part = Faders(rank=4)
    return {
        FIRST: Way(lambda: hear(part), tidy=heard),
        RANK: Way(lambda: hear(Faders(rank=next(ranks))), 10, lambda: hear(part), heard),
        ENERGY: Way(lambda: hear(Faders(energy=next(shares))), 10, lambda: hear(part), heard),
        BACK: Way(desk.reset, prepare=lambda: hear(part)),
    }


@torch.no_grad()
def _formed(layers: list[Any]) -> list[torch.Tensor]:
    return [torch.linalg.svdvals(layer.get_delta_weight(ADAPTER)) for layer in layers]
