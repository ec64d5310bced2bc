"""Puts one question to many mixes, in as few batches as memory allows."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ..desk import Desk
from ..engines.engine import Cancelled, Engine, Token, Tokens, Voice
from ..engines.sampling import Sampling
from ..mix import Mix
from .reply import Reply

#: Answers under the mix that the desk plays at that moment, by somebody else's way of generating: growing texts.
Alone = Callable[[], Iterator[str]]


@dataclass(frozen=True)
class Question:
    """What is asked: the prompt of a comparison, or one of those of an experiment.

    Attributes:
        label: the question for people.
        prompt: the text as the model sees it.
        token_ids: that as tokens; at least one to be asked.
        stop_strings: texts that end a reply.
        skip_special_tokens: whether special tokens are left out of the replies.
        opening: how every reply begins in the prompt already; it is in no reply's text.
        messages: the chat that the prompt was made of, if it is known.
    """

    label: str
    prompt: str
    token_ids: tuple[int, ...]
    stop_strings: tuple[str, ...] = ()
    skip_special_tokens: bool = True
    opening: str = ""
    messages: tuple[dict[str, str], ...] = ()


@dataclass
class Row:
    """One mix under one seed, and what it says. `seconds` is how long it took, from the start of its own batch."""

    mix: Mix
    seed: int
    reply: Reply
    seconds: float = 0.0


@dataclass(frozen=True)
class Manner:
    """How rows ran.

    Attributes:
        batches: how many rows each batch had.
        seconds: all of them together, without the time in which somebody else had the model.
        why_not: why they ran one after the other, for people; empty if not.
        note: what memory did not hold, for people.
    """

    batches: tuple[int, ...]
    seconds: float
    why_not: str
    note: str


class Asking:
    """One way of asking: how to generate, and how many rows memory is known to hold.

    Args:
        desk: of the model that is asked.
        tokens: its tokenizer; the engine's own if not given.
        sampling: how replies are sampled.
        locked: whether the caller holds the model's lock already.
    """

    def __init__(self, desk: Desk, tokens: Tokens | None, sampling: Sampling, locked: bool = False) -> None:
        self.desk = desk
        self.stopped = threading.Event()
        self._tokens = tokens_of(desk.engine, tokens)
        self._sampling = sampling
        self._locked = locked
        #: The fewest rows that memory did not hold.
        self._too_many: int | None = None

    @property
    def limit(self) -> int | None:
        """How many tokens a reply may have, if the settings say so."""
        return self.desk.engine.limit(self._sampling)

    def row(self, question: Question, mix: Mix, seed: int) -> Row:
        """A row that has said nothing yet."""
        return Row(mix, seed, self._reply(question))

    def ask(
        self,
        question: Question,
        rows: Sequence[Row],
        show: Callable[[float], None],
        why_not: str = "",
        alone: Alone | None = None,
    ) -> Manner:
        """Has every row say its reply.

        Args:
            question: what they are asked.
            rows: who answers; what they said before is forgotten.
            show: called after each token with the seconds so far.
            why_not: why they are to run one after the other; empty for as many at once as memory holds.
            alone: how to generate when they run one after the other; the desk's own loop if not given.

        Raises:
            NotInRows: they cannot run in rows; nothing has been said then.
            RuntimeError: there is not enough memory for one row alone.
        """
        self._forget(question, rows)
        batches: list[int] = []
        spent, at = 0.0, 0
        while at < len(rows) and not self.stopped.is_set():
            batch = rows[at : at + (1 if why_not else self._most(len(rows)))]

            def heard(took: float, before: float = spent) -> None:
                show(before + took)

            try:
                took = self._batch(question, batch, heard, alone if why_not else None)
            except Cancelled:
                break
            if took is None:
                self._forget(question, batch)
                self.desk.engine.give_back()
                continue
            spent += took
            batches.append(len(batch))
            at += len(batch)
        for row in rows:
            self._close(row.reply)
        show(spent)
        return Manner(tuple(batches), spent, why_not, "" if why_not else self._note(len(rows), batches))

    def _most(self, rows: int) -> int:
        return rows if self._too_many is None else min(rows, max(1, (self._too_many + 1) // 2))

    def _note(self, rows: int, batches: Sequence[int]) -> str:
        if self._too_many is None or not batches or max(batches) == rows:
            return ""
        if max(batches) == 1:
            how = "one after the other"
        elif len(set(batches)) == 1:
            how = f"as {len(batches)} batches of {batches[0]}"
        else:
            how = f"as batches of {', '.join(map(str, batches[:-1]))} and {batches[-1]}"
        return f"ran {how}: memory did not hold {self._too_many}"

    def _batch(
        self, question: Question, rows: Sequence[Row], show: Callable[[float], None], alone: Alone | None
    ) -> float | None:
        """Runs rows as one batch. Answers the seconds that it took, or None where memory did not hold them."""
        try:
            with self.desk.rows([row.mix for row in rows], self.stopped.is_set, self._locked) as turn:
                started = time.perf_counter()

                def heard(going_on: Sequence[Row]) -> None:
                    took = time.perf_counter() - started
                    for row in going_on:
                        row.seconds = took
                    show(took)

                if alone is None:
                    self._say(question, rows, turn, heard)
                else:
                    self._listen(rows[0], alone, heard)
        except BaseException as error:
            if not self.desk.engine.out_of_memory(error):
                raise
            if len(rows) == 1:
                raise RuntimeError(
                    "there is not enough memory for one column alone: shorten the prompt, or ask for fewer tokens"
                ) from error
            self._too_many = len(rows)
            return None
        for row in rows:
            self._close(row.reply)
        return max(row.seconds for row in rows)

    def _say(
        self,
        question: Question,
        rows: Sequence[Row],
        turn: Callable[[int], None],
        heard: Callable[[Sequence[Row]], None],
    ) -> None:
        def hear(tokens: Mapping[int, Token]) -> list[bool]:
            going_on = [row for row in rows if not row.reply.finish]
            for at, token in tokens.items():
                rows[at].reply.add(token.id)
                if token.last:
                    rows[at].reply.close("length")
            if self.stopped.is_set():
                for row in rows:
                    self._close(row.reply)
            heard(going_on)
            return [bool(row.reply.finish) for row in rows]

        voices = [Voice(row.mix, row.seed) for row in rows]
        self.desk.engine.say(question.token_ids, voices, self._sampling, hear, turn)

    def _listen(self, row: Row, alone: Alone, heard: Callable[[Sequence[Row]], None]) -> None:
        reply, texts = row.reply, alone()
        try:
            for text in texts:
                reply.text = text
                reply.token_ids = list(self._tokens.encode(text, add_special_tokens=False))
                heard([row])
                if self.stopped.is_set():
                    reply.close("stopped")
                    break
        finally:
            if close := getattr(texts, "close", None):
                close()
        limit = self.limit
        reply.close("length" if limit and len(reply.token_ids) >= limit else "end")

    def _forget(self, question: Question, rows: Sequence[Row]) -> None:
        for row in rows:
            row.reply, row.seconds = self._reply(question), 0.0

    def _reply(self, question: Question) -> Reply:
        ends = self.desk.engine.ends(self._sampling)
        return Reply(self._tokens, ends, question.stop_strings, question.skip_special_tokens)

    def _close(self, reply: Reply) -> None:
        reply.close("stopped" if self.stopped.is_set() else "length")


def tokens_of(engine: Engine, tokens: Tokens | None) -> Tokens:
    """The tokenizer that is given, else the engine's own.

    Raises:
        ValueError: there is none.
    """
    found = tokens if tokens is not None else engine.tokens
    if found is None:
        raise ValueError(f"this {engine.name} engine knows no tokenizer: give the model's own")
    return found


def check_prompt(engine: Engine, prompt: Sequence[int]) -> None:
    """Refuses what leaves no room for a reply.

    Raises:
        ValueError: the prompt fills the engine's context.
    """
    if engine.context is not None and len(prompt) >= engine.context:
        raise ValueError(
            f"the prompt has {len(prompt):,} tokens, and the model's context holds {engine.context:,} "
            "with the reply: shorten it"
        )
