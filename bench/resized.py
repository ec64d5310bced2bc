"""Tokens a second of an adapter at all of its rank, and of the same adapter resized."""

from __future__ import annotations

from functools import partial
from typing import Any

from peft import PeftModel

from ..demo.base_model import load_base
from ..lora_ops import Keep, Mix, Writing, read_weights, resize_weights
from .clock import Series, Way, in_turns
from .generating import generate
from .report import Goal, Section, Table, ratio
from .workshop import ADAPTER, RANK, ROOT, Workshop, prompt

TITLE = "A resized adapter against its full one"
ABOUT = """\
{tokens} greedy tokens with transformers' own `generate`, float32: the rank-16 adapter on 210 targets, the same resized
to rank 4 and to rank 1, and the base model without any."""

RANKS = (4, 1)
FULL, BASE = f"rank {RANK}, as it is", "the base model alone"


def measure(shop: Workshop) -> Section:
    """Times all in turns; ratios are to the full adapter."""
    tokens = shop.pick(64, 8)
    full, tokenizer = shop.model()
    ids = prompt(tokenizer)
    models: dict[str, Any] = {FULL: full}
    for rank in RANKS:
        shop.say(f"resizing a rank-16 adapter on 210 targets to rank {rank}")
        made = resize_weights(
            [read_weights(shop.adapter(), ADAPTER)],
            Mix(),
            shop.scratch,
            f"rank-{rank}",
            Keep(rank=rank),
            Writing(check=False),
        )
        base, _ = load_base(ROOT / ".cache")
        models[f"resized to rank {rank}"] = PeftModel.from_pretrained(base, str(made.folder)).eval()
    models[BASE] = load_base(ROOT / ".cache")[0].eval()
    ways = {name: Way(partial(generate, model, ids, tokens)) for name, model in models.items()}
    shop.say(f"generating {tokens} tokens with each of them, in turns")
    times = in_turns(ways, shop.pick(4, 1))
    speeds = {name: Series(tuple(tokens / took for took in series.values)) for name, series in times.items()}
    rows = [(name, ratio(times[FULL] / times[name]), ratio(speeds[name])) for name in ways]
    table = Table(("", "times as fast as the first", "tokens a second"), rows)
    faster = times[FULL] / times["resized to rank 4"]
    goal = Goal("a resized adapter against its full one", "not slower", f"{ratio(faster)} x", faster.median >= 0.97)
    return Section(TITLE, ABOUT.format(tokens=tokens), [table], [goal])
