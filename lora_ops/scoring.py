"""How likely texts are to mixes, token by token, without generating anything: one batch a text, a mix in each row."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import torch

from .desk import Cancelled, Desk
from .mix import Mix
from .rows import NotInRows
from .survey import root

#: How many mixes run at once at most.
MAX_ROWS = 16
#: How many logits (rows x tokens x vocabulary), and how many tokens (rows x tokens), one pass may work out.
MAX_LOGITS, MAX_TOKENS = 2**26, 2**14

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
    for at, reply in enumerate(replies):
        judged.append(judge(desk, input_ids, reply, mixes, mixes[at], cancelled, locked))
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
    text = _Text(desk, input_ids, reply)
    judged: list[Judgement] = []
    size = MAX_ROWS
    while len(judged) < len(mixes):
        some = mixes[len(judged) : len(judged) + size]
        try:
            judged += _judged(desk, text, some, reference, cancelled, locked)
        except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
            if not _out_of_memory(error):
                raise
            if len(some) == 1:
                raise RuntimeError("there is not enough memory to score a text of this length: shorten it") from error
            size = (len(some) + 1) // 2
        if size < MAX_ROWS and torch.cuda.is_available():
            torch.cuda.empty_cache()
    return judged


def _judged(
    desk: Desk, text: _Text, mixes: Sequence[Mix], reference: Mix, cancelled: Cancel | None, locked: bool
) -> list[Judgement]:
    """The judgements of as many mixes as run at once."""
    rows = list(mixes) if reference in mixes else [*mixes, reference]
    tally = _Tally(text, len(rows), rows.index(reference))
    pieces = list(text.pieces(rows))
    try:
        with desk.rows(rows, cancelled, locked) as tell:
            cache = None
            for piece in pieces:
                _ask(cancelled)
                tell(piece.token)
                logits, cache = text.read(piece, len(rows), cache)
                tally.take(piece, logits)
    except NotInRows:
        _in_turns(desk, text, rows, tally, cancelled, locked)
    return [tally.judgement(row) for row in range(len(mixes))]


def _in_turns(
    desk: Desk, text: _Text, mixes: Sequence[Mix], tally: _Tally, cancelled: Cancel | None, locked: bool
) -> None:
    """One mix after the other, piece by piece, so that the logits of all are never needed for more than a piece."""
    caches: list[Any] = [None] * len(mixes)
    for piece in text.pieces(mixes):
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


def _out_of_memory(error: BaseException) -> bool:
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return "can't allocate memory" in str(error) or "out of memory" in str(error).lower()


@dataclass(frozen=True)
class _Piece:
    """A part of prompt and text that one pass reads.

    Attributes:
        start: its first position.
        end: the position after its last.
        scored: how many of its last positions say something about a token of the text.
        token: which token of the text the gains are those of.
        whole: whether it is all there is.
    """

    start: int
    end: int
    scored: int
    token: int
    whole: bool


class _Text:
    """A prompt and a text after it, and how a model reads them.

    What the model says at a position is about the token after it: those from the prompt's last position on are about
    the text, and the text's last token is never read.
    """

    def __init__(self, desk: Desk, input_ids: torch.Tensor, reply: Sequence[int]) -> None:
        self._model = desk.model
        self._prompt = input_ids.shape[1]
        self.tokens = torch.tensor([list(reply)], dtype=input_ids.dtype, device=input_ids.device)
        self._ids = torch.cat([input_ids, self.tokens[:, :-1]], dim=1)
        config: Any = root(desk.model).config
        config = config.get_text_config() if hasattr(config, "get_text_config") else config
        context = getattr(config, "max_position_embeddings", None)
        if context and self._ids.shape[1] > context:
            length = self._ids.shape[1] + 1
            raise ValueError(f"prompt and text are {length} tokens long, and this model reads {context}: shorten them")
        self._vocabulary = int(config.vocab_size)
        self._keeps = "logits_to_keep" in inspect.signature(root(desk.model).forward).parameters

    def pieces(self, mixes: Sequence[Mix]) -> Iterator[_Piece]:
        """The parts that this many mixes read at once: bounded, and with the same gains from end to end."""
        last, first = self._ids.shape[1], self._prompt - 1
        scored = max(1, MAX_LOGITS // (len(mixes) * self._vocabulary))
        read = max(1, MAX_TOKENS // len(mixes))
        if not self._keeps:
            read = min(read, scored)
        stretches = list(_stretches(mixes, last - first))
        if len(stretches) == 1 and last <= read and last - first <= scored:
            yield _Piece(0, last, last - first, 0, True)
            return
        for start, end in _cut(0, first, read):
            yield _Piece(start, end, 0, 0, False)
        for token, until in stretches:
            for start, end in _cut(first + token, first + until, min(read, scored)):
                yield _Piece(start, end, end - start, token, False)

    @torch.no_grad()
    def read(self, piece: _Piece, rows: int, cache: Any) -> tuple[torch.Tensor, Any]:
        """What is said about the text in this piece, shape (rows, scored, vocabulary), and the cache after it."""
        given: dict[str, Any] = {
            "input_ids": self._ids[:, piece.start : piece.end].expand(rows, -1),
            "attention_mask": self._ids.new_ones((rows, piece.end)),
            "use_cache": not piece.whole,
        }
        if cache is not None:
            given["past_key_values"] = cache
        if self._keeps:
            given["logits_to_keep"] = max(piece.scored, 1)
        out = self._model(**given)
        cache = None if piece.whole else getattr(out, "past_key_values", None)
        if cache is None and not piece.whole:
            raise ValueError("this model keeps no cache, so that texts of this length, or fades, cannot be scored")
        return out.logits[:, out.logits.shape[1] - piece.scored :], cache


def _stretches(mixes: Sequence[Mix], tokens: int) -> Iterator[tuple[int, int]]:
    """From which token to before which nothing fades."""
    fades = {fade for mix in mixes for faders in mix.adapters.values() if faders.on for fade in faders.fades.values()}
    at = 0
    for _, alike in groupby(range(tokens), key=lambda token: [fade.gain(token) for fade in fades]):
        until = at + sum(1 for _ in alike)
        yield at, until
        at = until


def _cut(start: int, end: int, size: int) -> Iterator[tuple[int, int]]:
    for at in range(start, end, size):
        yield at, min(at + size, end)


class _Tally:
    """Adds up what the rows say about a text, piece by piece."""

    def __init__(self, text: _Text, rows: int, reference: int) -> None:
        self._tokens = text.tokens[0]
        self._reference = reference
        self._logprobs: list[list[float]] = [[] for _ in range(rows)]
        self._divergence = [0.0] * rows
        self._agreed = [0] * rows

    def take(self, piece: _Piece, logits: torch.Tensor) -> None:
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
