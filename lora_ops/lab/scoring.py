"""How likely texts are to mixes, token by token, without generating anything: one batch a text, a mix in each row."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from ..desk import Cancelled, Desk
from ..memory import give_back, out_of_memory
from ..mix import Mix
from ..rows import NotInRows
from .reading import Piece, Prompt, Text

#: How many mixes run at once at most.
MAX_ROWS = 16

Cancel = Callable[[], bool]
#: Told after each text how many are done, and of how many.
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Judgement:
    """How one mix judges one text.

    Attributes:
        logprobs: the natural logarithm of each token's probability.
        divergence: the mean over the tokens of KL(reference || this mix), in nats: how far the mix is from the one that
            it is held against. NaN for a text without tokens.
        agreement: the share of the tokens that are this mix's likeliest choice. NaN for a text without tokens.
    """

    logprobs: tuple[float, ...]
    divergence: float
    agreement: float

    @property
    def perplexity(self) -> float:
        """exp of the mean surprise: 1 if every token was certain. NaN for a text without tokens."""
        mean = self.mean_logprob
        return math.exp(-mean) if mean > -700 else math.inf if mean < 0 else math.nan

    @property
    def mean_logprob(self) -> float:
        """The mean over the tokens; NaN for a text without tokens."""
        return math.fsum(self.logprobs) / len(self.logprobs) if self.logprobs else math.nan


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
    input_ids: torch.Tensor,
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
        input_ids: the prompt, shape (1, tokens), on the model's device.
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
    prompt = Prompt()
    for at, reply in enumerate(replies):
        judged.append(judge(desk, input_ids, reply, mixes, mixes[at], cancelled, locked, prompt))
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
    input_ids: torch.Tensor,
    reply: Sequence[int],
    mixes: Sequence[Mix],
    reference: Mix,
    cancelled: Cancel | None = None,
    locked: bool = False,
    prompt: Prompt | None = None,
) -> list[Judgement]:
    """How each mix judges one text, and how far each is from a reference: all in one batch where rows can run.

    Memory stays bounded: a long text is read in pieces, with the model's own cache; more than 16 mixes, or what memory
    does not hold, run as several batches. A mix with fades stands at each token where it stood when that token was
    generated: such a text is read from change to change, in as many passes as its gains have steps. Mixes that cannot
    run in rows take turns.

    Args:
        desk: of the model that is asked.
        input_ids: the prompt, shape (1, tokens), on the model's device.
        reply: the token ids of the text.
        mixes: who judges.
        reference: what `Judgement.divergence` is measured from.
        cancelled: asked before each pass; true calls it off.
        locked: whether the caller holds the model's lock already.
        prompt: remembers what was read, for the next text that follows the same prompt.

    Raises:
        ValueError: the prompt is not one row with at least one token, it is longer than the model's context together
            with the text, or a mix names what is not there.
        RuntimeError: memory does not hold even one mix.
        Cancelled: it was called off.
    """
    if input_ids.ndim != 2 or input_ids.shape[0] != 1 or input_ids.shape[1] == 0:
        raise ValueError(f"the prompt must be one row of tokens, shape (1, tokens), not {tuple(input_ids.shape)}")
    for mix in (*mixes, reference):
        desk.check(mix)
    if not reply:
        return [Judgement((), math.nan, math.nan)] * len(mixes)
    text = Text(desk, input_ids, reply)
    prompt = prompt or Prompt(wanted=False)
    judged: list[Judgement] = []
    size = MAX_ROWS
    while len(judged) < len(mixes):
        some = mixes[len(judged) : len(judged) + size]
        try:
            judged += _judged(desk, text, some, reference, cancelled, locked, prompt)
            continue
        except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
            if not out_of_memory(error):
                raise
            if len(some) == 1:
                raise RuntimeError("there is not enough memory to score a text of this length: shorten it") from error
            prompt.forget()
            size = (len(some) + 1) // 2
        give_back(input_ids.device)  # here the error is forgotten, and with it what its frames held
    return judged


def _judged(
    desk: Desk,
    text: Text,
    mixes: Sequence[Mix],
    reference: Mix,
    cancelled: Cancel | None,
    locked: bool,
    prompt: Prompt,
) -> list[Judgement]:
    """The judgements of as many mixes as run at once."""
    rows = list(mixes) if reference in mixes else [*mixes, reference]
    tally = _Tally(text, len(rows), rows.index(reference))
    caches = prompt.caches(rows)
    pieces = text.pieces(rows, read=bool(caches), keep=prompt.wanted)
    try:
        with desk.rows(rows, cancelled, locked) as tell:
            caches = caches or [None]
            for piece in pieces:
                _ask(cancelled)
                tell(piece.token)
                logits, caches[0] = text.read(piece, len(rows), caches[0])
                tally.take(piece, logits)
    except NotInRows:
        caches = caches or [None] * len(rows)
        _in_turns(desk, text, rows, pieces, caches, tally, cancelled, locked)
    prompt.keep(rows, caches, text.prompt)
    return [tally.judgement(row) for row in range(len(mixes))]


def _in_turns(
    desk: Desk,
    text: Text,
    mixes: Sequence[Mix],
    pieces: Sequence[Piece],
    caches: list[Any],
    tally: _Tally,
    cancelled: Cancel | None,
    locked: bool,
) -> None:
    """One mix after the other, piece by piece, so that the logits of all are never needed for more than a piece."""
    for piece in pieces:
        found = []
        for at, mix in enumerate(mixes):
            _ask(cancelled)
            with desk.rows([mix], cancelled, locked) as tell:
                tell(piece.token)
                logits, caches[at] = text.read(piece, 1, caches[at])
            found.append(logits)
        tally.take(piece, torch.cat(found))


def _ask(cancelled: Cancel | None) -> None:
    if cancelled is not None and cancelled():
        raise Cancelled


class _Tally:
    """Adds up what the rows say about a text, piece by piece."""

    def __init__(self, text: Text, rows: int, reference: int) -> None:
        self._tokens = text.tokens[0]
        self._reference = reference
        self._logprobs: list[list[float]] = [[] for _ in range(rows)]
        self._divergence = [0.0] * rows
        self._agreed = [0] * rows

    def take(self, piece: Piece, logits: torch.Tensor) -> None:
        """Takes the logits about the next tokens of the text, shape (rows, tokens, vocabulary)."""
        if not piece.scored:
            return
        at = len(self._logprobs[0])
        tokens = self._tokens[at : at + piece.scored].to(logits.device)
        # One row at a time: the logits of all are large enough once.
        reference = logits[self._reference].float().log_softmax(-1)
        chance = reference.exp()
        for row, said in enumerate(logits):
            logprobs = said.float().log_softmax(-1)
            self._logprobs[row] += logprobs.gather(-1, tokens[:, None])[:, 0].tolist()
            self._agreed[row] += int((said.argmax(-1) == tokens).sum())
            if row != self._reference:
                # What the reference rules out counts for nothing, whatever the other says about it.
                far = torch.where(chance > 0, chance * (reference - logprobs), 0.0)
                self._divergence[row] += float(far.sum())

    def judgement(self, row: int) -> Judgement:
        """What it came to."""
        count = len(self._tokens)
        # Rounding can bring a divergence of nothing below nothing.
        divergence = max(self._divergence[row] / count, 0.0)
        return Judgement(tuple(self._logprobs[row]), divergence, self._agreed[row] / count)
