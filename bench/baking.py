"""A mix to disk: the desk's ways, PEFT's own, and how far each is from what the desk plays."""

from __future__ import annotations

import copy
import shutil
from collections.abc import Callable
from itertools import count
from typing import Any

import torch
from transformers import AutoModelForCausalLM

from ..lora_ops import (
    Baked,
    Desk,
    Faders,
    Mix,
    Recipe,
    Writing,
    bake,
    bake_weights,
    combine,
    concatenate,
    merge,
    read_weights,
)
from .clock import Series, Way, in_turns
from .report import Goal, Section, Table, duration, ratio
from .workshop import ADAPTER, RANK, Workshop, prompt

TITLE = "A mix to disk, for 210 targets"
ABOUT = """\
How long it takes until a mix of a rank-16 adapter on 210 targets lies on disk as an adapter, two such adapters as one,
or the whole model with the adapter in it; and, beside each, what PEFT alone offers. PEFT's ways have one weight for a
whole adapter and know no gain of a kind, a layer or a target, so they are given the simplest of mixes."""

SECOND = "second"
BAKE = "`bake`, folded"
PATTERN = "`bake`, patterned"
CHECKED = "`bake`, folded, read back by PEFT and compared"
ALONE = "`bake_weights`: from the adapter's folder, without the model"
WEIGHTED = "PEFT: `add_weighted_adapter`, `save_pretrained`, `delete_adapter`"
CAT, CAT_PEFT = "`concatenate`", "PEFT: `add_weighted_adapter` (cat), saved, deleted"
SVD, SVD_PEFT = "`combine` by svd to rank 16", "PEFT: `add_weighted_adapter` (svd), saved, deleted"
MERGE, MERGE_PEFT = "`merge`", "PEFT: a copy of the model, `merge_and_unload`, `save_pretrained`"

_ROUNDS, _SLOW_ROUNDS = 7, 3
#: What float32 rounds, beside the greatest logit.
_ROUNDING = 1e-5
#: Nothing is read back and compared.
_UNCHECKED = Writing(check=False)


def measure(shop: Workshop) -> Section:
    """Times baking, combining and merging in turns with PEFT's ways; ratios are to the first of each table."""
    model, tokenizer = shop.model()
    model.load_adapter(str(shop.adapter()), adapter_name=SECOND)
    model.base_model.set_adapter([ADAPTER, SECOND])
    bench = _Bench(model.eval(), tokenizer, shop)
    shop.say("baking 210 targets, five ways in turns")
    baking = in_turns(bench.baking(), shop.pick(_ROUNDS, 1), warm_up=not shop.quick)
    shop.say("two adapters into one, four ways in turns (PEFT's svd is by far the slowest, and is done once)")
    combining = in_turns(bench.combining(), shop.pick(_SLOW_ROUNDS, 1), warm_up=False)
    shop.say("merging into the base model, two ways in turns")
    merging = in_turns(bench.merging(), shop.pick(_SLOW_ROUNDS, 1), warm_up=False)
    tables = [_table(times) for times in (baking, combining, merging)]
    differences = bench.differences()
    tables.append(Table(("result", "greatest difference beside the greatest logit"), _told(differences), left=1))
    return Section(TITLE, ABOUT, tables, _goals(baking, combining, differences))


class _Bench:
    """The model with two adapters, and every way to write them."""

    def __init__(self, model: Any, tokenizer: Any, shop: Workshop) -> None:
        self._model, self._tokenizer, self._shop = model, tokenizer, shop
        self._desk = Desk(model)
        self._ids = prompt(tokenizer)
        self._folder = shop.scratch / "baked"
        self._names = (f"out-{number}" for number in count())
        self._half = Mix({ADAPTER: Faders(master=0.7), SECOND: Faders(master=0.3)})

    def baking(self) -> dict[str, Way]:
        weights = read_weights(self._shop.adapter(), ADAPTER)
        mine = Mix({ADAPTER: self._half[ADAPTER]})
        checked = Writing(input_ids=self._ids)
        return {
            BAKE: self._way(lambda: bake(self._desk, mine, ADAPTER, *self._next(), writing=_UNCHECKED)),
            PATTERN: self._way(lambda: bake(self._desk, mine, ADAPTER, *self._next(), "patterned", _UNCHECKED)),
            CHECKED: self._way(lambda: bake(self._desk, mine, ADAPTER, *self._next(), writing=checked)),
            ALONE: self._way(lambda: bake_weights(weights, mine, *self._next())),
            WEIGHTED: self._way(lambda: self._peft([ADAPTER], [0.7], "linear")),
        }

    def combining(self) -> dict[str, Way]:
        names, weights = [ADAPTER, SECOND], [0.7, 0.3]
        small = Recipe("svd", rank=RANK)
        return {
            CAT: self._way(lambda: concatenate(self._desk, self._half, names, *self._next(), writing=_UNCHECKED)),
            CAT_PEFT: self._way(lambda: self._peft(names, weights, "cat")),
            SVD: self._way(lambda: combine(self._desk, self._half, names, *self._next(), small, _UNCHECKED)),
            SVD_PEFT: self._way(
                lambda: self._peft(names, weights, "svd", svd_rank=RANK, svd_full_matrices=False),
                rounds=self._shop.pick(1, 0),
            ),
        }

    def merging(self) -> dict[str, Way]:
        mine = Mix({ADAPTER: self._half[ADAPTER]})
        return {
            MERGE: self._way(lambda: merge(self._desk, mine, *self._next(), names=[ADAPTER], writing=_UNCHECKED)),
            MERGE_PEFT: self._way(self._peft_merge),
        }

    def differences(self) -> dict[str, float]:
        """How far what was written is from what the desk plays, beside the greatest logit."""
        whole = Mix({ADAPTER: Faders(kinds={"q_proj": 0.3}, layers={3: 1.7}), SECOND: Faders(master=-0.4)})
        ids: dict[str, Any] = {"input_ids": self._ids}
        names, writing = [ADAPTER, SECOND], Writing(input_ids=self._ids)
        made: dict[str, Baked] = {
            "an adapter, folded": bake(self._desk, whole, ADAPTER, *self._next(), writing=writing),
            "an adapter, patterned": bake(self._desk, whole, ADAPTER, *self._next(), "patterned", writing),
            "two adapters, concatenated": concatenate(self._desk, whole, names, *self._next(), writing=writing),
        }
        found = {name: baked.relative_difference or 0.0 for name, baked in made.items()}
        merged = merge(self._desk, whole, *self._next(), names=names, writing=_UNCHECKED)
        model = AutoModelForCausalLM.from_pretrained(merged.folder, dtype=torch.float32, local_files_only=True)
        self._desk.apply(whole)
        with torch.no_grad():
            wanted, told = self._model(**ids).logits, model.eval()(**ids).logits
        self._desk.reset()
        shutil.rmtree(self._folder)
        return {**found, "the whole model, merged": float((wanted - told).abs().max() / wanted.abs().max())}

    def _way(self, run: Callable[[], Any], rounds: int | None = None) -> Way:
        return Way(run, tidy=self._tidy, rounds=rounds)

    def _next(self) -> tuple[Any, Any]:
        return self._folder, next(self._names)

    def _tidy(self) -> None:
        """Something was written, and it goes."""
        written = list(self._folder.rglob("*.safetensors"))
        assert written, "nothing was written"
        shutil.rmtree(self._folder)

    def _peft(self, names: list[str], weights: list[float], combination: str, **options: Any) -> None:
        model = self._model
        model.add_weighted_adapter(names, weights, "sum", combination_type=combination, **options)
        try:
            model.save_pretrained(str(self._folder), selected_adapters=["sum"])
        finally:
            model.delete_adapter("sum")
            model.base_model.set_adapter([ADAPTER, SECOND])

    def _peft_merge(self) -> None:
        twin = copy.deepcopy(self._model)
        twin.base_model.set_adapter([ADAPTER])
        twin.merge_and_unload().save_pretrained(self._folder / "whole")


def _table(times: dict[str, Series]) -> Table:
    first = next(iter(times))
    rows = [(name, ratio(one / times[first]), duration(one)) for name, one in times.items() if one.values]
    return Table(("way", "times as long as the first", "time"), rows)


def _told(differences: dict[str, float]) -> list[tuple[str, str]]:
    return [(name, f"{value:.1e}") for name, value in differences.items()]


def _goals(baking: dict[str, Series], combining: dict[str, Series], differences: dict[str, float]) -> list[Goal]:
    """Differences as float32 rounds them, and no slower than PEFT."""
    worst = max(differences.values())
    goals = [Goal("what is on disk against the desk", "within 1e-5", f"{worst:.1e}", worst <= _ROUNDING)]
    for what, ours, theirs in (
        ("baking against PEFT's weighted adapter", baking[BAKE], baking[WEIGHTED]),
        ("concatenating against PEFT's", combining[CAT], combining[CAT_PEFT]),
        ("svd against PEFT's", combining[SVD], combining[SVD_PEFT]),
    ):
        if ours.values and theirs.values:
            faster = theirs / ours
            goals.append(Goal(what, "1 x faster", f"{ratio(faster)} x", faster.median >= 1))
    return goals
