"""Several columns in one batch, against one column, and against one after the other."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import torch

from ..lora_ops import Column, Desk, Faders, Mix, compare
from ..lora_ops.engines.peft.engine import peft_engine
from .clock import Series, Way, in_turns
from .generating import full_length, generate
from .report import Goal, Section, Table, duration, ratio
from .workshop import ADAPTER, Workshop, prompt

TITLE = "Columns in one batch"
ABOUT = """\
{tokens} greedy tokens for each column through `compare`, from the call to the last update, with the end token switched
off so that every column goes the full length. All columns have the same prompt of {prompt} tokens, which each has to
read for itself, and each a gain of its own on all 210 targets. The first rows are transformers' own `generate` of one
reply and of eight in one batch, with no loop of the desk's around them."""

#: How many columns, and in how many of the rounds they run one after the other too (that takes long).
COUNTS = {1: 0, 2: 3, 4: 2, 8: 1, 16: 1}
ROUNDS = 4
#: How many times as long as one column so many may take in one batch.
GOALS = {"float32": {2: 1.4, 8: 1.4, 16: 1.7}, "bfloat16": {2: 1.0, 8: 1.5, 16: 2.0}}

#: At most so many times as long as eight rows of plain `generate` eight columns may take.
PLAIN_GOAL = 1.1

#: Columns, and whether in one batch; columns below 1 are replies of `generate`.
Case = tuple[int, bool]
GENERATE, EIGHT, ONE = (0, True), (-8, True), (1, True)


def float32(shop: Workshop) -> Section:
    """Times batches and one after the other in float32; ratios are to one column."""
    return _measure(shop, "float32")


def bfloat16(shop: Workshop) -> Section:
    """Times batches and one after the other in bfloat16; ratios are to one column."""
    return _measure(shop, "bfloat16")


def _measure(shop: Workshop, dtype: str) -> Section:
    tokens = shop.pick(64, 4)
    counts = shop.pick(COUNTS, {1: 0, 2: 1, 4: 1})
    model, tokenizer = shop.model()
    columns = _Columns(model.to(getattr(torch, dtype)), tokenizer, tokens)
    shop.say(f"{', '.join(map(str, counts))} columns of {tokens} tokens in {dtype}, in turns")
    times = in_turns(columns.ways(counts), shop.pick(ROUNDS, 1), warm_up=False)
    tables = [_ratios(counts, times), _times(counts, times, columns.first, tokens)]
    about = ABOUT.format(tokens=tokens, prompt=columns.prompt)
    return Section(f"{TITLE}, {dtype}", about, tables, _goals(dtype, times))


class _Columns:
    """Comparisons of one question.

    Attributes:
        prompt: how many tokens the question has.
        first: seconds to the first token of each batch, by its number of columns.
    """

    def __init__(self, model: Any, tokenizer: Any, tokens: int) -> None:
        self._desk = Desk(model)
        self._tokenizer = tokenizer
        self._tokens = tokens
        self._ids = prompt(tokenizer)
        self.prompt = self._ids.shape[1]
        self.first: dict[int, list[float]] = {}
        # The first comparison of a desk asks the model whether it keeps rows apart; that is not what is measured here.
        self._say(2, True, tokens=4)
        generate(model, self._ids, 4)
        self.first.clear()

    def ways(self, counts: dict[int, int]) -> dict[Case, Way]:
        """`generate`, every number of columns in one batch, and one after the other."""
        batches = {(count, True): Way(self._sayer(count, True)) for count in counts}
        alone = {(count, False): Way(self._sayer(count, False), rounds=n) for count, n in counts.items() if n}
        plain = {GENERATE: Way(self._generate), EIGHT: Way(lambda: self._generate(8))}
        return {**plain, **batches, **alone}

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
        began = time.perf_counter()
        updates = iter(run)
        next(updates)
        if batched:
            self.first.setdefault(count, []).append(time.perf_counter() - began)
        for _ in updates:
            pass
        said = [len(column.token_ids) for column in run.result.columns]
        assert said == [tokens] * count, f"{said} tokens instead of {tokens} each"
        assert run.result.batched == batched, run.result.why_not_batched

    def _generate(self, rows: int = 1) -> None:
        ids = self._ids.expand(rows, -1)
        assert generate(peft_engine(self._desk).model, ids, self._tokens) == self._tokens


def _ratios(counts: dict[int, int], times: dict[Case, Series]) -> Table:
    rows = [
        ("`generate`", ratio(times[GENERATE] / times[ONE]), "", ""),
        ("`generate`, 8 rows", ratio(times[EIGHT] / times[ONE]), "", ""),
    ]
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
    return Table(("columns", *head), rows)


def _times(counts: dict[int, int], times: dict[Case, Series], first: dict[int, list[float]], tokens: int) -> Table:
    rows = [
        ("`generate`", duration(times[GENERATE]), "", _pace(tokens, times[GENERATE]), ""),
        ("`generate`, 8 rows", duration(times[EIGHT]), "", _pace(8 * tokens, times[EIGHT]), ""),
    ]
    for count, alone in counts.items():
        batch = times[count, True]
        after = duration(times[count, False]) if alone else ""
        prompt_took = duration(Series(tuple(first[count])))
        rows.append((f"{count}", duration(batch), prompt_took, _pace(tokens * count, batch), after))
    return Table(
        ("columns", "in one batch", "of that, to the first token", "tokens/s, all columns", "one after the other"), rows
    )


def _pace(tokens: int, times: Series) -> str:
    return f"{tokens / times.median:.1f}"


def _goals(dtype: str, times: dict[Case, Series]) -> list[Goal]:
    goals = []
    if (8, True) in times:
        plain = times[8, True] / times[EIGHT]
        name = f"8 columns of {dtype} against 8 rows of plain `generate`"
        goals.append(Goal(name, f"{PLAIN_GOAL} x", f"{ratio(plain)} x", round(plain.median, 1) <= PLAIN_GOAL))
    for count, limit in GOALS[dtype].items():
        if (count, True) in times:
            against = times[count, True] / times[ONE]
            met = round(against.median, 1) <= limit
            goals.append(
                Goal(f"{count} columns of {dtype} in one batch", f"{limit} x one column", f"{ratio(against)} x", met)
            )
    return goals
