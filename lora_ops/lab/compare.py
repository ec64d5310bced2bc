"""Asks several mixes the same question with the same dice, in one batch when that is possible."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..background import Background
from ..desk import Desk
from ..engines.engine import NotInRows, Tokens
from ..engines.prompt import Prompt, token_ids
from ..engines.sampling import Sampling
from .batches import Alone, Asking, Manner, Question, Row, check_prompt
from .column import MAX_COLUMNS, Column, ColumnResult, Result

#: Why columns did not run together when nobody wanted them to.
ONE_AFTER_THE_OTHER = "asked to run one after the other"


@dataclass(frozen=True)
class Update:
    """How far a running comparison is.

    Attributes:
        texts: what each column says so far.
        tokens: how many tokens each has so far.
        finished: which columns have ended.
        seconds: since the first prompt token; 0 while another generation holds the model.
        took: how long each column has been at it, or was until it ended, in seconds.
    """

    texts: tuple[str, ...]
    tokens: tuple[int, ...]
    finished: tuple[bool, ...]
    seconds: float
    took: tuple[float, ...] = ()


class Run(Background[Update, Result]):
    """A comparison under way: iterate over it for updates, then read `result`.

    It runs in a thread of its own, which holds the lock and puts the desk back, so that this happens too when nobody
    listens any more. A slow listener misses updates but never delays a token.
    """

    def __init__(
        self,
        asking: Asking,
        question: Question,
        columns: Sequence[Column],
        seed: int,
        why_not: str,
        alone: Alone | None,
    ) -> None:
        def work(tell: Callable[[Update], None]) -> Result:
            for column in columns:
                asking.desk.check(column.mix)
            rows = [asking.row(question, column.mix, seed) for column in columns]

            def show(seconds: float) -> None:
                tell(update_of(rows, seconds))

            try:
                manner = asking.ask(question, rows, show, why_not, alone)
            except NotInRows as reason:
                manner = asking.ask(question, rows, show, str(reason), alone)
            return result_of(columns, rows, manner, not why_not)

        super().__init__(work, asking.stopped, "compare", asking.desk.engine.let_go)


def compare(
    desk: Desk,
    tokenizer: Tokens | None,
    input_ids: Prompt,
    columns: Sequence[Column],
    *,
    seed: int,
    generation: Mapping[str, Any] | Sampling,
    stop_strings: Sequence[str] = (),
    skip_special_tokens: bool = True,
    batched: bool = True,
    alone: Alone | None = None,
    locked: bool = False,
) -> Run:
    """Asks every column the same question; each rolls the same dice, and says exactly what it would say alone.

    Columns that differ in plain LoRA alone run as rows of one batch, which costs about as much as one of them. When
    memory does not hold that batch it is halved until it does (`Result.note`). What cannot run in rows
    (`Result.why_not_batched`) runs one after the other. However it ends, the faders stand where they stood.

    >>> run = compare(desk, tokenizer, input_ids, [Column("A", mix_a), Column("B", mix_b)],
    ...               seed=7, generation={"max_new_tokens": 64, "do_sample": True, "temperature": 0.8})
    >>> for update in run:
    ...     print(update.texts)
    >>> run.result.columns[0].text

    Args:
        desk: of the model that is asked.
        tokenizer: of that model; the engine's own if None.
        input_ids: the prompt: token ids, or a tensor of them, shape (1, tokens).
        columns: what is compared; 1 to `MAX_COLUMNS`.
        seed: of every column's dice.
        generation: how replies are sampled, or the keyword arguments of transformers' `generate` that say so.
        stop_strings: texts that end a reply.
        skip_special_tokens: whether special tokens are left out of the texts.
        batched: False to run one after the other though a batch is possible.
        alone: how to generate one column when they run one after the other; the desk's own loop if not given.
        locked: whether the caller holds the model's lock already, and until the run is over: then it is not taken.

    Raises:
        ValueError: no column or too many, a prompt that is not one row with at least one token, or one that leaves no
            room for a reply in the model's context.
    """
    check_columns(columns)
    prompt = token_ids(input_ids)
    check_prompt(desk.engine, prompt)
    asking = Asking(desk, tokenizer, Sampling.of(generation), locked)
    question = Question("", "", prompt, tuple(stop_strings), skip_special_tokens)
    return Run(asking, question, tuple(columns), seed, "" if batched else ONE_AFTER_THE_OTHER, alone)


def check_columns(columns: Sequence[Column]) -> None:
    """Refuses what cannot be compared at once.

    Raises:
        ValueError: there is no column, or there are more than `MAX_COLUMNS`.
    """
    if not columns:
        raise ValueError("there is no column to compare")
    if len(columns) > MAX_COLUMNS:
        raise ValueError(f"at most {MAX_COLUMNS} columns can be compared at once, not {len(columns)}: take some away")


def update_of(rows: Sequence[Row], seconds: float) -> Update:
    """How far these rows are, `seconds` after the first prompt token."""
    return Update(
        texts=tuple(row.reply.shown for row in rows),
        tokens=tuple(len(row.reply.token_ids) for row in rows),
        finished=tuple(bool(row.reply.finish) for row in rows),
        seconds=seconds,
        took=tuple(row.seconds for row in rows),
    )


def result_of(columns: Sequence[Column], rows: Sequence[Row], manner: Manner, batched: bool) -> Result:
    """What came of the rows, one for each column, that ran in this manner; `batched` where they were never begun."""
    said = tuple(
        ColumnResult(
            column.label, column.mix, row.reply.shown, tuple(row.reply.token_ids), row.reply.finish, row.seconds
        )
        for column, row in zip(columns, rows, strict=True)
    )
    together = batched and not manner.why_not and (len(rows) == 1 or max(manner.batches, default=2) > 1)
    return Result(
        columns=said,
        seed=rows[0].seed,
        seconds=manner.seconds,
        batched=together,
        why_not_batched=manner.why_not or ("" if together else manner.note),
        batches=manner.batches,
        note=manner.note,
    )
