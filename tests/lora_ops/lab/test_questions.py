"""Prompts come out of files of every form, and what cannot be one is named by file and line."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lora_mixer.lora_ops.lab import questions
from lora_mixer.lora_ops.lab.questions import read_prompts


def user(text: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": text}]


CHAT = [
    {"role": "system", "content": "Be short."},
    {"role": "user", "content": "Ahoy"},
    {"role": "assistant", "content": "Aye?"},
    *user("Who are you?"),
]


@pytest.mark.parametrize(
    ("data", "name", "expected"),
    [
        (b"Ahoy\n\n  Who are you?  \r\nBye", "p.txt", [user("Ahoy"), user("Who are you?"), user("Bye")]),
        ("\ufeffähoi".encode(), "p.txt", [user("ähoi")]),
        ("ähoi\nbye".encode("utf-16"), "p.txt", [user("ähoi"), user("bye")]),
        (b'"Quoted" he said\n[1] is a footnote', "p.txt", [user('"Quoted" he said'), user("[1] is a footnote")]),
        (b"1\n2", "p.txt", [user("1"), user("2")]),
        (json.dumps({"messages": CHAT, "id": 7}).encode(), "p.jsonl", [CHAT]),
        (json.dumps(CHAT).encode(), "no ending", [CHAT]),
        (b'{"prompt": "Ahoy"}\n\n"Bye"\n', "p.ndjson", [user("Ahoy"), user("Bye")]),
        (b'{"prompt": "Ahoy"}\n"Bye"\n', "p.txt", [user("Ahoy"), user("Bye")]),
        (json.dumps([{"prompt": "Ahoy"}, CHAT, "Bye"], indent=2).encode(), "p.json", [user("Ahoy"), CHAT, user("Bye")]),
        (json.dumps(CHAT, indent=2).encode(), "p.json", [CHAT]),
        (b'{"prompt": "a\\nb"}', "p.jsonl", [user("a\nb")]),
        ('"one\u2028line"'.encode(), "p.jsonl", [user("one\u2028line")]),
        (json.dumps([{"role": "user", "content": [{"text": "A"}, {"text": "B"}]}]).encode(), "p.jsonl", [user("AB")]),
        (b"<script>alert(1)</script>", "p.txt", [user("<script>alert(1)</script>")]),
    ],
)  # fmt: skip
def test_files_of_every_form(data: bytes, name: str, expected: Any):
    assert read_prompts(data, name) == expected


@pytest.mark.parametrize(
    ("data", "name", "told"),
    [
        (b"", "p.txt", "p.txt is empty"),
        (b" \n\n", "p.jsonl", "p.jsonl is empty"),
        (b"Ahoy\n\xff\xfe\x00", "p.txt", "p.txt, line 2: this is no text in UTF-8"),
        (b"Ahoy\nB\x00ye", "p.txt", "p.txt, line 2: this is no text but binary"),
        (b"\x89PNG\r\n\x1a\n", "p.png", "p.png, line 1: this is no text"),
        (b'"Ahoy"\nBye', "p.jsonl", "p.jsonl, line 2: this is no JSON (Expecting value at character 1)"),
        (b'{"messages": [}', "p.txt", "p.txt, line 1: this is no JSON"),
        (b"[" * 100_000, "p.jsonl", "p.jsonl, line 1: this is no JSON"),
        (b'{"text": "Ahoy"}', "p.jsonl", "line 1: this is no chat: it has neither messages nor prompt"),
        (b'{"prompt": ["Ahoy"]}', "p.jsonl", "line 1: prompt is a list, not a text"),
        (b'"Ahoy"\n7', "p.jsonl", "line 2: this is a number, not"),
        (b"[]", "p.jsonl", "line 1: this chat has no message"),
        (b"[]", "p.json", "p.json, the only chat: this chat has no message"),
        (b'["Ahoy", 7]', "p.json", "p.json, chat 2: this is a number"),
        (b'["Ahoy"]', "p.jsonl", "line 1: message 1 is a text, not an object"),
        (b'[{"role": "pirate", "content": "Aye"}]', "p.jsonl", "message 1 has the role 'pirate': it can be system"),
        (b'[{"role": "user", "content": null}]', "p.jsonl", "message 1 has nothing as content"),
        (b'[{"role": "user", "content": " "}]', "p.jsonl", "message 1 is empty"),
        (b'[{"role": "user", "content": [{"type": "image_url"}]}]', "p.jsonl", "message 1 holds something else than"),
        (b'[{"role": "assistant", "content": "Aye"}]', "p.jsonl", "the last message is the assistant's"),
        (b'"\\ud83d"', "p.jsonl", "message 1 holds half a character"),
        (b'"\\u0000"', "p.jsonl", "message 1 holds half a character, or one that is no text"),
        (b"a" * (questions.MAX_CHARACTERS + 1), "p.txt", "line 1: this prompt is longer than 100,000"),
        (b"a\n" * (questions.MAX_PROMPTS + 1), "p.txt", "more than 1,000 prompts"),
        (b"a" * (questions.MAX_BYTES + 1), "p.txt", "8 MB large, and 8 MB"),
    ],
)
def test_what_is_wrong_is_told_with_file_and_line(data: bytes, name: str, told: str):
    with pytest.raises(ValueError) as error:
        read_prompts(data, name)
    assert told in str(error.value)
    assert len(str(error.value)) < 300


@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode), st.sampled_from(["p.txt", "p.jsonl", "p.json"]))
def test_any_file_is_prompts_or_a_value_error(data: bytes, name: str):
    try:
        prompts = read_prompts(data, name)
    except ValueError as error:
        assert name in str(error)
        return
    assert prompts
    for chat in prompts:
        assert chat[-1]["role"] == "user"
        assert all(message["content"].strip() for message in chat)


contents = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=30).filter(str.strip)
messages = st.lists(st.fixed_dictionaries({"role": st.sampled_from(["system", "assistant"]), "content": contents}))
chats = st.builds(lambda before, last: [*before, *user(last)], messages, contents)


@given(st.lists(chats, min_size=1, max_size=5), st.booleans())
def test_chats_come_back_out_of_jsonl(several: list[Any], ascii_only: bool):
    lines = [json.dumps({"messages": chat}, ensure_ascii=ascii_only) for chat in several]
    assert read_prompts("\n".join(lines).encode(), "p.jsonl") == several
    assert read_prompts("\n".join(lines).encode(), "anything") == several
