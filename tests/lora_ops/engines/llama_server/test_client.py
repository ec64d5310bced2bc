"""Servers that are gone, slow, too old, or none: a sentence each, and nothing hangs."""

from __future__ import annotations

import socket
from typing import Any

import pytest
from helpers.false_llama import USUAL, answering

from lora_mixer.lora_ops.engines import llama_server
from lora_mixer.lora_ops.engines.llama_server import LlamaServerError


def test_nobody_there_is_told() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
    with pytest.raises(LlamaServerError, match=f"{url} does not answer: nothing listens there"):
        llama_server.connect(url, [])


@pytest.mark.parametrize("url", ["", "ftp://127.0.0.1", "http://", "http://127.0.0.1:port", "http://127.0.0.1:99999"])
def test_what_is_no_address_is_told(url: str) -> None:
    with pytest.raises(ValueError, match="no address of a llama-server"):
        llama_server.connect(url, [])


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "no adapters' calls": ({"/lora-adapters": (404, b"")}, "knows no /lora-adapters"),
    "a web page": ({"/props": b"<html>hello</html>"}, "does not answer as a llama-server does: <html>hello"),
    "JSON of something else": ({"/props": [1, 2]}, "does not answer /props"),
    "adapters of another form": ({"/lora-adapters": [{"name": "x"}]}, "does not tell what adapters it has"),
    "a wrong key": ({"/props": (401, {"error": {"message": "Invalid API Key"}})}, "wants another key"),
    "a model that loads": ({"/props": (503, {"error": {"message": "Loading model"}})}, "still loading its model"),
    "an error of its own": ({"/props": (500, {"error": {"message": "out of luck"}})}, r"refused \(500\): out of luck"),
    "half an answer": ({"/props": b'{"default'}, "does not answer as a llama-server does"),
    "another end token's form": (
        {"/props": {**USUAL["/props"], "eos_token": "x"}, "/tokenize": {"no": 1}},
        "into tokens",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_llama_server_is_told_when_somebody_connects(case: str) -> None:
    answers, match = REFUSED[case]
    with answering(answers) as url, pytest.raises(LlamaServerError, match=match):
        llama_server.connect(url, [])
