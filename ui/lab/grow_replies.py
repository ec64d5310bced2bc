"""Runs a comparison for a sheet: puts what comes of it into the cells and the line above them."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import AbstractContextManager, closing
from dataclasses import replace
from typing import TYPE_CHECKING

from . import replies
from .asked import Asked
from .sheet import Line, Sheet

if TYPE_CHECKING:
    from ...hosts.protocol import Host
    from ...lora_ops import Desk, Experiment, Question
    from ...lora_ops.engines.sampling import Sampling

#: What is done around a comparison: pages are told that moves wait until it ends.
Comparison = Callable[["Experiment"], AbstractContextManager[None]]


def begin(
    host: Host, desk: Desk, sheet: Sheet, asked: Sequence[Asked], seeds: Sequence[int], batched: bool
) -> Experiment:
    """The experiment that fills a sheet; it runs when it is listened to.

    Raises:
        ValueError: it would be too large, or a question does not fit the model.
    """
    from ...lora_ops import experiment

    def alone(question: Question, seed: int) -> Iterator[str]:
        assert isinstance(question, Asked)
        return question.answered_by(host, seed)

    return experiment(
        desk,
        None,
        asked,
        sheet.columns,
        seeds=seeds,
        generation=sampling_of(asked),
        batched=batched,
        alone=alone,
    )


def sampling_of(asked: Sequence[Asked]) -> Sampling:
    """One set of settings for all questions: the shortest of their limits, where a host makes them differ."""
    limits = [limit for one in asked if (limit := one.request.sampling.max_new_tokens)]
    first = asked[0].request.sampling
    return replace(first, max_new_tokens=min(limits)) if limits else first


def grow(during: Comparison, sheet: Sheet, run: Experiment) -> Generator[None, None, None]:
    """Runs it, inside of `during`, and yields each time something has changed in the sheet.

    What was said stays, however it ends.
    """
    try:
        with during(run), closing(iter(run)) as all_progress:
            for progress in all_progress:
                for at, update in progress.running.items():
                    sheet.grow(at, update.texts, update.tokens, update.finished, update.took)
                sheet.line = replies.progress(sheet, progress)
                _finish(sheet, run)
                yield
    finally:
        _finish(sheet, run)
        results, to_chat = list(sheet.results.values()), sheet.to_chat is not None
        sheet.line = Line(replies.summary(results, len(sheet.rows), to_chat, run.spent))
        sheet.settle()


def _finish(sheet: Sheet, run: Experiment) -> None:
    """Puts what the rows that have ended said into their cells."""
    for at, trial in enumerate(run.trials):
        if trial.result is not None and at not in sheet.results:
            sheet.finish(at, trial.result)
