"""Several columns in one batch, against one column, and against one after the other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from ..lora_ops import Column, Desk, Faders, Mix, compare
from .clock import Series, Way, in_turns
from .generating import full_length, generate
from .report import Goal, Section, Table, duration, ratio
from .workshop import ADAPTER, Workshop, prompt

TITLE = "Columns"
ABOUT = """\
{tokens} greedy tokens for each column through `compare`, from the call to the last update, with the end token switched
off so that every column goes the full length. All columns have the same prompt, and each a gain of its own on all 210
targets. The first row is transformers' own `generate` of one reply, with no loop of the desk's around it."""

#: How many columns, and in how many of the rounds they run one after the other too (that takes long).
COUNTS = {1: 0, 2: 3, 4: 2, 8: 1, 16: 1}
ROUNDS = 4
#: How many times as long as one column so many may take in one batch.
GOALS = {"float32": {2: 1.4, 8: 1.4, 16: 1.7}, "bfloat16": {2: 1.0, 8: 1.5, 16: 2.0}}

#: Columns, and whether in one batch; 0 columns: `generate`.
Case = tuple[int, bool]
GENERATE, ONE = (0, True), (1, True)


def measure(shop: Workshop) -> Section:
    """Times batches and one after the other, in both dtypes; ratios are to one column."""
    tokens = shop.pick(64, 4)
    counts = shop.pick(COUNTS, {1: 0, 2: 1, 4: 1})
    model, tokenizer = shop.model()
    tables, goals = [], []
    for name in GOALS:
        model = model.to(getattr(torch, name))
        shop.say(f"{', '.join(map(str, counts))} columns of {tokens} tokens in {name}, in turns")
        bench = _Columns(model, tokenizer, tokens)
        times = in_turns(bench.ways(counts), shop.pick(ROUNDS, 1), warm_up=False)
        tables += [_ratios(name, counts, times), _times(name, counts, times, tokens)]
        goals += _goals(name, times)
    return Section(TITLE, ABOUT.format(tokens=tokens), [*tables[0::2], *tables[1::2]], goals)


class _Columns:
    def __init__(self, model: Any, tokenizer: Any, tokens: int) -> None:
        self._desk = Desk(model)
        self._tokenizer = tokenizer
        self._tokens = tokens
        self._ids = prompt(tokenizer)
        # The first comparison of a desk asks the model whether it keeps rows apart; that is not what is measured here.
        self._say(2, True, tokens=4)
        generate(model, self._ids, 4)

    def ways(self, counts: dict[int, int]) -> dict[Case, Way]:
        """`generate`, every number of columns in one batch, and one after the other."""
        batches = {(count, True): Way(self._sayer(count, True)) for count in counts}
        alone = {(count, False): Way(self._sayer(count, False), rounds=n) for count, n in counts.items() if n}
        return {GENERATE: Way(self._generate), **batches, **alone}

    def _sayer(self, count: int, batched: bool) -> Callable[[], None]:
        return lambda: self._say(count, batched, self._tokens)

    def _say(self, count: int, batched: bool, tokens: int) -> None:
        columns = [Column(f"{at}", Mix({ADAPTER: Faders(master=at / 8)})) for at in range(count)]
        run = compare(
            self._desk,
            self._tokenizer,
            self._ids,
            columns,
            seed=7,
            generation=full_length(tokens),
            batched=batched,
        )
        for _ in run:
            pass
        said = [len(column.token_ids) for column in run.result.columns]
        assert said == [tokens] * count, f"{said} tokens instead of {tokens} each"
        assert run.result.batched == batched, run.result.why_not_batched

    def _generate(self) -> None:
        assert generate(self._desk.model, self._ids, self._tokens) == self._tokens


def _ratios(dtype: str, counts: dict[int, int], times: dict[Case, Series]) -> Table:
    rows = [("`generate`", ratio(times[GENERATE] / times[ONE]), "", "")]
    for count, alone in counts.items():
        batch = times[count, True]
        rows.append(
            (
                f"{count}",
                ratio(batch / times[ONE]),
                ratio(times[count, False] / times[ONE]) if alone else "",
                ratio(times[count, False] / batch) if alone else "",
            )
        )
    head = ("times one column", "one after the other, times one column", "the batch is faster by")
    return Table((f"{dtype}: columns", *head), rows)


def _times(dtype: str, counts: dict[int, int], times: dict[Case, Series], tokens: int) -> Table:
    rows = [("`generate`", duration(times[GENERATE]), _pace(tokens, times[GENERATE]), "")]
    for count, alone in counts.items():
        batch = times[count, True]
        after = duration(times[count, False]) if alone else ""
        rows.append((f"{count}", duration(batch), _pace(tokens * count, batch), after))
    return Table((f"{dtype}: columns", "in one batch", "tokens/s, all columns", "one after the other"), rows)


def _pace(tokens: int, times: Series) -> str:
    return f"{tokens / times.median:.1f}"


def _goals(dtype: str, times: dict[Case, Series]) -> list[Goal]:
    goals = []
    for count, limit in GOALS[dtype].items():
        if (count, True) in times:
            against = times[count, True] / times[ONE]
            met = round(against.median, 1) <= limit
            goals.append(
                Goal(f"{count} columns of {dtype} in one batch", f"{limit} x one column", f"{ratio(against)} x", met)
            )
    return goals
