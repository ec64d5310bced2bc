"""How likely a given text is: the server tells it of its prompt, token by token (`prompt_logprobs`)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from ..engine import Cancelled, Judgement
from .client import Client, VllmError
from .request import reading_body

if TYPE_CHECKING:
    from ...mix import Mix
    from ..engine import Cancel, Hold


class ServerReader:
    """Judges texts after one prompt. Members as `engines.engine.Reader` tells them.

    Args:
        client: the server.
        prompt: token ids.
        context: how many tokens its context holds.
        using: has mixes loaded, and tells what requests call them.
        cancelled: asked before each request.
        held: how to hold rows of mixes meanwhile.
    """

    def __init__(
        self,
        client: Client,
        prompt: Sequence[int],
        context: int,
        using: Callable[[Sequence[Mix]], AbstractContextManager[list[str]]],
        cancelled: Cancel,
        held: Hold,
    ) -> None:
        self._client, self._prompt, self._context = client, tuple(prompt), context
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
            told = self._client.post("/v1/completions", reading_body(model, self._prompt, text))
        try:
            each = told["choices"][0]["prompt_logprobs"][len(self._prompt) :]
            found = [_of(one, id) for one, id in zip(each, text, strict=True)]
        except (KeyError, IndexError, TypeError, ValueError):
            raise VllmError(f"{self._client.name} does not tell how likely a text is (prompt_logprobs)") from None
        agreed = sum(rank == 1 for _, rank in found)
        return Judgement(tuple(min(logprob, 0.0) for logprob, _ in found), math.nan, agreed / len(text))


def _of(told: Any, id: int) -> tuple[float, int]:
    one = told[str(id)]
    logprob = float(one["logprob"])
    if math.isnan(logprob):
        raise ValueError("that is no number")
    return logprob, int(one["rank"])
