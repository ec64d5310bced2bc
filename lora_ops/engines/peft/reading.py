"""How a model reads a prompt and a text after it, in pieces that memory holds, and what it says about the text."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import torch
from transformers import DynamicCache

from ...mix import Mix
from .survey import root

#: How many logits (rows x tokens x vocabulary), and how many tokens (rows x tokens), one pass may work out.
MAX_LOGITS, MAX_TOKENS = 2**26, 2**14


@dataclass(frozen=True)
class Piece:
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


class Text:
    """A prompt and a text after it, and how a model reads them.

    What the model says at a position is about the token after it: those from the prompt's last position on are about
    the text, and the text's last token is never read.

    Args:
        model: what reads.
        input_ids: the prompt, shape (1, tokens), on the model's device.
        reply: the text; at least one token.
        context: how many tokens the model reads at most, where that is known.

    Raises:
        ValueError: both together are longer.
    """

    def __init__(self, model: Any, input_ids: torch.Tensor, reply: Sequence[int], context: int | None = None) -> None:
        self._model = model
        #: How many tokens of the prompt say nothing about the text: all but the last.
        self.prompt = input_ids.shape[1] - 1
        self.tokens = torch.tensor([list(reply)], dtype=input_ids.dtype, device=input_ids.device)
        self._ids = torch.cat([input_ids, self.tokens[:, :-1]], dim=1)
        config: Any = root(model).config
        config = config.get_text_config() if hasattr(config, "get_text_config") else config
        if context and self._ids.shape[1] > context:
            length = self._ids.shape[1] + 1
            raise ValueError(f"prompt and text are {length} tokens long, and this model reads {context}: shorten them")
        self._vocabulary = int(config.vocab_size)
        self._keeps = "logits_to_keep" in inspect.signature(root(model).forward).parameters

    def pieces(self, mixes: Sequence[Mix], read: bool, keep: bool) -> list[Piece]:
        """The parts that this many mixes read at once: bounded, and with the same gains from end to end.

        Args:
            mixes: who reads.
            read: whether the prompt has been read.
            keep: whether to read the prompt by itself, so that it can be kept.
        """
        last, first = self._ids.shape[1], self.prompt
        scored = max(1, MAX_LOGITS // (len(mixes) * self._vocabulary))
        size = max(1, MAX_TOKENS // len(mixes))
        if not self._keeps:
            size = min(size, scored)
        stretches = list(_stretches(mixes, last - first))
        if len(stretches) == 1 and last <= size and last - first <= scored and not (read or keep):
            return [Piece(0, last, last - first, 0, True)]
        prompt = [] if read else [Piece(start, end, 0, 0, False) for start, end in _cut(0, first, size)]
        return prompt + [
            Piece(start, end, end - start, token, False)
            for token, until in stretches
            for start, end in _cut(first + token, first + until, min(size, scored))
        ]

    @torch.no_grad()
    def read(self, piece: Piece, rows: int, cache: Any) -> tuple[torch.Tensor, Any]:
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


class Prompt:
    """What a model's cache holds after a prompt, for as long as the same mixes read on from there.

    Args:
        wanted: whether to remember anything; it ends when it turns out that a cache cannot be cut back.
    """

    def __init__(self, wanted: bool = True) -> None:
        self.wanted = wanted
        self._rows: list[Mix] = []
        self._caches: list[Any] = []

    def caches(self, rows: list[Mix]) -> list[Any]:
        """The caches after the prompt, of all rows or one for each; none if it is not remembered for these rows.

        They are the caller's, until they are kept again.
        """
        caches = self._caches if rows == self._rows else []
        self.forget()
        return caches

    def keep(self, rows: list[Mix], caches: list[Any], length: int) -> None:
        """Cuts caches back to the first `length` tokens, if that can be done, and remembers them."""
        self.wanted = self.wanted and all(_can_be_cut(cache) for cache in caches)
        if self.wanted:
            for cache in caches:
                if (more := cache.get_seq_length() - length) > 0:
                    cache.crop(-more)  # transformers 5 only takes how many to remove
            self._rows, self._caches = rows, caches

    def forget(self) -> None:
        """Gives the memory back."""
        self._rows, self._caches = [], []


def _can_be_cut(cache: Any) -> bool:
    """Whether every layer keeps all that it has seen: no sliding window, no state that is overwritten."""
    return type(cache) is DynamicCache and all(type(layer).__name__ == "DynamicLayer" for layer in cache.layers)


def _stretches(mixes: Sequence[Mix], tokens: int) -> Iterator[tuple[int, int]]:
    """From which token to before which nothing fades."""
    fades = {fade for mix in mixes for faders in mix.adapters.values() if faders.on for fade in faders.every_fade()}
    at = 0
    for _, alike in groupby(range(tokens), key=lambda token: [fade.gain(token) for fade in fades]):
        until = at + sum(1 for _ in alike)
        yield at, until
        at = until


def _cut(start: int, end: int, size: int) -> Iterator[tuple[int, int]]:
    for at in range(start, end, size):
        yield at, min(at + size, end)
