"""How loud 210 targets are: from the small matrices, and from the deltas that PEFT makes of them."""

from __future__ import annotations

from typing import Any

import torch
from peft.tuners.lora import LoraLayer

from ..lora_ops import Desk, loudness
from .clock import Way, in_turns
from .report import Goal, Section, Table, duration, ratio
from .workshop import ADAPTER, Workshop

TITLE = "Loudness of 210 targets"
ABOUT = """\
The norm of what each target adds, against that of its weight, on the demo's model with a rank-16 adapter. The other way
forms each target's delta weight by PEFT's `get_delta_weight`. Both are checked to give the same ratios."""

FIRST = "`loudness(desk)`, a model that was not measured yet"
AGAIN = "`loudness(desk)` again: the base weights are known"
LIVE = "`.at(mix)`: as a fader moves"
PEFT = "PEFT's `get_delta_weight`, and the norms of it and of the weight"


def measure(shop: Workshop) -> Section:
    """Times every way in turns; ratios are to the first measurement of a model."""
    model, _ = shop.model()
    desk = Desk(model)
    targets = desk.adapters[ADAPTER].targets
    layers = [module for module in model.modules() if isinstance(module, LoraLayer)]
    known = loudness(desk)
    wanted = _by_peft(layers)
    ours = [loud.ratio for loud in known.adapters[ADAPTER]]
    assert len(ours) == len(wanted) == len(targets) == 210
    assert all(one is not None and abs(one / other - 1) < 1e-3 for one, other in zip(ours, wanted, strict=True))

    def forget() -> None:
        for name in [name for name in vars(model) if name.endswith("base_norms")]:
            del vars(model)[name]

    ways = {
        FIRST: Way(lambda: loudness(desk), prepare=forget),
        AGAIN: Way(lambda: loudness(desk)),
        LIVE: Way(lambda: known.at(desk.mix), calls=20),
        PEFT: Way(lambda: _by_peft(layers)),
    }
    shop.say("the loudness of 210 targets, four ways in turns")
    times = in_turns(ways, shop.pick(9, 2))
    rows = [(name, ratio(times[name] / times[FIRST]), duration(times[name])) for name in ways]
    table = Table(("way", "times as long as the first", "time"), rows)
    goal = Goal("loudness of 210 targets", "under 2 s", duration(times[FIRST]), times[FIRST].median < 2)
    return Section(TITLE, ABOUT, [table], [goal])


@torch.no_grad()
def _by_peft(layers: list[Any]) -> list[float]:
    return [
        (torch.linalg.norm(layer.get_delta_weight(ADAPTER)) / torch.linalg.norm(layer.get_base_layer().weight)).item()
        for layer in layers
    ]
