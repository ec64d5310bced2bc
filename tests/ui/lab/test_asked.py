"""A question as the host has made it ready is asked with all that the host knows of it."""

from __future__ import annotations

from dataclasses import fields
from types import SimpleNamespace
from typing import Any

from lora_mixer.hosts.protocol import Request
from lora_mixer.lora_ops import Sampling
from lora_mixer.lora_ops.lab.batches import Question
from lora_mixer.ui.lab.asked import Asked

REQUEST = Request("<s>Hello", (1, 5, 6), Sampling(max_new_tokens=4), ("\nX",), 9, False, "Sure, ", {"own": 1})


def test_nothing_that_is_asked_is_lost_on_the_way() -> None:
    asked = Asked.of("Hello", REQUEST, ({"role": "user", "content": "Hello"},))
    for one in fields(Question):
        if hasattr(REQUEST, one.name):
            assert getattr(asked, one.name) == getattr(REQUEST, one.name), one.name
    assert asked.label == "Hello" and asked.messages[0]["content"] == "Hello" and asked.request is REQUEST


def test_the_host_answers_under_the_seed_of_the_row_and_the_question_keeps_its_own() -> None:
    heard: Any = []
    host: Any = SimpleNamespace(generate=lambda request: heard.append(request) or iter(["a", "ab"]))
    asked = Asked.of("Hello", REQUEST)
    assert list(asked.answered_by(host, 42)) == ["a", "ab"]
    assert heard[0].seed == 42 and heard[0].state == {"own": 1} and asked.request.seed == 9
