"""How likely a given text is: the server tells it of its prompt, token by token (vLLM's
`prompt_logprobs`, `input_token_logprobs` of SGLang's own `/generate`)."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from ..engine import Cancelled, Judgement
from .client import SGLANG, Client, Dialect, VllmError
from .request import likelihood_body, reading_body

if TYPE_CHECKING:
    from ...mix import Mix
    from ..engine import Cancel, Hold


#: Of a mix by its name, a prompt and a text: the logarithm of each token's chance, and whether it is the likeliest one.
Read = Callable[[str, Sequence[int], Sequence[int]], list[tuple[float, bool]]]


class ServerReader:
    """Judges texts after one prompt. Members as `engines.engine.Reader` tells them.

    Args:
        read: how likely each token of a text is after a prompt, and whether it is the likeliest one, of a mix by its
            name.
        prompt: token ids.
        context: how many tokens its context holds.
        using: has mixes loaded, and tells what requests call them.
        cancelled: asked before each request.
        held: how to hold rows of mixes meanwhile.
    """

    def __init__(
        self,
        read: Read,
        prompt: Sequence[int],
        context: int,
        using: Callable[[Sequence[Mix]], AbstractContextManager[list[str]]],
        cancelled: Cancel,
        held: Hold,
    ) -> None:
        self._read, self._prompt, self._context = read, tuple(prompt), context
        self._using, self._cancelled, self._held = using, cancelled, held

    def judge(self, text: Sequence[int], mixes: Sequence[Mix], reference: Mix) -> list[Judgement]:
        """How each mix judges a text; how far it is from the reference the server does not tell."""
        length = len(self._prompt) + len(text)
        if length >= self._context:  # one more token is said
            raise ValueError(
                f"prompt and text have {length:,} tokens, and the model's context holds {self._context:,} with one "
                "more: shorten them"
            )
        return [self._one(text, mix) for mix in mixes]

    def forget(self) -> None:
        """What the server remembers is its own business."""

    def _one(self, text: Sequence[int], mix: Mix) -> Judgement:
        with self._held([mix]), self._using([mix]) as (model,):
            if self._cancelled():
                raise Cancelled
            found = self._read(model, self._prompt, text)
        agreed = sum(first for _, first in found)
        return Judgement(tuple(min(one, 0.0) for one, _ in found), math.nan, agreed / len(text))


def reading(client: Client, dialect: Dialect, base: str) -> Read:
    """How a server tells how likely a text is.

    Args:
        client: the server.
        dialect: how it spells its calls.
        base: what it calls its own model.
    """

    def read(model: str, prompt: Sequence[int], text: Sequence[int]) -> list[tuple[float, bool]]:
        try:
            if dialect is SGLANG:
                told = client.post("/generate", likelihood_body(model, base, prompt, text))
                return _by_sglang(told["meta_info"], text)
            told = client.post("/v1/completions", reading_body(model, prompt, text))
            return [_of(one, id) for one, id in _pairs(told["choices"][0]["prompt_logprobs"][len(prompt) :], text)]
        except (KeyError, IndexError, TypeError, ValueError):
            raise VllmError(f"{client.name} does not tell how likely a text is (prompt_logprobs)") from None

    return read


def _by_sglang(told: Any, text: Sequence[int]) -> list[tuple[float, bool]]:
    """Of each token (its logarithm, its id, its text), and the same of the likeliest one; the first is the prompt's."""
    found = []
    best = told["input_top_logprobs"][-len(text) :]
    for (own, top), id in _pairs(list(_pairs(told["input_token_logprobs"][-len(text) :], best)), text):
        if own[1] not in (id, 0):  # it tells 0 for the last of the vocabulary
            raise ValueError("that is another token")
        found.append((_number(own[0]), top[0][1] == id or _number(top[0][0]) <= own[0]))
    return found


def _pairs(one: Sequence[Any], other: Sequence[Any]) -> Iterator[tuple[Any, Any]]:
    return zip(one, other, strict=True)


def _of(told: Any, id: int) -> tuple[float, bool]:
    one = told[str(id)]
    return _number(one["logprob"]), int(one["rank"]) == 1


def _number(told: Any) -> float:
    if math.isnan(number := float(told)):
        raise ValueError("that is no number")
    return number
