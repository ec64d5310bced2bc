"""The text box of prompts: what it holds is asked as it was meant, and a file comes into it and out of it whole."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lora_mixer.lora_ops.lab.questions import read_prompts
from lora_mixer.ui.lab.prompts import as_lines, chats, decoded, text_of_file


def said(role: str, content: str) -> dict[str, str]:
    return {"role": role, "content": content}


CONTENTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1).filter(str.strip)
CHATS = st.builds(
    lambda before, last: [*before, said("user", last)],
    st.lists(st.builds(said, st.sampled_from(["system", "user", "assistant"]), CONTENTS), max_size=3),
    CONTENTS,
)


@given(st.lists(CHATS, min_size=1, max_size=4))
def test_any_prompts_come_out_of_the_box_as_they_went_in(prompts: list[list[dict[str, str]]]) -> None:
    assert [list(chat.messages) for chat in chats(as_lines(prompts))] == prompts


@pytest.mark.parametrize(
    "content",
    ["\x7f", "a\x7fb", "a\nb", "\ufeffa", " a ", '{"prompt": "a"}', '"a"', "[1]", "a\u2028b", "\x85a", "a\rb"],
    ids=ascii,
)
def test_a_prompt_that_reads_like_something_else_stays_what_it_is(content: str) -> None:
    assert [chat.text for chat in chats(as_lines([[said("user", content)]]))] == [content]


def test_plain_prompts_stand_in_plain_lines() -> None:
    assert as_lines([[said("user", "Ahoy")], [said("user", "Who are you?")]]) == "Ahoy\nWho are you?"


@given(st.lists(CHATS, min_size=1, max_size=3))
def test_a_file_is_asked_as_it_is_meant(prompts: list[list[dict[str, str]]]) -> None:
    data = "\n".join(json.dumps({"messages": chat}) for chat in prompts).encode()
    text = text_of_file(base64.b64encode(data).decode(), "prompts.jsonl")
    assert [list(chat.messages) for chat in chats(text)] == prompts == read_prompts(data, "prompts.jsonl")


@pytest.mark.parametrize("data", ["%", "QUJD é", "QUJ", "QU JD", "QUJD\n"])
def test_a_file_that_did_not_arrive_whole_is_refused(data: str) -> None:
    with pytest.raises(ValueError, match="choose it again"):
        decoded(data)


def test_a_chat_is_told_in_turns_and_its_system_messages_in_one() -> None:
    messages = [
        said("system", "Be short."), said("assistant", "Aye?"), said("user", "Ahoy"), said("assistant", "Aye"),
        said("assistant", "aye"), said("system", "Be kind."), said("user", "One"), said("user", "Two"),
    ]  # fmt: skip
    [chat] = chats(json.dumps(messages))
    assert chat.messages == tuple(messages)
    assert (chat.text, chat.system) == ("Two", "Be short.\n\nBe kind.")
    assert chat.before == (("", "Aye?"), ("Ahoy", "Aye\naye"), ("One", ""))


def test_an_empty_box_and_half_characters_are_a_value_error_or_text() -> None:
    with pytest.raises(ValueError, match="the field of prompts is empty"):
        chats(" \n ")
    assert [chat.text for chat in chats("a\ud800b")] == ["a?b"]
