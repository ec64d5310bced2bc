"""How the columns judge each other's replies: how far apart their mixes are, and how surprising each token is.

One teacher-forced batch for every reply; it is done when the page asks for it, for it costs a pass of the model.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Generator, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from ...hosts.protocol import HostError
from .prompt_ids import prompt_ids, tokens_of
from .replies import left
from .sheet import Line, Sheet

if TYPE_CHECKING:
    from ...lora_ops import Desk
    from ...lora_ops.engines.engine import Judgement, Tokens
    from ..page.studio import Studio

Table = list[list[float | None]]


class Stopped(Exception):
    """Its user called it off."""


def measure(console: Studio, sheet: Sheet) -> Generator[dict[str, Any], None, None]:
    """Measures every row that has ended and was not measured yet; yields news for the page.

    Raises:
        HostError, ValueError, RuntimeError: for people; rows that were measured until then are.
    """
    desk = console.desk()
    if desk is None:
        raise HostError("There is no adapter to measure with.")
    rows = [row for row in sheet.results if row not in sheet.scores]
    prompts = {row: prompt_ids(console, sheet, row) for row in rows}
    before, stop = sheet.line.text, _Stop()
    total = len(rows) * len(sheet.columns)
    try:
        with console.comparison(stop):
            for at, row in enumerate(rows):
                yield from _row(console, desk, sheet, row, prompts[row], stop, at * len(sheet.columns), total)
    except Stopped:
        pass
    finally:
        sheet.line = Line(before)
    yield {"line": sheet.line.to_dict(), "measured": tables(sheet), "key": sheet.key}


def tables(sheet: Sheet) -> dict[str, Any] | None:
    """Means over all rows that were measured, `[i][j]` being mix i on what column j said; None if none was, and None
    for what the engine does not tell.

    `divergence` in nats; of the perplexities the geometric mean, each reply counting by its tokens.
    """
    if not sheet.scores:
        return None
    size = range(len(sheet.columns))

    def mean(i: int, j: int) -> tuple[float | None, float | None]:
        judged = [
            (len(sheet.results[row].columns[j].token_ids), scores.divergence[i][j], scores.perplexity[i][j])
            for row, scores in sheet.scores.items()
        ]
        divergence = _mean([(tokens, divergence) for tokens, divergence, _ in judged])
        surprise = _mean([(tokens, math.log(perplexity)) for tokens, _, perplexity in judged if perplexity > 0])
        return divergence, None if surprise is None else math.exp(min(surprise, 700))

    means = [[mean(i, j) for j in size] for i in size]
    return {
        "divergence": [[pair[0] for pair in line] for line in means],
        "perplexity": [[pair[1] for pair in line] for line in means],
        "rows": len(sheet.scores),
    }


def _mean(of_rows: Sequence[tuple[int, float]]) -> float | None:
    """Each row counting by its tokens; None where nothing is known."""
    known = [(tokens, value) for tokens, value in of_rows if tokens and math.isfinite(value)]
    return sum(tokens * value for tokens, value in known) / sum(tokens for tokens, _ in known) if known else None


def surprise(console: Studio, sheet: Sheet, judge: int) -> list[dict[str, Any]]:
    """Every reply token by token, each with its probability under the mix of column `judge`.

    Raises:
        ValueError: it was not measured.
    """
    measured = {row: scores for row, scores in sheet.scores.items() if scores.logprobs}
    if not measured:
        raise ValueError("this was not measured yet: press “Measure the differences” first")
    if sheet.record is not None and sheet.record.model != console.host.model_name:
        raise ValueError(f"the tokens are those of {sheet.record.model}, which is not loaded")
    told = []
    for row, scores in measured.items():
        for column, said in enumerate(sheet.results[row].columns):
            texts = token_texts(tokens_of(console), said.token_ids)
            chances = [math.exp(logprob) for logprob in scores.logprobs[judge][column]]
            tokens = [[text, round(chance, 6)] for text, chance in zip(texts, chances, strict=True)]
            opening = sheet.rows[row].asked.opening
            told.append({"r": row, "c": column, "tokens": [[opening, None], *tokens] if opening else tokens})
    return told


def token_texts(tokenizer: Tokens, ids: Sequence[int]) -> list[str]:
    """What each token adds to the text. A character of several tokens belongs to its last one."""
    texts, start, shown = [], 0, ""
    for at in range(len(ids)):
        text = tokenizer.decode(ids[start : at + 1])
        whole = not text.endswith("\ufffd")
        texts.append(text[len(shown) :] if whole else "")
        if whole:
            shown = text
        if whole and at - start >= 16:  # a few tokens before are enough to know how one is written
            start, shown = at, tokenizer.decode(ids[at : at + 1])
    return texts


def _row(
    console: Studio, desk: Desk, sheet: Sheet, row: int, ids: Sequence[int], stop: _Stop, done: int, total: int
) -> Iterator[dict[str, Any]]:
    from ...lora_ops.engines.engine import Cancelled
    from ...lora_ops.lab.score import judge
    from ...lora_ops.results.record import ScoresRecord

    mixes = [column.mix for column in sheet.columns]
    reader = desk.reader(ids, stop.asked, keep=True)  # all columns answered the same one: it is read once
    judged: list[list[Judgement]] = []
    for at, said in enumerate(sheet.results[row].columns):
        part = (done + at) / total
        text = " · ".join(filter(None, [f"Measuring: {done + at} of {total} replies", left(stop.seconds, part)]))
        sheet.line = Line(text, running=True, part=part)
        yield {"line": sheet.line.to_dict()}
        try:
            judged.append(judge(desk, ids, said.token_ids, mixes, mixes[at], stop.asked, reader=reader))
        except Cancelled:
            raise Stopped from None
    sheet.scores[row] = ScoresRecord(
        perplexity=_table(judged, lambda one: one.perplexity),
        divergence=_table(judged, lambda one: one.divergence),
        logprobs=_table(judged, lambda one: one.logprobs),
    )
    console.experiments.keep_scores(sheet, row)


def _table(judged: Sequence[Sequence[Judgement]], read: Any) -> Any:
    """`[i][j]` from what was judged text by text."""
    return tuple(tuple(read(of_text[i]) for of_text in judged) for i in range(len(judged)))


class _Stop:
    """What `console.comparison` holds meanwhile."""

    def __init__(self) -> None:
        self._event = threading.Event()

        self._began = time.monotonic()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._began

    def stop(self) -> None:
        self._event.set()

    def asked(self) -> bool:
        return self._event.is_set()
