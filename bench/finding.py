"""Meeting a model for the first time: finding every adapter and every target."""

from __future__ import annotations

from functools import partial
from typing import Any

from ..lora_ops import Desk
from .clock import Series, Way, in_turns
from .report import Goal, Section, Table, duration
from .workshop import Workshop, deep_model, expert_model, forget_desk

TITLE = "Finding the targets"
ABOUT = """\
`Desk(model)` on a model that has no desk yet. The first is the demo's model with a rank-16 adapter; the others have its
structure at other lengths and tiny sizes, as only the number of modules counts here."""


def measure(shop: Workshop) -> Section:
    """Times `Desk(model)` on three models in turns."""
    layers, experts = shop.pick((48, 125), (4, 125))
    models: dict[str, Any] = {"the demo's model, 30 layers": shop.model()[0]}
    shop.say("building a model of 80 layers, and a mixture of experts")
    models["80 layers"] = deep_model(80)
    models[f"a mixture of experts, {layers} layers of {experts} experts"] = expert_model(layers, experts)
    targets = {name: _targets(model) for name, model in models.items()}
    ways = {name: Way(partial(Desk, model), prepare=partial(forget_desk, model)) for name, model in models.items()}
    shop.say(f"finding {', '.join(f'{number:,}' for number in targets.values())} targets in turns")
    times = in_turns(ways, shop.pick(7, 2))
    rows = [
        (name, f"{targets[name]:,}", duration(times[name] * (1 / targets[name])), duration(times[name]))
        for name in ways
    ]
    table = Table(("model", "targets", "time for one target", "time"), rows)
    limits = {560: 0.2, 18_000: 3.0}
    goals = [
        _goal(targets[name], limits[targets[name]], series) for name, series in times.items() if targets[name] in limits
    ]
    return Section(TITLE, ABOUT, [table], goals)


def _targets(model: Any) -> int:
    return sum(len(adapter.scalable) for adapter in Desk(model).adapters.values())


def _goal(targets: int, limit: float, times: Series) -> Goal:
    return Goal(f"finding {targets:,} targets", f"under {limit:g} s", duration(times), times.median < limit)
