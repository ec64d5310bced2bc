"""Answers in OpenAI's form: the pieces of a stream add up to the whole."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lora_mixer.hosts.standalone.openai_answer import Answer
from lora_mixer.hosts.standalone.openai_reply import Said

GROWING = [Said("", 0), Said("Ah", 1), Said("Ah", 2), Said("Ahoy", 3)]
END = Said("Ahoy", 3, "stop")


def told(data: bytes) -> list[Any]:
    return [json.loads(one[6:]) for one in data.decode().split("\n\n") if one and one != "data: [DONE]"]


def streamed(answer: Answer) -> list[Any]:
    last = answer.last(END)
    assert last.endswith(b"data: [DONE]\n\n")
    return [one for data in (answer.first(), *map(answer.piece, [*GROWING, END]), last) for one in told(data)]


@pytest.mark.parametrize("chat", [True, False])
def test_pieces_add_up_to_the_whole(chat: bool) -> None:
    pieces, whole = streamed(Answer(chat, "tiny", 5)), Answer(chat, "tiny", 5).whole(END)
    choices = [piece["choices"][0] for piece in pieces]
    texts = [one["delta"].get("content", "") if chat else one["text"] for one in choices]
    said = whole["choices"][0]["message"]["content"] if chat else whole["choices"][0]["text"]
    assert "".join(texts) == said == "Ahoy"
    assert [one["finish_reason"] for one in choices] == [None] * (len(choices) - 1) + ["stop"]
    assert len({piece["id"] for piece in pieces}) == 1 and all(piece["model"] == "tiny" for piece in pieces)
    assert whole["usage"] == {"prompt_tokens": 5, "completion_tokens": 3, "total_tokens": 8}
    assert all("usage" not in piece for piece in pieces)
    assert not chat or choices[0]["delta"] == {"role": "assistant", "content": ""}
    kinds = {piece["object"] for piece in pieces}
    assert kinds == ({"chat.completion.chunk"} if chat else {"text_completion"})


def test_what_a_stream_took_comes_at_its_end_where_that_is_asked_for() -> None:
    pieces = streamed(Answer(True, "tiny", 5, usage=True))
    assert pieces[-1]["choices"] == [] and pieces[-1]["usage"]["total_tokens"] == 8
    assert all(piece["usage"] is None for piece in pieces[:-1])
