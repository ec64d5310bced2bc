"""Asks all columns several questions under several seeds."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from ..background import Background
from ..desk import Desk
from ..engines.engine import NotInRows, Tokens
from ..engines.prompt import token_ids
from ..engines.sampling import Sampling
from .batches import Asking, Manner, Question, Row, check_prompt
from .column import MAX_COLUMNS, Column, Result
from .compare import ONE_AFTER_THE_OTHER, Update, check_columns, result_of, update_of

#: How many replies an experiment may have: columns x questions x seeds.
MAX_CELLS = 2_000
_SECONDS_BEFORE_GUESSING = 1.0

#: Answers a question under a seed and the mix that the desk plays at that moment: growing texts.
AloneTo = Callable[["Question", int], Iterator[str]]


@dataclass(frozen=True)
class Trial:
    """One question under one seed, asked of all columns.

    Attributes:
        question: its index among the questions.
        seed: of every column's dice.
        result: what the columns said; None as long as they have not ended.
    """

    question: int
    seed: int
    result: Result | None


@dataclass(frozen=True)
class Progress:
    """How far an experiment is.

    Attributes:
        done: how many trials have ended.
        trials: how many there are.
        at: the index of the trial that runs; of the first one where several run in one batch; at the end of the last.
        update: how far that one is; None before its first token.
        seconds: since the experiment began, waiting for the model included.
        seconds_left: about how long it will go on; None as long as that would be a guess.
        running: how far each trial is that runs, by its index.
    """

    done: int
    trials: int
    at: int
    update: Update | None
    seconds: float
    seconds_left: float | None
    running: Mapping[int, Update] = field(default_factory=dict)


class Experiment(Background[Progress, tuple[Trial, ...]]):
    """An experiment under way: iterate over it for progress, then read `result`.

    It runs in a thread of its own, which holds the lock and puts the desk back, so that this happens too when nobody
    listens any more. A slow listener misses progress but never delays a token: what has ended stands in `trials`.
    `result` holds the trials that have ended, and those that a stop ended with what they had said.
    """

    def __init__(
        self,
        asking: Asking,
        questions: Sequence[Question],
        columns: Sequence[Column],
        seeds: Sequence[int],
        why_not: str,
        alone: AloneTo | None,
    ) -> None:
        self._asking, self._questions, self._columns = asking, questions, columns
        self._why_not, self._alone = why_not, alone
        self._plan = [(at, seed) for at in range(len(questions)) for seed in seeds]
        self._ended: dict[int, Result] = {}
        self._spent = 0.0
        super().__init__(self._ask_all, asking.stopped, "experiment", asking.desk.engine.let_go)

    @property
    def trials(self) -> tuple[Trial, ...]:
        """Every trial, in order: all seeds of a question, then those of the next. What has ended has a result."""
        ended = dict(self._ended)
        return tuple(Trial(question, seed, ended.get(at)) for at, (question, seed) in enumerate(self._plan))

    @property
    def spent(self) -> float:
        """Seconds of work so far, without waiting for the model; trials that ran in one batch share theirs."""
        return self._spent

    def _ask_all(self, tell: Callable[[Progress], None]) -> tuple[Trial, ...]:
        for column in self._columns:
            self._asking.desk.check(column.mix)
        clock = _Clock(len(self._plan))
        at, latest = 0, Progress(0, len(self._plan), 0, None, 0.0, None)

        def show(progress: Progress) -> None:
            nonlocal latest
            latest = progress
            tell(progress)

        while at < len(self._plan) and not self._asking.stopped.is_set():
            group = range(at, self._end_of_batch(at))
            try:
                self._ask(group, clock, show)
            except NotInRows as reason:
                self._why_not = str(reason)  # neither will the others
                continue
            at = group.stop
        tell(replace(latest, done=len(self._ended), seconds=clock.seconds, seconds_left=0.0, running={}))
        return tuple(trial for trial in self.trials if trial.result is not None)

    def _end_of_batch(self, at: int) -> int:
        """Where the trials end that are asked together with the one at `at`: the same question under other seeds."""
        most = 1 if self._why_not else MAX_COLUMNS // len(self._columns)
        question = self._plan[at][0]
        return next(
            (end for end in range(at + 1, len(self._plan)) if end == at + most or self._plan[end][0] != question),
            len(self._plan),
        )

    def _ask(self, group: range, clock: _Clock, show: Callable[[Progress], None]) -> None:
        question = self._questions[self._plan[group.start][0]]
        rows = {
            at: [self._asking.row(question, column.mix, self._plan[at][1]) for column in self._columns] for at in group
        }
        before = len(self._ended)

        def progress(seconds: float) -> None:
            updates = {at: update_of(rows[at], seconds) for at in group}
            over = [all(updates[at].finished) for at in group]
            at = next((at for at, ended in zip(group, over, strict=True) if not ended), group[-1])
            said = sum(self._part(row) for at in group for row in rows[at]) / len(self._columns)
            left = clock.left(seconds, before + said)
            done = before + sum(over)
            show(Progress(done, len(self._plan), at, updates[at] if seconds else None, clock.seconds, left, updates))

        answer = None if self._alone is None else partial(self._alone, question, self._plan[group.start][1])
        everyone = [row for at in group for row in rows[at]]
        manner = self._asking.ask(question, everyone, progress, self._why_not, answer)
        clock.spend(manner.seconds)
        self._spent += manner.seconds
        for at in group:
            if any(row.reply.token_ids or row.reply.finish != "stopped" for row in rows[at]):
                self._ended[at] = result_of(self._columns, rows[at], _own(manner, rows[at]), not self._why_not)

    def _part(self, row: Row) -> float:
        """How much of its reply a row has said, at least."""
        if row.reply.finish:
            return 1.0
        limit = self._asking.limit
        return min(1.0, len(row.reply.token_ids) / limit) if limit else 0.0


class _Clock:
    """How long it has been, and about how long it will be."""

    def __init__(self, trials: int) -> None:
        self._trials = trials
        self._began = time.perf_counter()
        self._spent = 0.0

    @property
    def seconds(self) -> float:
        return time.perf_counter() - self._began

    def spend(self, seconds: float) -> None:
        """Trials have ended that took so long."""
        self._spent += seconds

    def left(self, seconds: float, done: float) -> float | None:
        """The seconds left at the pace so far: so many trials are done, what runs has been at it for `seconds`."""
        spent = self._spent + seconds
        return spent / done * (self._trials - done) if done and spent > _SECONDS_BEFORE_GUESSING else None


def _own(manner: Manner, rows: Sequence[Row]) -> Manner:
    """How one trial ran, of several that ran together."""
    times = [row.seconds for row in rows]
    together = max(manner.batches, default=1) > 1
    return replace(manner, seconds=max(times) if together else sum(times))


def experiment(
    desk: Desk,
    tokenizer: Tokens | None,
    questions: Sequence[Question],
    columns: Sequence[Column],
    *,
    seeds: Sequence[int],
    generation: Mapping[str, Any] | Sampling,
    batched: bool = True,
    alone: AloneTo | None = None,
    locked: bool = False,
) -> Experiment:
    """Asks every column every question under every seed; each reply is what that column would say alone.

    Columns, and seeds of one question, run together as rows of one batch of up to `MAX_COLUMNS`, which is halved when
    memory does not hold it. What cannot run in rows runs one after the other. The faders come back as in `compare`.

    >>> run = experiment(desk, tokenizer, questions, columns, seeds=[1, 2, 3], generation={"max_new_tokens": 64})
    >>> for progress in run:
    ...     print(progress.done, "of", progress.trials, progress.seconds_left)
    >>> [trial.result.columns[0].text for trial in run.result]

    Args:
        desk: of the model that is asked.
        tokenizer: of that model; the engine's own if None.
        questions: at least one.
        columns: what is compared; 1 to `MAX_COLUMNS`.
        seeds: of the dice; at least one.
        generation: how all replies are sampled, or the keyword arguments of transformers' `generate` that say so.
        batched: False to run one after the other though a batch is possible.
        alone: how to generate one reply when they run one after the other, given the question and the seed; the
            desk's own loop if not given.
        locked: whether the caller holds the model's lock already, and until the experiment is over.

    Raises:
        ValueError: nothing to ask, more than `MAX_CELLS` replies, too many columns, or a question that is no prompt
            for this model; the message names it.
    """
    check_columns(columns)
    if not questions or not seeds:
        raise ValueError("an experiment needs at least one question and one seed")
    if (cells := len(columns) * len(questions) * len(seeds)) > MAX_CELLS:
        raise ValueError(
            f"{len(columns)} columns x {len(questions):,} questions x {len(seeds):,} seeds are {cells:,} replies, "
            f"and an experiment has at most {MAX_CELLS:,}: ask fewer"
        )
    for at, question in enumerate(questions, 1):
        try:
            check_prompt(desk.engine, token_ids(question.token_ids))
        except ValueError as error:
            raise ValueError(f"question {at} ({question.label[:40]}): {error}") from None
    why_not = "" if batched else ONE_AFTER_THE_OTHER
    asking = Asking(desk, tokenizer, Sampling.of(generation), locked)
    return Experiment(asking, tuple(questions), tuple(columns), tuple(seeds), why_not, alone)
