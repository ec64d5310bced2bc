"""How well an estimate of the impact tells which targets matter, on the demo's adapters."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import mean, median

import torch

from ..lora_ops import Mix, estimate_impact, impact
from .demo_stage import BUTLER, PIRATE, Stage, demo_stage, only
from .report import Goal, Table
from .workshop import Workshop

QUESTION = "How do I make a good cup of tea?"
MORE = 64
#: The rank correlation that so many probes are to reach.
ORDER, PROBES = 0.95, 16

_Nats = Mapping[str, Mapping[str, float]]


def orders(shop: Workshop) -> tuple[Table, Goal]:
    """The estimate against the exact map of a reply, in rank correlations; the goal is of both adapters as loaded."""
    seeds, tokens = shop.pick((0, 1, 2, 3), (0,)), shop.pick(64, 8)
    stage = demo_stage()
    rows, reached = [], []
    for name, mix in (("both, as loaded", Mix()), (PIRATE, only(PIRATE)), (BUTLER, only(BUTLER))):
        shop.say(f"which targets matter, estimated and exact: {name}")
        ids = _reply(stage, mix, tokens)
        exact = impact(stage.desk, ids, mix, parts=["target"]).targets
        found = {
            probes: [estimate_impact(stage.desk, ids, mix, probes=probes, seed=seed).targets for seed in seeds]
            for probes in (PROBES, MORE)
        }
        agree = {probes: [_correlation(one, exact) for one in some] for probes, some in found.items()}
        ratio = median(_ratio(one, exact) for one in found[PROBES])
        told = (f"{mean(some):.2f} ({min(some):.2f} – {max(some):.2f})" for some in agree.values())
        rows.append((name, *told, f"{ratio:.2f}"))
        reached.append(mean(agree[PROBES]))
    head = ("what plays", f"{PROBES} probes", f"{MORE} probes", f"median ratio of {PROBES}")
    goal = Goal(
        f"order of the demo's targets by {PROBES} probes against the exact one",
        f"at least {ORDER}",
        f"{reached[0]:.2f}",
        reached[0] >= ORDER,
    )
    return Table(head, rows), goal


def _reply(stage: Stage, mix: Mix, tokens: int) -> torch.Tensor:
    """A prompt with what is said to it under this mix."""
    [(prompt, reply)] = stage.replies(mix, [QUESTION], tokens)
    return torch.tensor([[*stage.ahead(prompt), *reply]])


def _pairs(found: _Nats, exact: _Nats) -> list[tuple[float, float]]:
    """The estimated and the exact number of each target that plays."""
    return [
        (found[adapter][name], number) for adapter, some in exact.items() for name, number in some.items() if number > 0
    ]


def _correlation(found: _Nats, exact: _Nats) -> float:
    pairs = torch.tensor(_pairs(found, exact), dtype=torch.float64)
    return float(torch.corrcoef(pairs.argsort(0).argsort(0).double().T)[0, 1])


def _ratio(found: _Nats, exact: _Nats) -> float:
    return median(one / other for one, other in _pairs(found, exact))
