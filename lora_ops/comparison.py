"""Asks several mixes the same question with the same dice, in one batch when that is possible."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from .decode import decode, end_ids
from .desk import Cancelled, Desk
from .mix import Mix
from .reply import Finish, Reply
from .rows import NotInRows

#: How many columns can be compared at once.
MAX_COLUMNS = 16

#: Answers under the mix that the desk plays at that moment, by somebody else's way of generating: growing texts.
Alone = Callable[[], Iterator[str]]


@dataclass(frozen=True)
class Column:
    """One of the things compared."""

    label: str
    mix: Mix


@dataclass(frozen=True)
class ColumnResult:
    """What a column said.

    Attributes:
        text: the reply, without end token or stop string.
        token_ids: the tokens of it; the end token is not among them.
        finish: why it ended: "end" (an end token), "stop string", "length" (or another limit that the generation
            settings set), or "stopped" by the user.
        seconds: how long it took; columns of one batch took the same time.
    """

    label: str
    mix: Mix
    text: str
    token_ids: tuple[int, ...]
    finish: Finish
    seconds: float

    @property
    def tokens_per_second(self) -> float:
        """The pace of this column."""
        return len(self.token_ids) / self.seconds if self.seconds else 0.0


@dataclass(frozen=True)
class Result:
    """A finished comparison.

    Attributes:
        columns: in the order they were asked for.
        seed: what the dice were seeded with.
        seconds: from the first prompt token to the last reply token.
        batched: whether all columns ran in one batch.
        why_not_batched: why they did not, for people; empty if they did.
    """

    columns: tuple[ColumnResult, ...]
    seed: int
    seconds: float
    batched: bool
    why_not_batched: str


@dataclass(frozen=True)
class Update:
    """How far a running comparison is.

    Attributes:
        texts: what each column says so far.
        tokens: how many tokens each has so far.
        finished: which columns have ended.
        seconds: since the first prompt token; 0 while another generation holds the model.
    """

    texts: tuple[str, ...]
    tokens: tuple[int, ...]
    finished: tuple[bool, ...]
    seconds: float


class Run:
    """A comparison under way: iterate over it for updates, then read `result`.

    It runs in a thread of its own, which holds the lock and puts the desk back, so that this happens too when nobody
    listens any more. A slow listener misses updates but never delays a token.
    """

    def __init__(self, desk: Desk, columns: Sequence[Column], task: _Task) -> None:
        self._desk = desk
        self._columns = tuple(columns)
        self._task = task
        self._news = threading.Condition()
        self._latest: Update | None = None
        self._done = False
        self._error: BaseException | None = None
        self._result: Result | None = None
        self._thread = threading.Thread(target=self._work, name="compare", daemon=True)

    @property
    def result(self) -> Result:
        """What came of it.

        Raises:
            RuntimeError: it is not finished.
        """
        if self._result is None:
            raise RuntimeError("the comparison has no result yet: iterate over it first")
        return self._result

    def stop(self) -> None:
        """Ends every column after the token it is at; what was said stays."""
        self._task.stopped.set()

    def __iter__(self) -> Iterator[Update]:
        """Updates as they come, the last one with everything; stops the run when the loop is left early.

        Raises:
            ValueError: a mix names what the model has not.
            Exception: whatever went wrong while generating.
        """
        if not self._thread.is_alive() and not self._done:
            self._thread.start()
        seen: Update | None = None
        try:
            while True:
                with self._news:
                    while not self._done and self._latest is seen:
                        self._news.wait()
                    latest, done = self._latest, self._done
                if latest is not None and latest is not seen:
                    seen = latest
                    yield latest
                if done:
                    break
        finally:
            self.stop()
            self._thread.join()
        if self._error is not None:
            raise self._error

    def _work(self) -> None:
        try:
            self._result = self._task.run(self._desk, self._columns, self._tell)
        except Cancelled:
            self._result = self._task.nothing(self._columns)
        except torch.OutOfMemoryError as error:
            self._error = RuntimeError(
                f"there is not enough memory for {len(self._columns)} columns at once: "
                "compare fewer, run them one after the other, or shorten the prompt"
            )
            self._error.__cause__ = error
        except BaseException as error:
            self._error = error
        finally:
            with self._news:
                self._done = True
                self._news.notify_all()

    def _tell(self, update: Update) -> None:
        with self._news:
            self._latest = update
            self._news.notify_all()


class _Task:
    """The question, and how to put it to every column."""

    def __init__(
        self,
        tokenizer: Any,
        input_ids: torch.Tensor,
        seed: int,
        generation: dict[str, Any],
        stop_strings: Sequence[str],
        skip_special_tokens: bool,
        batched: bool,
        alone: Alone | None,
    ) -> None:
        self._tokenizer = tokenizer
        self._input_ids = input_ids
        self._seed = seed
        self._generation = generation
        self._stop_strings = stop_strings
        self._skip = skip_special_tokens
        self._batched = batched
        self._alone = alone
        self.stopped = threading.Event()

    def run(self, desk: Desk, columns: Sequence[Column], tell: Callable[[Update], None]) -> Result:
        for column in columns:
            desk.check(column.mix)
        if not self._batched:
            return self._one_after_the_other(desk, columns, tell, "asked to run one after the other")
        try:
            return self._in_rows(desk, columns, tell)
        except NotInRows as reason:
            return self._one_after_the_other(desk, columns, tell, str(reason))

    def nothing(self, columns: Sequence[Column]) -> Result:
        """The result of a run that was stopped before its first token."""
        said = tuple(ColumnResult(column.label, column.mix, "", (), "stopped", 0.0) for column in columns)
        return Result(said, self._seed, 0.0, self._batched, "")

    def _in_rows(self, desk: Desk, columns: Sequence[Column], tell: Callable[[Update], None]) -> Result:
        replies = [self._reply(desk) for _ in columns]
        with desk.rows([column.mix for column in columns], self.stopped.is_set):
            started = time.perf_counter()
            self._decode(desk, replies, lambda: tell(_update(replies, time.perf_counter() - started)))
            seconds = time.perf_counter() - started
        self._close(replies)
        tell(_update(replies, seconds))
        return Result(_said(columns, replies, [seconds] * len(columns)), self._seed, seconds, True, "")

    def _one_after_the_other(
        self, desk: Desk, columns: Sequence[Column], tell: Callable[[Update], None], why_not: str
    ) -> Result:
        replies = [self._reply(desk) for _ in columns]
        times = [0.0] * len(columns)
        for at, column in enumerate(columns):
            if self.stopped.is_set():
                break
            try:
                with desk.rows([column.mix], self.stopped.is_set):
                    started, before = time.perf_counter(), sum(times)

                    def show(started: float = started, before: float = before) -> None:
                        tell(_update(replies, before + time.perf_counter() - started))

                    if self._alone is None:
                        self._decode(desk, [replies[at]], show)
                    else:
                        self._listen(replies[at], show)
                    times[at] = time.perf_counter() - started
            except Cancelled:
                break
        self._close(replies)
        tell(_update(replies, sum(times)))
        return Result(_said(columns, replies, times), self._seed, sum(times), False, why_not)

    def _decode(self, desk: Desk, replies: Sequence[Reply], show: Callable[[], None]) -> None:
        def watch(new: torch.Tensor, ended: Sequence[bool]) -> list[bool]:
            for reply, token_id, over in zip(replies, new[:, -1].tolist(), ended, strict=True):
                reply.add(token_id)
                if over:
                    reply.close("length")
            if self.stopped.is_set():
                self._close(replies)
            show()
            return [bool(reply.finish) for reply in replies]

        decode(desk.model, self._input_ids, len(replies), self._seed, dict(self._generation), watch)

    def _listen(self, reply: Reply, show: Callable[[], None]) -> None:
        assert self._alone is not None
        texts = self._alone()
        try:
            for text in texts:
                reply.text = text
                reply.token_ids = self._tokenizer(text, add_special_tokens=False)["input_ids"]
                show()
                if self.stopped.is_set():
                    reply.close("stopped")
                    break
        finally:
            if close := getattr(texts, "close", None):
                close()
        limit = self._generation.get("max_new_tokens")
        reply.close("length" if limit and len(reply.token_ids) >= limit else "end")

    def _reply(self, desk: Desk) -> Reply:
        return Reply(self._tokenizer, end_ids(desk.model, self._generation), self._stop_strings, self._skip)

    def _close(self, replies: Sequence[Reply]) -> None:
        for reply in replies:
            reply.close("stopped" if self.stopped.is_set() else "length")


def compare(
    desk: Desk,
    tokenizer: Any,
    input_ids: torch.Tensor,
    columns: Sequence[Column],
    *,
    seed: int,
    generation: dict[str, Any],
    stop_strings: Sequence[str] = (),
    skip_special_tokens: bool = True,
    batched: bool = True,
    alone: Alone | None = None,
) -> Run:
    """Asks every column the same question; each rolls the same dice, and says exactly what it would say alone.

    Columns that differ in plain LoRA alone run as rows of one batch, which costs about as much as one of them. What
    cannot (`Result.why_not_batched`) runs one after the other. However it ends, the faders stand where they stood.

    >>> run = compare(desk, tokenizer, input_ids, [Column("A", mix_a), Column("B", mix_b)],
    ...               seed=7, generation={"max_new_tokens": 64, "do_sample": True, "temperature": 0.8})
    >>> for update in run:
    ...     print(update.texts)
    >>> run.result.columns[0].text

    Args:
        desk: of the model that is asked.
        tokenizer: of that model.
        input_ids: the prompt, shape (1, tokens), on the model's device.
        columns: what is compared; at least one.
        seed: of every column's dice.
        generation: keyword arguments of transformers' `generate`.
        stop_strings: texts that end a reply.
        skip_special_tokens: whether special tokens are left out of the texts.
        batched: False to run one after the other though a batch is possible.
        alone: how to generate one column when they run one after the other; the desk's own loop if not given.

    Raises:
        ValueError: no column, or a prompt that is not one row with at least one token.
    """
    if not columns:
        raise ValueError("there is no column to compare")
    if input_ids.ndim != 2 or input_ids.shape[0] != 1 or input_ids.shape[1] == 0:
        raise ValueError(f"the prompt must be one row of tokens, shape (1, tokens), not {tuple(input_ids.shape)}")
    task = _Task(tokenizer, input_ids, seed, generation, stop_strings, skip_special_tokens, batched, alone)
    return Run(desk, columns, task)


def _update(replies: Sequence[Reply], seconds: float) -> Update:
    return Update(
        texts=tuple(reply.shown for reply in replies),
        tokens=tuple(len(reply.token_ids) for reply in replies),
        finished=tuple(bool(reply.finish) for reply in replies),
        seconds=seconds,
    )


def _said(columns: Sequence[Column], replies: Sequence[Reply], times: Sequence[float]) -> tuple[ColumnResult, ...]:
    return tuple(
        ColumnResult(column.label, column.mix, reply.shown, tuple(reply.token_ids), reply.finish, took)
        for column, reply, took in zip(columns, replies, times, strict=True)
    )
