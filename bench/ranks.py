"""What rank the demo's adapters needed: the perplexity of their own replies over the components heard, and a chart."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from peft import PeftModel

from ..demo.base_model import load_base
from ..demo.prompts import HELD_OUT
from ..demo.train import as_chat
from ..lora_ops import Column, Desk, Faders, Mix, compare, judge, spectrum
from .rank_chart import draw
from .report import Section, Table
from .workshop import ROOT, Workshop

TITLE = "What rank the demo's adapters needed"
ABOUT = """\
Each adapter of the demo answers {prompts} prompts that it was not trained on, greedily, with {tokens} tokens at most
and all its components heard. The table tells the perplexity of those replies, over all their tokens, with only the
strongest components of every target heard, and with the base model alone."""

ADAPTERS = ("pirate", "butler")
RANKS = (1, 2, 4, 8)
#: Where the chart of the README goes.
CHART = ROOT / "docs" / "ranks.svg"


def measure(shop: Workshop) -> Section:
    """The perplexities; a whole measurement draws the chart anew."""
    prompts, tokens = HELD_OUT[: shop.pick(8, 1)], shop.pick(48, 8)
    found = {}
    for name in ADAPTERS:
        shop.say(f"the replies of the {name} to {len(prompts)} prompts, and how likely they are at each rank")
        found[name] = _perplexities(name, prompts, tokens)
    if not shop.quick:
        CHART.write_text(draw({name: one[0] for name, one in found.items()}), encoding="utf-8", newline="\n")
    heads = ["adapter", "base model", *(f"rank {rank}" for rank in RANKS), "all", "trained at", "holds 95 %"]
    rows = [(name, *(_shown(values.get(at)) for at in (0, *RANKS)), *rest) for name, (values, *rest) in found.items()]
    return Section(TITLE, ABOUT.format(prompts=len(prompts), tokens=tokens), [Table(heads, rows)])


def _perplexities(name: str, prompts: Sequence[str], tokens: int) -> tuple[dict[int, float], str, str, str]:
    """By rank, 0 being the base model and the largest all components; then in words: all, the rank, what is needed."""
    base, tokenizer = load_base(ROOT / ".cache")
    model = PeftModel.from_pretrained(base, str(ROOT / "demo" / "adapters" / name), adapter_name=name).eval()
    desk = Desk(model)
    whole = max(target.rank for target in desk.adapters[name].targets)
    ranks = [rank for rank in RANKS if rank < whole]
    mixes = [desk.base(), *(Mix({name: Faders(rank=rank)}) for rank in ranks), Mix()]
    surprise, count = [0.0] * len(mixes), 0
    for prompt in prompts:
        ids = tokenizer(as_chat(tokenizer, prompt), add_special_tokens=False)["input_ids"]
        said = _reply(desk, tokenizer, ids, tokens)
        judged = judge(desk, ids, said, mixes, Mix())
        surprise = [so_far - one.mean_logprob * len(said) for so_far, one in zip(surprise, judged, strict=True)]
        count += len(said)
    values = {rank: math.exp(one / count) for rank, one in zip([0, *ranks, whole], surprise, strict=True)}
    needed = list(spectrum(desk).needed(name).values())
    return values, _shown(values[whole]), str(whole), f"{sum(needed) / len(needed):.1f} a target"


def _reply(desk: Desk, tokenizer: Any, ids: Sequence[int], tokens: int) -> tuple[int, ...]:
    generation = {"max_new_tokens": tokens, "do_sample": False}
    run = compare(desk, tokenizer, ids, [Column("all", Mix())], seed=0, generation=generation)
    for _ in run:
        pass
    return run.result.columns[0].token_ids


def _shown(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"
