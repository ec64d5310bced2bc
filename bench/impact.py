"""What each of 210 targets does to a text: in batches from where they change on, and one after the other with PEFT."""

from __future__ import annotations

import time
from functools import partial
from typing import Any

import torch
from peft.tuners.lora import LoraLayer

from ..lora_ops import Desk, Faders, Mix, estimate_impact, impact
from .clock import Series, Way, in_turns
from .orders import orders
from .report import Goal, Section, Table, duration, ratio
from .workshop import ADAPTER, Workshop, deep_model

TITLE = "Impact of 210 targets"
ABOUT = """\
How far the next-token distributions over {tokens} tokens move when one target alone is silenced: 210 times, on the
demo's model with a rank-16 adapter {gain} times as loud, in float32. PEFT's way silences one after the other with
`set_scale` and runs the whole model each time. Both give the same numbers: they differ by at most {apart:.1e} nats, of
up to {most:.1e}. The estimate is of the adapter as loud as it was loaded. Last: how well it tells which targets of the
demo's two adapters matter to a reply of theirs, as rank correlations with the exact numbers (four seeds: their mean and
range), and how many times as large its numbers are."""

OURS = "`impact(desk, input_ids)`"
PROBES = 8
ESTIMATE = f"`estimate_impact(desk, input_ids, probes={PROBES})`"
PEFT = "PEFT's `set_scale` and a whole pass, one target after the other"
#: How much faster it is to be, and how far apart, in nats, the numbers may be.
FASTER, APART = 2.5, 1e-5
#: How much faster than the exact numbers the estimate is to be.
ESTIMATED_FASTER = 7
#: So loud that the numbers are well above what float32 can tell apart.
GAIN = 8


def measure(shop: Workshop) -> Section:
    """Times both in turns; ratios are to ours."""
    tokens, rounds = shop.pick(64, 8), shop.pick(3, 1)
    model, tokenizer = shop.model()
    text = "The sea was calm that morning, and the boats lay still beside the quay. " * 8
    ids = tokenizer(text, return_tensors="pt")["input_ids"][:, :tokens]
    assert ids.shape[1] == tokens
    race = _Race(model, ids)
    shop.say(f"the impact of 210 targets on {tokens} tokens, two ways in turns, batch by batch")
    for _ in range(rounds):
        race.run()
    ours, peft, estimate = (Series(tuple(one)) for one in (race.ours, race.peft, race.estimate))
    faster, sooner = peft / ours, ours / estimate
    rows = [
        (OURS, ratio(ours / ours), duration(ours)),
        (ESTIMATE, ratio(estimate / ours), duration(estimate)),
        (PEFT, ratio(faster), duration(peft)),
    ]
    table = Table(("way", "times as long as the first", "time"), rows)
    prices = _prices(shop)
    goal = Goal(
        f"impact of 210 targets on {tokens} tokens against one after the other with PEFT",
        f"{FASTER:g} x faster",
        f"{ratio(faster)} x",
        faster.median >= FASTER,
    )
    estimated = Goal(
        f"impact of 210 targets on {tokens} tokens estimated with {PROBES} probes, against exact",
        f"{ESTIMATED_FASTER:g} x faster",
        f"{ratio(sooner)} x",
        sooner.median >= ESTIMATED_FASTER,
    )
    agreement, order = orders(shop)
    about = ABOUT.format(tokens=tokens, gain=GAIN, apart=race.apart, most=race.most)
    return Section(TITLE, about, [table, _price_table(prices), agreement], [goal, estimated, order])


def _prices(shop: Workshop) -> dict[int, tuple[Series, Series]]:
    """By the number of targets: what an estimate takes, and a plain pass over the same text, in turns."""
    prices = {}
    for layers in shop.pick((80, 2572), (2, 8)):
        shop.say(f"an estimate of {layers * 7:,} targets, in a model of tiny sizes")
        model = deep_model(layers)
        desk, ids = Desk(model), torch.arange(1, 33)[None]
        ways = {
            "estimate": Way(partial(estimate_impact, desk, ids, probes=PROBES)),
            "pass": Way(partial(_plain_pass, model, ids)),
        }
        times = in_turns(ways, shop.pick(3, 1))
        prices[layers * 7] = times["estimate"], times["pass"]
    return prices


@torch.no_grad()
def _plain_pass(model: Any, ids: torch.Tensor) -> None:
    model(input_ids=ids)


def _price_table(prices: dict[int, tuple[Series, Series]]) -> Table:
    rows = [
        (f"{targets:,}", ratio(estimate / one), duration(estimate), duration(one))
        for targets, (estimate, one) in prices.items()
    ]
    head = f"estimate with {PROBES} probes, times a plain pass"
    return Table(("targets, in models of tiny sizes", head, "the estimate", "the pass"), rows)


class _Race:
    """Both ways on one model. After each of our batches PEFT catches up, so that a busy machine slows both alike.

    Attributes:
        ours, peft: seconds for all targets, one number a round.
        estimate: seconds for the estimate, a number a round.
        apart, most: how far the numbers of both lie apart at most, and the greatest of them.
    """

    def __init__(self, model: Any, ids: torch.Tensor) -> None:
        self._model, self._ids = model, ids
        self._desk = Desk(model)
        self._layers = [module for module in model.modules() if isinstance(module, LoraLayer)]
        self.ours: list[float] = []
        self.peft: list[float] = []
        self.estimate: list[float] = []
        self.apart = self.most = 0.0

    def run(self) -> None:
        values: list[float] = []
        peft = 0.0

        def catch_up(done: int, total: int) -> None:
            nonlocal peft
            began = time.perf_counter()
            if not done and not values:
                self._refer()
            values.extend(self._silenced(layer) for layer in self._layers[len(values) : done])
            peft += time.perf_counter() - began

        began = time.perf_counter()
        mix = Mix({ADAPTER: Faders(master=GAIN)})
        found = impact(self._desk, self._ids, mix, parts=["target"], progress=catch_up)
        self.ours.append(time.perf_counter() - began - peft)
        self.peft.append(peft)
        assert found.complete and not found.why_not_batched and not found.why_not_resumed
        ours = list(found.targets[ADAPTER].values())
        assert len(ours) == len(values) == 210
        self.apart = max(abs(one - other) for one, other in zip(ours, values, strict=True))
        self.most = max(values)
        assert self.apart < APART, f"the numbers differ by {self.apart}"
        began = time.perf_counter()
        estimate_impact(self._desk, self._ids, mix, probes=PROBES)
        self.estimate.append(time.perf_counter() - began)

    @torch.no_grad()
    def _refer(self) -> None:
        self._set_all(GAIN)
        self._loaded = self._model(input_ids=self._ids).logits[0].log_softmax(-1)
        self._shares = self._loaded.exp()
        self._set_all(1)

    @torch.no_grad()
    def _silenced(self, layer: LoraLayer) -> float:
        self._set_all(GAIN)
        layer.set_scale(ADAPTER, 0)
        silenced = self._model(input_ids=self._ids).logits[0].log_softmax(-1)
        value: float = (self._shares * (self._loaded - silenced)).sum(-1).mean().item()
        self._set_all(1)  # where the desk's faders stand
        return value

    def _set_all(self, gain: float) -> None:
        for layer in self._layers:
            layer.set_scale(ADAPTER, gain)
