"""Replies as a server streams them, and those that break off."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext

import pytest
from helpers import false_llama

from lora_mixer.lora_ops.engines.vllm.client import Client, VllmError
from lora_mixer.lora_ops.engines.vllm.saying import END, Asking, say_under


def event(ids: object, why: str | None = None) -> bytes:
    return b"data: " + json.dumps({"choices": [{"token_ids": ids, "finish_reason": why}]}).encode() + b"\n\n"


def said(events: list[bytes], most: int = 9) -> list[tuple[int, bool]]:
    with false_llama.answering({"/v1/completions": false_llama.slowly(events, 0)}) as url:
        return [(token.id, token.last) for token in Asking(Client(url), "m", [1], {}, 0, most).tokens()]


DONE = b"data: [DONE]\n\n"


def test_the_token_that_ends_a_reply_is_none_of_it() -> None:
    assert said([event([4]), event([5, 2], "stop"), DONE]) == [(4, False), (5, False), (END, False)]
    assert said([event([4]), event([5], "length"), DONE], most=2) == [(4, False), (5, True)]


def test_how_much_it_was_is_no_token() -> None:
    assert said([event([4]), b'data: {"choices": [], "usage": {}}\n\n', DONE]) == [(4, False)]


@pytest.mark.parametrize("events", [[event([4])], [event(None, None), event("abc")], [b'data: {"choices": [{}]}\n\n']])
def test_a_stream_that_breaks_off_or_is_none_is_told(events: list[bytes]) -> None:
    with pytest.raises(VllmError, match="broke off|too old"):
        said(events)


def test_the_rest_is_asked_for_when_the_mix_has_moved() -> None:
    asked: list[list[int]] = []
    with false_llama.answering({"/v1/completions": false_llama.slowly([event([7]), event([8]), DONE], 0)}) as url:

        def ask(so_far: Sequence[int]) -> AbstractContextManager[Asking]:
            asked.append(list(so_far))
            return nullcontext(Asking(Client(url), "m", [1, *so_far], {}, 0, 3 - len(so_far)))

        moves = iter([True, False, False])
        tokens = [token.id for token in say_under(ask, lambda: next(moves), 3)]
    assert asked == [[], [7]] and tokens == [7, 7, 8]
