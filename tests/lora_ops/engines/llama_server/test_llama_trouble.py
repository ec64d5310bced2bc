"""Servers that are gone, slow, too old, or none: a sentence each, and nothing hangs."""

from __future__ import annotations

import socket
import time
from typing import Any

import pytest
from helpers.false_llama import USUAL, answering, end, slowly, tokens

from lora_mixer.lora_ops import Column, Desk, Mix, compare
from lora_mixer.lora_ops.engines import llama_server
from lora_mixer.lora_ops.engines.llama_server import LlamaServerError


def heard(url: str, tokens: int = 4, **options: Any) -> Any:
    desk = Desk(llama_server.connect(url, [], patience=options.pop("patience", 30.0)))
    run = compare(desk, None, [5, 6], [Column("A", Mix())], seed=1, generation={"max_new_tokens": tokens}, **options)
    for _ in run:
        pass
    return run.result.columns[0]


def test_a_reply_is_heard_as_it_comes() -> None:
    with answering({"/completion": slowly([*tokens(8, 9), end("eos")], 0)}) as url:
        column = heard(url)
        assert column.token_ids == (8, 9) and column.finish == "end"
    with answering({"/completion": slowly([b": a ping\n\n", *tokens(8, 9, 10, 11), end()], 0)}) as url:
        column = heard(url)
        assert column.token_ids == (8, 9, 10, 11) and column.finish == "length"


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


BROKEN: dict[str, tuple[Any, str]] = {
    "an error before the first token": (
        (400, {"error": {"message": "prompt too long"}}),
        r"refused \(400\): prompt too",
    ),
    "a stream that breaks off": (slowly(tokens(8, 9), 0), "broke off in the middle of a reply"),
    "a stream of nonsense": (slowly([*tokens(8), b"data: {nonsense\n\n"], 0), "does not answer as a llama-server does"),
    "an error in the middle": (
        slowly([*tokens(8), b'data: {"error": {"message": "cannot go on"}}\n\n'], 0),
        r"refused \(500\): cannot go on",
    ),
    "no token ids": (slowly([b'data: {"content": "hello", "stop": false}\n\n', end()], 0), "does not tell the tokens"),
    "no stream": ({"content": "hello"}, "broke off"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_reply_that_goes_wrong_ends_with_a_sentence(case: str) -> None:
    answer, match = BROKEN[case]
    with answering({"/completion": answer}) as url, pytest.raises(LlamaServerError, match=match):
        heard(url)


def test_a_server_that_falls_silent_is_given_up() -> None:
    silent = answering({"/completion": slowly(tokens(8, 9), 20)})
    with silent as url, pytest.raises(LlamaServerError, match="has not said a word for 1 seconds"):
        heard(url, patience=1.0)


@pytest.mark.parametrize("said", [[], [8]])
def test_a_reply_is_called_off_though_the_server_says_nothing(said: list[int]) -> None:
    with answering({"/completion": slowly([b": begun\n\n", *tokens(*said)], 30)}) as url:
        desk = Desk(llama_server.connect(url, []))
        run = compare(desk, None, [5, 6], [Column("A", Mix())], seed=1, generation={"max_new_tokens": 4})
        time.sleep(0.3)
        began = time.monotonic()
        run.stop()
        list(run)
        assert run.result.columns[0].finish == "stopped"
        assert time.monotonic() - began < 20, "it waited for the server"


def test_a_server_that_was_started_anew_with_other_adapters_is_noticed_before_it_says_a_word() -> None:
    answers: dict[str, Any] = {"/completion": slowly([*tokens(8), end("eos")], 0)}
    with answering(answers) as url:
        desk = Desk(llama_server.connect(url, []))
        engine = desk.engine
        assert not desk.outdated()
        engine._paths = ("/elsewhere.gguf",)  # type: ignore[attr-defined]
        run = compare(desk, None, [5, 6], [Column("A", Mix())], seed=1, generation={"max_new_tokens": 4})
        with pytest.raises(LlamaServerError, match="has other adapters than it had"):
            list(run)
        assert desk.outdated()
        desk.refresh()
        assert not desk.outdated()


def test_a_server_that_tells_no_likelihoods_says_so_and_is_not_asked_again() -> None:
    asked = []

    def refuse(write: Any) -> None:
        asked.append(1)
        write(b'data: {"error": {"message": "no grammar"}}\n\n')

    with answering({"/completion": refuse, "/detokenize": {"content": "word"}}) as url:
        engine = llama_server.connect(url, [])
        why_not = engine.why_not("scores")
        assert "no grammar" in why_not and engine.why_not("scores") == why_not and len(asked) == 1
        with pytest.raises(ValueError, match="no grammar"):
            Desk(engine).reader([5, 6])
