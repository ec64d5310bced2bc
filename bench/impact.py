"""What each of 210 targets does to a text: in batches from where they change on, and one after the other with PEFT."""

from __future__ import annotations

from typing import Any

import torch
from peft.tuners.lora import LoraLayer

from ..lora_ops import Desk, Faders, Mix, impact
from .clock import Way, in_turns
from .report import Goal, Section, Table, duration, ratio
from .workshop import ADAPTER, Workshop

TITLE = "Impact of 210 targets"
ABOUT = """\
How far the next-token distributions over {tokens} tokens move when one target alone is silenced: 210 times, on the
demo's model with a rank-16 adapter {gain} times as loud, in float32. PEFT's way silences one after the other with
`set_scale` and runs the whole model each time. Both give the same numbers: they differ by at most {apart:.1e} nats, of
up to {most:.1e}."""

OURS = "`impact(desk, input_ids)`"
PEFT = "PEFT's `set_scale` and a whole pass, one target after the other"
#: How much faster it is to be, and how far apart, in nats, the numbers may be.
FASTER, APART = 2.5, 1e-5
#: So loud that the numbers are well above what float32 can tell apart.
GAIN = 8


def measure(shop: Workshop) -> Section:
    """Times both in turns; ratios are to ours."""
    tokens = shop.pick(64, 8)
    model, tokenizer = shop.model()
    desk = Desk(model)
    text = "The sea was calm that morning, and the boats lay still beside the quay. " * 8
    ids = tokenizer(text, return_tensors="pt")["input_ids"][:, :tokens]
    assert ids.shape[1] == tokens
    measured: dict[str, list[float]] = {}

    def ours() -> None:
        found = impact(desk, ids, Mix({ADAPTER: Faders(master=GAIN)}), parts=["target"])
        assert found.complete and not found.why_not_batched and not found.why_not_resumed
        measured[OURS] = list(found.targets[ADAPTER].values())

    def peft() -> None:
        measured[PEFT] = _by_peft(model, ids)

    shop.say(f"the impact of 210 targets on {tokens} tokens, two ways in turns")
    times = in_turns({OURS: Way(ours), PEFT: Way(peft)}, shop.pick(3, 1), warm_up=False)
    apart = max(abs(one - other) for one, other in zip(measured[OURS], measured[PEFT], strict=True))
    assert len(measured[OURS]) == 210 and apart < APART, f"the numbers differ by {apart}"
    rows = [(name, ratio(times[name] / times[OURS]), duration(times[name])) for name in times]
    table = Table(("way", "times as long as the first", "time"), rows)
    faster = times[PEFT] / times[OURS]
    goal = Goal(
        f"impact of 210 targets on {tokens} tokens against one after the other with PEFT",
        f"{FASTER:g} x faster",
        f"{ratio(faster)} x",
        faster.median >= FASTER,
    )
    about = ABOUT.format(tokens=tokens, gain=GAIN, apart=apart, most=max(measured[PEFT]))
    return Section(TITLE, about, [table], [goal])


@torch.no_grad()
def _by_peft(model: Any, ids: torch.Tensor) -> list[float]:
    values = []
    layers = [module for module in model.modules() if isinstance(module, LoraLayer)]
    for layer in layers:
        layer.set_scale(ADAPTER, GAIN)
    loaded = model(input_ids=ids).logits[0].log_softmax(-1)
    shares = loaded.exp()
    for layer in layers:
        layer.set_scale(ADAPTER, 0)
        silenced = model(input_ids=ids).logits[0].log_softmax(-1)
        values.append((shares * (loaded - silenced)).sum(-1).mean().item())
        layer.set_scale(ADAPTER, GAIN)
    for layer in layers:
        layer.set_scale(ADAPTER, 1)
    return values
