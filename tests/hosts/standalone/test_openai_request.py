"""What a request asks for, as OpenAI's clients write it; what cannot be done as asked is refused by name."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lora_mixer.hosts.openai_refusal import Refusal
from lora_mixer.hosts.standalone.openai_request import read_chat, read_completion

AHOY = {"messages": [{"role": "user", "content": "Ahoy"}]}


def chat(**more: Any) -> bytes:
    return json.dumps({**AHOY, **more}).encode()


def test_what_is_not_said_is_as_openai_has_it() -> None:
    asked = read_chat(chat())
    assert asked.chat and asked.messages == ({"role": "user", "content": "Ahoy"},) and asked.opening == ""
    assert not asked.stream and not asked.usage and asked.stop == () and asked.model == ""
    said = asked.settings
    assert (said.do_sample, said.temperature, said.top_p, said.top_k, said.min_p) == (True, 1.0, 1.0, 0, 0.0)
    assert said.repetition_penalty == 1.0 and said.seed == -1 and said.max_new_tokens >= 2**31
    text = read_completion(b'{"prompt": "Ahoy"}')
    assert not text.chat and text.messages == () and text.opening == "Ahoy" and text.settings.max_new_tokens == 16


def test_null_is_as_good_as_nothing() -> None:
    nothing = dict.fromkeys(
        ["model", "lora_mix", "stop", "seed", "n", "tools", "stream_options", "max_tokens", "logprobs"]
    )
    asked = read_chat(chat(**nothing))
    assert (asked.settings, asked.stop, asked.usage) == (read_chat(chat()).settings, (), False)


def test_what_is_said_is_heard() -> None:
    more = {"temperature": 0, "top_p": 0.5, "top_k": 3, "min_p": 0.1, "repetition_penalty": 1.2, "seed": 7}
    options = {"stream": True, "stream_options": {"include_usage": True}, "stop": ["a", "", "b"], "model": "tiny"}
    asked = read_chat(chat(**more, **options, max_completion_tokens=5, max_tokens=9, user="me", store=False))
    said = asked.settings
    assert (said.do_sample, said.top_p, said.top_k, said.min_p) == (False, 0.5, 3, 0.1)
    assert (said.repetition_penalty, said.seed, said.max_new_tokens) == (1.2, 7, 5)
    assert asked.stream and asked.usage and asked.stop == ("a", "b") and asked.model == "tiny"
    assert read_chat(chat(stop="\nUser:")).stop == ("\nUser:",)


def test_messages_may_come_in_parts_and_the_last_may_be_how_the_reply_begins() -> None:
    parts = [{"type": "text", "text": "A"}, {"type": "text", "text": "hoy"}]
    before = [{"role": "developer", "content": "Be brief."}, {"role": "user", "content": parts, "name": "me"}]
    asked = read_chat(chat(messages=[*before, {"role": "assistant", "content": "Arr", "refusal": None}]))
    assert asked.messages == ({"role": "system", "content": "Be brief."}, {"role": "user", "content": "Ahoy"})
    assert asked.opening == "Arr"


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"n": 2}, "n"),
        ({"logprobs": True}, "logprobs"),
        ({"tools": [{"type": "function"}]}, "tools"),
        ({"response_format": {"type": "json_object"}}, "response_format"),
        ({"frequency_penalty": 0.5}, "frequency_penalty"),
        ({"logit_bias": {"5": 1}}, "logit_bias"),
        ({"lora_mixx": 1}, "lora_mixx"),
        ({"temperature": "warm"}, "temperature"),
        ({"temperature": float("nan")}, "temperature"),
        ({"temperature": -1}, "temperature"),
        ({"top_p": 0}, "top_p"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": True}, "max_tokens"),
        ({"seed": 2**63}, "seed"),
        ({"seed": -2}, "seed"),
        ({"stop": 5}, "stop"),
        ({"stop": ["a"] * 17}, "stop"),
        ({"stream": "yes"}, "stream"),
        ({"messages": []}, "messages"),
        ({"messages": "Ahoy"}, "messages"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages"),
        ({"messages": [{"role": "user", "content": None}]}, "messages"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]}, "messages"),
        ({"messages": [{"role": "user", "content": "x", "tool_calls": [1]}]}, "messages"),
        ({"messages": [{"role": "system", "content": "x"}]}, "messages"),
        ({"messages": [{"role": "assistant", "content": "x"}]}, "messages"),
    ],
)
def test_what_cannot_be_done_is_refused_by_the_name_of_its_field(more: dict[str, Any], param: str) -> None:
    with pytest.raises(Refusal) as refusal:
        read_chat(chat(**more))
    assert refusal.value.status == 400 and refusal.value.param == param and param in refusal.value.message
    assert len(refusal.value.message) < 1000


HALF = {"role": "user", "content": "\ud800"}
NO_REQUESTS = {
    "nothing": b"",
    "half": b"{",
    "number": b"5",
    "list": b"[]",
    "no text": b"\xff",
    "deep": b"[" * 100_000,
    "twice": b'{"messages": [], "messages": []}',
    "half a character": chat(messages=[HALF]),
}


@pytest.mark.parametrize("body", NO_REQUESTS.values(), ids=NO_REQUESTS)
def test_what_is_no_request_is_refused(body: bytes) -> None:
    with pytest.raises(Refusal, match="JSON|object|UTF-8"):
        read_chat(body)


def test_a_text_must_be_there_to_go_on_with() -> None:
    for body in (b"{}", b'{"prompt": ""}', b'{"prompt": [1, 2]}', b'{"prompt": ["a"]}'):
        with pytest.raises(Refusal) as refusal:
            read_completion(body)
        assert refusal.value.param == "prompt"
