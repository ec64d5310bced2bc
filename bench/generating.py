"""Generating with a desk attached, and without one."""

from __future__ import annotations

from typing import Any

import torch

from ..lora_ops import Desk, Faders, Mix
from .clock import Way, in_turns
from .report import Goal, Section, Table, duration, ratio
from .workshop import ADAPTER, Workshop, forget_desk, prompt

TITLE = "Generating with a desk attached"
ABOUT = """\
{tokens} greedy tokens with transformers' own `generate`, float32, on one and the same model: without a desk, with one
that nobody has touched, and with one whose faders are moved. Attaching and taking away the desk is not timed."""

WITHOUT = "no desk"
AT_REST = "a desk, as loaded"
MOVED = "a desk, every target at half its scaling"


def measure(shop: Workshop) -> Section:
    """Times the three in turns; ratios are to no desk."""
    tokens = shop.pick(64, 8)
    model, tokenizer = shop.model()
    ids = prompt(tokenizer)
    moved = Mix({ADAPTER: Faders(master=0.5)})

    def run() -> None:
        said = generate(model, ids, tokens)
        assert said == tokens, f"{said} tokens instead of {tokens}"

    def attach(mix: Mix) -> None:
        Desk(model).apply(mix)

    ways = {
        WITHOUT: Way(run, prepare=lambda: forget_desk(model)),
        AT_REST: Way(run, prepare=lambda: attach(Mix())),
        MOVED: Way(run, prepare=lambda: attach(moved)),
    }
    shop.say(f"generating {tokens} tokens with and without a desk, in turns")
    times = in_turns(ways, shop.pick(6, 1))
    rows = [(name, ratio(times[name] / times[WITHOUT]), duration(times[name])) for name in times]
    table = Table(("", "times as long as without", "time"), rows)
    costs = times[AT_REST] / times[WITHOUT]
    goal = Goal(
        "generating with a desk against without one", "1.0 x", f"{ratio(costs)} x", round(costs.median, 1) <= 1.0
    )
    return Section(TITLE, ABOUT.format(tokens=tokens), [table], [goal])


def generate(model: Any, ids: torch.Tensor, tokens: int) -> int:
    """Generates greedily, to the full length, in the thread that calls; how many tokens came."""
    with torch.inference_mode():
        out = model.generate(input_ids=ids, attention_mask=torch.ones_like(ids), **full_length(tokens))
    return int(out.shape[1] - ids.shape[1])


def full_length(tokens: int) -> dict[str, Any]:
    """Settings of `generate` for greedy tokens that no end token cuts short."""
    return {"max_new_tokens": tokens, "do_sample": False, "eos_token_id": [], "pad_token_id": 0}
