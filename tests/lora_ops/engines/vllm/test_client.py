"""What a server is, and what its refusals mean."""

from __future__ import annotations

import pytest
from helpers import false_llama
from helpers.false_vllm import KEY, FalseVllm

from lora_mixer.lora_ops.engines.vllm.client import SGLANG, VLLM, Client, VllmError, dialect_of, listed


def test_vllm_and_sglang_are_told_apart_by_asking(server: FalseVllm) -> None:
    assert dialect_of(Client(server.url, KEY)) is VLLM
    with false_llama.answering({"/get_model_info": {"model_path": "/models/letters"}}) as url:
        assert dialect_of(Client(url)) is SGLANG
    assert SGLANG.model("base", "mixer-1") == "base:mixer-1" and VLLM.model("base", "mixer-1") == "mixer-1"


def test_what_is_neither_is_told(server: FalseVllm) -> None:
    with false_llama.answering({}) as url, pytest.raises(VllmError, match="no /get_model_info"):
        dialect_of(Client(url))
    with false_llama.answering({"/v1/models": {"data": []}}) as url, pytest.raises(VllmError, match="its models"):
        listed(Client(url))
    with pytest.raises(VllmError, match="another key"):
        listed(Client(server.url, "open"))


@pytest.mark.parametrize(
    ("status", "said", "path", "means"),
    [
        (404, "Not Found", "/v1/load_lora_adapter", "VLLM_ALLOW_RUNTIME_LORA_UPDATING"),
        (404, "The model `mixer-1` does not exist.", "/v1/completions", "forgotten"),
        (404, "Loading lora x failed: No adapter found for /x", "/v1/load_lora_adapter", "seen_as"),
        (500, "vLLM does not yet support DoRA.", "/v1/load_lora_adapter", "DoRA"),
        (503, "The request queue is full.", "/v1/completions", "wait a little"),
        (429, "Too Many Requests", "/v1/completions", "wait a little"),
    ],
)
def test_a_refusal_says_what_to_do(status: int, said: str, path: str, means: str) -> None:
    assert means in Client("http://127.0.0.1:8000").refused(status, said, path)
