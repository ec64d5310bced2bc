"""TextGen's LlamaServer in a coat: each request names the scales, and is asked again when they change in mid-reply."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from lora_mixer.hosts.textgen import llama_reply

STATE = {"max_new_tokens": 12, "auto_max_new_tokens": False, "seed": 7, "grammar_string": ""}
LOUD, QUIET = [{"id": 0, "scale": 1.0}], [{"id": 0, "scale": 0.0}]


class LlamaServer:
    """As the host's, around a model that says "f" at full scale and "n" at none, one a token."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.closed = 0
        self.last_prompt_token_count = 0

    def encode(self, text: str, add_bos_token: bool = False) -> list[int]:
        return [ord(letter) for letter in text]

    def prepare_payload(self, state: Any) -> dict[str, Any]:
        return {"seed": state["seed"]}

    def generate_with_streaming(self, prompt: str, state: Any) -> Iterator[str]:
        payload = {**self.prepare_payload(state), "prompt": prompt, "n_predict": state["max_new_tokens"]}
        self.asked.append(json.loads(json.dumps(payload)))
        self.last_prompt_token_count, self.last_completion_probabilities = len(prompt), []
        text = ""
        try:
            for _ in range(payload["n_predict"]):
                text += "f" if payload["lora"][0]["scale"] else "n"
                self.last_completion_probabilities.append(text[-1])
                yield text
        finally:
            self.closed += 1


@pytest.fixture
def server() -> LlamaServer:
    return LlamaServer()


def test_a_request_names_the_scales_of_its_moment(server: LlamaServer) -> None:
    now = [LOUD]
    llama_reply.follow(server, lambda at: now[0])
    assert list(server.generate_with_streaming("ahoy", STATE))[-1] == "f" * 12
    now[0] = QUIET
    assert list(server.generate_with_streaming("ahoy", STATE))[-1] == "n" * 12
    assert [one["lora"] for one in server.asked] == [LOUD, QUIET]
    assert server.prepare_payload(STATE) == {"seed": 7, "lora": QUIET}, "whoever else asks, as for logits, does so too"


def test_a_move_in_mid_reply_is_obeyed_by_the_next_token_and_nothing_is_said_twice(server: LlamaServer) -> None:
    now = [LOUD]
    llama_reply.follow(server, lambda at: now[0])
    texts = []
    for text in server.generate_with_streaming("ahoy", STATE):
        texts.append(text)
        if len(text) == 5:
            now[0] = QUIET
    assert texts == ["f" * at for at in range(1, 6)] + ["f" * 5 + "n" * at for at in range(1, 8)]
    assert [(one["prompt"], one["n_predict"]) for one in server.asked] == [("ahoy", 12), ("ahoyfffff", 7)]
    assert server.closed == 2, "the first request was ended"
    assert server.last_prompt_token_count == 4 and server.last_completion_probabilities == list("fffffnnnnnnn")


def test_a_fade_is_followed_from_token_to_token(server: LlamaServer) -> None:
    llama_reply.follow(server, lambda at: LOUD if at < 3 else QUIET)
    assert list(server.generate_with_streaming("ahoy", STATE))[-1] == "fff" + "n" * 9
    assert len(server.asked) == 2


def test_a_move_with_the_last_token_asks_for_nothing_more(server: LlamaServer) -> None:
    now = [LOUD]
    llama_reply.follow(server, lambda at: now[0])
    for text in server.generate_with_streaming("ahoy", STATE):
        if len(text) == 12:
            now[0] = QUIET
    assert len(server.asked) == 1


def test_whoever_stops_listening_ends_the_request(server: LlamaServer) -> None:
    llama_reply.follow(server, lambda at: LOUD)
    reply = server.generate_with_streaming("ahoy", STATE)
    next(reply)
    reply.close()  # type: ignore[attr-defined]
    assert server.closed == 1


def test_a_reply_under_a_grammar_keeps_its_scales(server: LlamaServer) -> None:
    llama_reply.follow(server, lambda at: LOUD if at < 3 else QUIET)
    assert list(server.generate_with_streaming("ahoy", {**STATE, "grammar_string": 'root ::= "f"*'}))[-1] == "f" * 12


def test_replies_side_by_side_keep_their_own_scales(server: LlamaServer) -> None:
    now = [LOUD]
    llama_reply.follow(server, lambda at: now[0])
    one = server.generate_with_streaming("one", {**STATE, "grammar_string": "x"})
    next(one)
    now[0] = QUIET
    assert list(server.generate_with_streaming("two", STATE))[-1] == "n" * 12
    assert list(one)[-1] == "f" * 12


def test_nothing_is_left_when_it_is_taken_off(server: LlamaServer) -> None:
    before = dict(vars(server))
    llama_reply.follow(server, lambda at: LOUD)
    llama_reply.follow(server, lambda at: QUIET)
    assert server.prepare_payload(STATE)["lora"] == QUIET
    llama_reply.release(server)
    assert vars(server) == before and server.prepare_payload(STATE) == {"seed": 7}


def test_a_server_that_remembers_prompts_uses_none_once_scales_have_changed(server: LlamaServer) -> None:
    now = [LOUD]
    llama_reply.follow(server, lambda at: now[0], remembers=True)

    def cached() -> bool:
        payload = server.prepare_payload(STATE)
        payload.update({"prompt": "ahoy", "cache_prompt": True})
        return bool(json.loads(json.dumps(payload))["cache_prompt"])

    assert cached() and cached()
    now[0] = QUIET
    assert not cached()
    now[0] = LOUD
    assert not cached(), "it may have kept what it read under the other"
