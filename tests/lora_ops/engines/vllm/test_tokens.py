"""Text into token ids and back, as a server has it."""

from __future__ import annotations

from helpers.false_vllm import END, KEY, FalseVllm

from lora_mixer.lora_ops.engines.vllm.client import Client
from lora_mixer.lora_ops.engines.vllm.tokens import ServerTokens


def test_special_tokens_are_left_out_where_that_is_wanted(server: FalseVllm) -> None:
    tokens = ServerTokens(Client(server.url, KEY), "letters")
    ids = tokens.encode("my book")
    assert tokens.decode(ids) == "my book" and tokens.decode([]) == ""
    assert tokens.encode("", add_special_tokens=False) == []
    assert tokens.decode([*ids, END]) == "my book<|im_end|>"
    assert tokens.decode([*ids, END], skip_special_tokens=True) == "my book"


def test_what_was_asked_before_is_known(server: FalseVllm) -> None:
    tokens = ServerTokens(Client(server.url, KEY), "letters")
    for _ in range(3):
        tokens.decode([1, 2, 3])
    assert len(server.asked) == 1
