"""How likely texts are to mixes, token by token, without generating anything: one batch a text, a mix in each row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch

from ..engine import Cancelled, Judgement, NotInRows
from .reading import Piece, Prompt, Text

if TYPE_CHECKING:
    from ...mix import Mix
    from ..engine import Cancel, Hold


class TextReader:
    """Judges texts after one prompt, several mixes at once where rows can run; else they take turns.

    Args:
        model: what reads.
        prompt: token ids, shape (1, tokens), on the model's device.
        cancelled: asked before each pass; true calls it off.
        held: runs mixes as rows, with the lock.
        keep: whether the prompt is remembered for the next text.
        context: how many tokens the model reads at most, where that is known.
    """

    def __init__(
        self, model: Any, prompt: torch.Tensor, cancelled: Cancel, held: Hold, keep: bool, context: int | None
    ) -> None:
        self._model, self._ids, self._context = model, prompt, context
        self._cancelled, self._held = cancelled, held
        self._prompt = Prompt(keep)

    def judge(self, text: Sequence[int], mixes: Sequence[Mix], reference: Mix) -> list[Judgement]:
        """How each mix judges a text of at least one token, and how far each is from a reference."""
        read = Text(self._model, self._ids, text, self._context)
        rows = list(mixes) if reference in mixes else [*mixes, reference]
        tally = _Tally(read, len(rows), rows.index(reference))
        caches = self._prompt.caches(rows)
        pieces = read.pieces(rows, read=bool(caches), keep=self._prompt.wanted)
        try:
            with self._held(rows) as tell:
                caches = caches or [None]
                for piece in pieces:
                    self._ask()
                    tell(piece.token)
                    logits, caches[0] = read.read(piece, len(rows), caches[0])
                    tally.take(piece, logits)
        except NotInRows:
            caches = caches or [None] * len(rows)
            self._in_turns(read, rows, pieces, caches, tally)
        self._prompt.keep(rows, caches, read.prompt)
        return [tally.judgement(row) for row in range(len(mixes))]

    def forget(self) -> None:
        """Gives back the memory that the prompt takes."""
        self._prompt.forget()

    def _in_turns(
        self, text: Text, mixes: Sequence[Mix], pieces: Sequence[Piece], caches: list[Any], tally: _Tally
    ) -> None:
        """One mix after the other, piece by piece, so that the logits of all are never needed for more than a piece."""
        for piece in pieces:
            found = []
            for at, mix in enumerate(mixes):
                self._ask()
                with self._held([mix]) as tell:
                    tell(piece.token)
                    logits, caches[at] = text.read(piece, 1, caches[at])
                found.append(logits)
            tally.take(piece, torch.cat(found))

    def _ask(self) -> None:
        if self._cancelled():
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
