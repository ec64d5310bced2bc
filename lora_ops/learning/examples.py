"""Prompts with the reply that one wants: pairs, or a file of chats."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ..lab import questions

#: As a chat template takes it: {"role": "user", "content": "Ahoy"}.
Message = dict[str, str]

MAX_EXAMPLES = 10_000
_FORMS = (
    '{"messages": [{"role": "user", "content": "…"}, {"role": "assistant", "content": "…"}]}, '
    '{"prompt": "…", "completion": "…"} or {"conversations": [{"from": "human", "value": "…"}, '
    '{"from": "gpt", "value": "…"}]}'
)
#: What ShareGPT calls those who speak.
_SPEAKERS = {
    "human": "user",
    "user": "user",
    "gpt": "assistant",
    "assistant": "assistant",
    "chatgpt": "assistant",
    "system": "system",
}
_REPLIES = ("completion", "response", "reply", "output")
_LINES = re.compile(r"\r\n|\n|\r")


@dataclass(frozen=True)
class Example:
    """What is asked, and the reply that one wants.

    Attributes:
        prompt: what the user says; or a whole chat that ends with the user's message; or token ids.
        reply: a text, or token ids.
    """

    prompt: str | tuple[Message, ...] | tuple[int, ...]
    reply: str | tuple[int, ...]


def check_enough(count: int) -> None:
    """Refuses so few examples that none could be held out.

    Raises:
        ValueError: fewer than two.
    """
    if count < 2:
        raise ValueError(
            f"learning needs at least two examples, and was given {count}: one to learn from, and one to hold out, "
            "which tells whether what was learned holds for others"
        )


def read_examples(data: bytes, name: str) -> list[Example]:
    """The examples in a file of JSONL, one a line; a file called .json may be one list of them.

    A line is a chat as OpenAI takes it (`messages`), a `prompt` with its `completion` (or response, reply, output), or
    a conversation of ShareGPT. The last message of the assistant is the reply, what stands before it the prompt.

    >>> read_examples(b'{"prompt": "Hello!", "completion": "Ahoy!"}', "examples.jsonl")[0].reply
    'Ahoy!'

    Args:
        data: what the file holds: UTF-8, or UTF-16 with its byte order mark.
        name: what it is called, for messages.

    Raises:
        ValueError: it is no text, empty, too long, no JSONL, or a line is not understood; the message names the line.
    """
    text = questions._text(data, name)
    found: list[Example] = []
    for where, item in _items(text, name):
        if len(found) == MAX_EXAMPLES:
            raise ValueError(f"{name} holds more than {MAX_EXAMPLES:,} examples: make it shorter")
        try:
            found.append(_example(item))
        except ValueError as error:
            raise ValueError(f"{name}, {where}: {error}") from None
    if not found:
        raise ValueError(f"{name} is empty: write one example a line, as {_FORMS}")
    return found


def as_example(given: Any, at: int) -> Example:
    """An example out of a pair, the `at`-th of several (from 1).

    Raises:
        ValueError: it is no pair of a prompt and a reply.
    """
    if isinstance(given, Example):
        return given
    if isinstance(given, dict):
        return _example(given)
    if isinstance(given, str) or not isinstance(given, Sequence) or len(given) != 2:
        raise ValueError(f"example {at} is no pair of a prompt and a reply")
    prompt, reply = (_plain(one) for one in given)
    if not isinstance(prompt, str) and prompt and isinstance(prompt[0], dict):
        prompt = tuple(questions._message(message, place) for place, message in enumerate(prompt, 1))
    return Example(prompt, reply)


def _plain(one: Any) -> Any:
    if hasattr(one, "tolist"):  # a tensor: shape (tokens,) or (1, tokens)
        one = one.tolist()
        one = one[0] if one and isinstance(one[0], list) else one
    return one if isinstance(one, str) else tuple(one)


def _items(text: str, name: str) -> Iterator[tuple[str, Any]]:
    if name.lower().endswith(".json"):
        try:
            whole = json.loads(text)
        except (ValueError, RecursionError):
            whole = None
        if isinstance(whole, list):
            yield from ((f"example {at}", item) for at, item in enumerate(whole, 1))
            return
    for at, line in enumerate(_LINES.split(text), 1):
        if not line.strip():
            continue
        try:
            yield f"line {at}", json.loads(line)
        except (ValueError, RecursionError) as error:
            why = f" ({error.msg} at character {error.pos + 1})" if isinstance(error, json.JSONDecodeError) else ""
            raise ValueError(f"{name}, line {at}: this is no JSON{why}; in JSONL each line is {_FORMS}") from None


def _example(item: Any) -> Example:
    if not isinstance(item, dict):
        raise ValueError(f"this is no example; each is {_FORMS}")
    if "prompt" in item:
        return _completed(item)
    if "conversations" in item:
        return _chat([_spoken(turn, at) for at, turn in enumerate(_list(item["conversations"]), 1)])
    if "messages" in item:
        return _chat(_list(item["messages"]))
    raise ValueError(f"this is no example: it has neither messages nor prompt nor conversations; each is {_FORMS}")


def _completed(item: dict[str, Any]) -> Example:
    names = [name for name in _REPLIES if name in item]
    if len(names) != 1:
        raise ValueError(f"a prompt needs one completion beside it, and this has {' and '.join(names) or 'none'}")
    prompt, reply = item["prompt"], item[names[0]]
    if isinstance(prompt, list) and isinstance(reply, list):  # as TRL writes chats
        return _chat([*prompt, *reply])
    if not isinstance(prompt, str) or not isinstance(reply, str):
        raise ValueError(f"prompt and {names[0]} must be texts")
    if not reply:
        raise ValueError(f"the {names[0]} is empty: there is no reply to learn from")
    return Example(prompt, reply)


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise ValueError("a chat is a list of messages")
    return value


def _spoken(turn: Any, at: int) -> Message:
    if not isinstance(turn, dict) or turn.get("from") not in _SPEAKERS:
        raise ValueError(f"message {at} is not from one of {', '.join(_SPEAKERS)}")
    return {"role": _SPEAKERS[turn["from"]], "content": turn.get("value", "")}


def _chat(messages: list[Any]) -> Example:
    found = [questions._message(message, at) for at, message in enumerate(messages, 1)]
    while found and found[-1]["role"] != "assistant":
        found.pop()
    if not found:
        raise ValueError("this chat has no message of the assistant: there is no reply to learn from")
    if len(found) == 1:
        raise ValueError("this chat begins with its only reply: there is nothing that it replies to")
    return Example(tuple(found[:-1]), found[-1]["content"])
