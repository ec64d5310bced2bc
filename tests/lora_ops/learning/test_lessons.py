"""Examples as token ids: what a template makes of them, what stands as it is, and what is refused by its place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from helpers import tiny
from helpers.tiny import pirate

from lora_mixer.lora_ops import Desk, Example, learn
from lora_mixer.lora_ops.learning.lessons import lessons_of, texts_of

TEMPLATE = "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}<say>"
CHAT = (
    {"role": "user", "content": "Hello!"},
    {"role": "assistant", "content": "Ahoy!"},
    {"role": "user", "content": "Who?"},
)


def tokens_of(template: str | None = None) -> Any:
    tokens = tiny.tokenizer()
    tokens.chat_template = template
    return tokens


def prompt(example: Any, tokens: Any, chat: bool = True) -> str:
    [lesson] = lessons_of([example], tokens, None, chat)
    return tokens.decode(lesson.prompt)


def test_what_a_user_says_is_put_into_the_template_that_there_is():
    assert prompt(("Hello!", "Ahoy!"), tokens_of(TEMPLATE)) == "<user>Hello!<say>"
    assert prompt(("Hello!", "Ahoy!"), tokens_of(TEMPLATE), chat=False) == "Hello!"
    assert prompt(("Hello!", "Ahoy!"), tokens_of()) == "Hello!"


def test_a_text_that_a_template_has_made_is_not_put_into_one_again():
    assert prompt(("<eos>Hello!", "Ahoy!"), tokens_of(TEMPLATE)) == "<eos>Hello!"


def test_a_whole_chat_is_read_with_and_without_a_template():
    assert prompt(Example(CHAT, "Me."), tokens_of(TEMPLATE)) == "<user>Hello!<assistant>Ahoy!<user>Who?<say>"
    assert prompt(Example(CHAT, "Me."), tokens_of()) == "user: Hello!\nassistant: Ahoy!\nuser: Who?\nassistant:"


def test_token_ids_are_taken_as_they_are_and_no_end_is_put_after_a_reply():
    tokens = tokens_of(TEMPLATE)
    ids = tuple(tiny.ids_of("Ahoy!"))
    assert [(one.prompt, one.reply) for one in lessons_of([((5, 6), (7,)), ("Hi", "Ahoy!")], tokens, None, False)] == [
        ((5, 6), (7,)),
        (tuple(tiny.ids_of("Hi")), ids),
    ]


def test_of_a_text_to_keep_all_but_the_first_token_is_the_reply():
    [text, pair] = texts_of(["The sea is calm", ("Hello!", "Ahoy!")], tokens_of(), 100)
    ids = tuple(tiny.ids_of("The sea is calm"))
    assert (text.prompt, text.reply) == (ids[:1], ids[1:])
    assert pair.reply == tuple(tiny.ids_of("Ahoy!"))


@pytest.fixture(scope="module")
def desk() -> Desk:
    return Desk(pirate())


@pytest.mark.parametrize(
    "examples, words",
    [
        ([("Ahoy", "there"), ("Who?", "")], "example 2 has no token"),
        ([("Ahoy", "there"), ("Who?", "x" * 300)], "example 2 is .* tokens long"),
        ([("Ahoy", "there"), "me"], "example 2 is no pair"),
        ([("Ahoy", "there"), ("", "me")], "the prompt of example 2 has no token"),
        ([("Ahoy", "there"), ((), (3,))], "the prompt of example 2 has no token"),
    ],
)
def test_bad_examples_are_refused_by_their_place(desk: Desk, examples: Any, words: str):
    with pytest.raises(ValueError, match=words):
        learn(desk, tiny.tokenizer(), examples)


@pytest.mark.parametrize(
    "keep, words",
    [
        (["The sea", ""], "text 2 of those to keep has fewer than two tokens"),
        (["The sea", "x" * 300], "text 2 of those to keep is .* tokens long; this model reads 256"),
        (["The sea", ("Who?", "")], "has no token"),
    ],
)
def test_bad_texts_to_keep_are_refused_by_their_place(desk: Desk, keep: Sequence[Any], words: str):
    with pytest.raises(ValueError, match=words):
        learn(desk, tiny.tokenizer(), [("Ahoy", "there"), ("Who?", "me")], keep=keep)
