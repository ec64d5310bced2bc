"""How likely texts are to mixes, token by token, without generating anything: one batch a text, a mix in each row."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ..desk import Desk
from ..engines.engine import Cancel, Judgement, Reader
from ..engines.prompt import Prompt, token_ids
from ..mix import Mix

#: How many mixes run at once at most.
MAX_ROWS = 16

#: Told after each text how many are done, and of how many.
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Scores:
    """How each mix judges each text: `[i][j]` is mix i on text j, which mix j said.

    Attributes:
        logprobs: of each token, natural logarithms.
        perplexity: exp of the mean surprise; NaN where text j has no token.
        divergence: the mean over the tokens of KL(mix j || mix i), in nats: how far mix i is from what wrote the text.
        agreement: the share of text j's tokens that are mix i's likeliest choice.
    """

    logprobs: tuple[tuple[tuple[float, ...], ...], ...]
    perplexity: tuple[tuple[float, ...], ...]
    divergence: tuple[tuple[float, ...], ...]
    agreement: tuple[tuple[float, ...], ...]


def score(
    desk: Desk,
    input_ids: Prompt,
    replies: Sequence[Sequence[int]],
    mixes: Sequence[Mix],
    cancelled: Cancel | None = None,
    locked: bool = False,
    progress: Progress | None = None,
) -> Scores:
    """How each mix judges what each of them said: for n mixes n batches of n rows, and no token is generated.

    >>> said = [column.token_ids for column in run.result.columns]
    >>> score(desk, input_ids, said, [column.mix for column in columns]).perplexity[0][1]   # of B's reply under A

    Args:
        desk: of the model that is asked.
        input_ids: the prompt: token ids, or a tensor of them, shape (1, tokens).
        replies: the token ids that each mix said.
        mixes: as many.
        cancelled: asked now and then; true calls it off.
        locked: whether the caller holds the model's lock already.
        progress: told after each text.

    Raises:
        ValueError: as many texts as mixes are needed; or see `judge`.
        Cancelled: it was called off.
    """
    if len(replies) != len(mixes):
        raise ValueError(
            f"each mix is judged on what it said: {len(replies)} texts and {len(mixes)} mixes do not match"
        )
    judged: list[list[Judgement]] = []
    reader = desk.reader(token_ids(input_ids), cancelled, locked, keep=True)
    for at, reply in enumerate(replies):
        judged.append(judge(desk, input_ids, reply, mixes, mixes[at], cancelled, locked, reader))
        if progress is not None:
            progress(at + 1, len(replies))

    def table(read: Callable[[Judgement], Any]) -> Any:
        return tuple(tuple(read(of_text[i]) for of_text in judged) for i in range(len(mixes)))

    return Scores(
        table(lambda one: one.logprobs),
        table(lambda one: one.perplexity),
        table(lambda one: one.divergence),
        table(lambda one: one.agreement),
    )


def judge(
    desk: Desk,
    input_ids: Prompt,
    reply: Sequence[int],
    mixes: Sequence[Mix],
    reference: Mix,
    cancelled: Cancel | None = None,
    locked: bool = False,
    reader: Reader | None = None,
) -> list[Judgement]:
    """How each mix judges one text, and how far each is from a reference: all in one batch where rows can run.

    Memory stays bounded: a long text is read in pieces, with the model's own cache; more than 16 mixes, or what memory
    does not hold, run as several batches. A mix with fades stands at each token where it stood when that token was
    generated: such a text is read from change to change, in as many passes as its gains have steps. Mixes that cannot
    run in rows take turns.

    Args:
        desk: of the model that is asked.
        input_ids: the prompt: token ids, or a tensor of them, shape (1, tokens).
        reply: the token ids of the text.
        mixes: who judges.
        reference: what `Judgement.divergence` is measured from.
        cancelled: asked before each pass; true calls it off.
        locked: whether the caller holds the model's lock already.
        reader: of the same prompt (`Desk.reader`), which remembers what it has read, for several texts.

    Raises:
        ValueError: the prompt is not one row with at least one token, it is longer than the model's context together
            with the text, or a mix names what is not there.
        RuntimeError: memory does not hold even one mix.
        Cancelled: it was called off.
    """
    prompt = token_ids(input_ids)
    for mix in (*mixes, reference):
        desk.check(mix)
    if not reply:
        return [Judgement((), math.nan, math.nan)] * len(mixes)
    reader = reader or desk.reader(prompt, cancelled, locked)
    judged: list[Judgement] = []
    size = MAX_ROWS
    while len(judged) < len(mixes):
        some = mixes[len(judged) : len(judged) + size]
        try:
            judged += reader.judge(reply, some, reference)
            continue
        except (MemoryError, RuntimeError) as error:
            if not desk.engine.out_of_memory(error):
                raise
            if len(some) == 1:
                raise RuntimeError("there is not enough memory to score a text of this length: shorten it") from error
            reader.forget()
            size = (len(some) + 1) // 2
        desk.engine.give_back()  # here the error is forgotten, and with it what its frames held
    return judged
