"""A server's tokenizer."""

from __future__ import annotations

import pytest
from helpers.false_llama import answering
from helpers.llama import Llama

from lora_mixer.lora_ops.engines.llama_server.client import Client, LlamaServerError
from lora_mixer.lora_ops.engines.llama_server.server_tokens import ServerTokens


def test_tokens_go_into_text_and_back(llama: Llama) -> None:
    tokens = llama.engine("pirate").tokens
    text = "Ahoy! Ünïcode 🦜 and <|im_end|> too"
    ids = tokens.encode(text, add_special_tokens=False)
    assert tokens.decode(ids) == text
    assert tokens.decode(ids, skip_special_tokens=True) == text.replace("<|im_end|>", "")
    assert tokens.encode("") == [] and tokens.decode([]) == ""


def test_what_was_asked_once_is_remembered_and_what_is_no_text_is_told() -> None:
    with answering({}) as url:
        client = Client(url)
        tokens = ServerTokens(client)
        assert tokens.decode([5, 6]) == "word"
        client.post = lambda *_: pytest.fail("it was asked again")  # type: ignore[method-assign]
        assert tokens.decode((5, 6)) == "word" and tokens.decode([]) == ""
    with answering({"/detokenize": {"content": 7}}) as url, pytest.raises(LlamaServerError, match="tokens into text"):
        ServerTokens(Client(url)).decode([5])
    with answering({"/tokenize": {"tokens": ["a"]}}) as url, pytest.raises(LlamaServerError, match="text into tokens"):
        ServerTokens(Client(url)).encode("a")
