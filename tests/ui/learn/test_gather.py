"""Filling the basket: typed, picked, read from a file, said in the chat; what cannot be is refused beside its field."""

from __future__ import annotations

import base64
from dataclasses import asdict
from pathlib import Path

import pytest
from helpers.compared import compared
from helpers.shelved import ask, opened, refused, shelf_host, work
from helpers.tiny import pirate

from lora_mixer.hosts.standalone.history import History
from lora_mixer.hosts.standalone.prompt import Settings
from lora_mixer.lora_ops.learning.lessons import lessons_of
from lora_mixer.ui.adapters import orders as adapters
from lora_mixer.ui.page.orders import OpenPage
from lora_mixer.ui.page.studio import Studio

TALK = History().say("Ahoy").answer("Arr!").say("Who are you?").answer("A pirate.").say("And now?")


@pytest.fixture
def console(tmp_path: Path) -> Studio:
    return opened(shelf_host(tmp_path, pirate()))


def where(console: Studio, do: str, **said: object) -> str:
    answer = adapters.ORDERS.obey(OpenPage(console, "page"), {"do": do, **said})
    return str(answer["refused"]["at"])


def jsonl(*lines: str) -> str:
    return base64.b64encode("\n".join(lines).encode()).decode()


def test_what_is_typed_is_listed_and_can_be_removed(console: Studio) -> None:
    ask(console, "learn type", prompt="Ahoy", reply="Arr! <b>")
    told = ask(console, "learn type", prompt="Who?", reply="x" * 1000)["learning"]
    assert told["count"] == 2 and told["examples"][0] == {
        "key": 1, "prompt": "Ahoy", "reply": "Arr! <b>", "source": "typed",
    }  # fmt: skip
    assert len(told["examples"][1]["reply"]) == 281
    assert where(console, "learn type", prompt=" ", reply="Arr!") == "prompt"
    assert where(console, "learn type", prompt="Ahoy", reply="\n") == "reply"
    assert "already" in refused(console, "learn type", prompt="Ahoy", reply="Arr! <b>")
    assert ask(console, "learn remove", example=1)["learning"]["count"] == 1
    assert ask(console, "learn clear")["learning"]["examples"] == []


def test_a_reply_that_was_compared_is_picked_with_the_very_tokens_that_were_asked(console: Studio) -> None:
    assert "compare again" in refused(console, "learn like", row=0, column=0)
    sheet = compared(console, "Ahoy there")
    assert "as example 1" in ask(console, "learn like", row=0, column=1)["said"]
    assert "already" in ask(console, "learn like", row=0, column=1)["said"]
    [wanted] = console.classrooms.of("page").basket.examples
    [lesson] = lessons_of([wanted.example], console.host.engine.tokens, None)
    assert lesson.prompt == sheet.rows[0].asked.token_ids
    assert wanted.question == "Ahoy there" and wanted.model == console.host.model_name
    for row, column in ((1, 0), (0, 2), (-1, 0)):
        assert "no such reply" in refused(console, "learn like", row=row, column=column)


def test_a_chat_that_was_compared_is_picked_as_a_chat(console: Studio) -> None:
    compared(console, "Ahoy\nWho are you?")
    ask(console, "learn like", row=1, column=0)
    [wanted] = console.classrooms.of("page").basket.examples
    assert wanted.example.prompt == ({"role": "user", "content": "Who are you?"},)


def test_a_file_is_read_and_what_was_there_is_said(console: Studio) -> None:
    lines = ('{"prompt": "Ahoy", "completion": "Arr!"}', '{"prompt": "Who?", "completion": "A pirate."}')
    assert ask(console, "learn read", name="a.jsonl", data=jsonl(lines[0]))["said"] == "1 example from a.jsonl."
    said = ask(console, "learn read", name="b.jsonl", data=jsonl(*lines))["said"]
    assert said == "1 example from b.jsonl. 1 was there already."
    assert "b.jsonl, line 1: this is no JSON" in refused(console, "learn read", name="b.jsonl", data=jsonl("Ahoy"))
    assert where(console, "learn read", name="b.jsonl", data="no base64") == "file"


def test_the_chats_replies_are_taken_each_after_what_was_said_before(console: Studio) -> None:
    values = [TALK, *asdict(Settings(max_new_tokens=6)).values()]
    assert work(console, "learn chat", values)["job"]["text"] == "2 examples from the chat."
    first, second = console.classrooms.of("page").basket.examples
    assert (first.question, first.example.reply) == ("Ahoy", "Arr!")
    assert (second.question, second.example.reply) == ("Who are you?", "A pirate.")
    asked = console.host.ask_again([TALK.settled().__class__(TALK.turns[:2]), *values[1:]])
    assert second.example.prompt == asked.token_ids
    assert "already" in work(console, "learn chat", values)["job"]["text"]


def test_a_chat_without_a_reply_says_so(console: Studio) -> None:
    with pytest.raises(RuntimeError, match="no reply to learn from"):
        work(console, "learn chat", [History().say("Ahoy"), *asdict(Settings()).values()])
