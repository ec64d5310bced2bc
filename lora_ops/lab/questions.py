"""Prompts from a file: one a line, or chats as JSON, one a line."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

MAX_BYTES = 8_000_000
MAX_PROMPTS = 1000
MAX_CHARACTERS = 100_000  # in one prompt; whether it fits the model's context is only known with the model

#: As tokenizers' chat templates take it: {"role": "user", "content": "Ahoy"}.
Message = dict[str, str]

_ROLES = ("system", "user", "assistant")
_FORMS = '{"messages": [{"role": "user", "content": "…"}]}, {"prompt": "…"}, a list of messages, or a text in quotes'
# Not `str.splitlines`: the line ends that only it knows may stand inside a JSON string.
_LINES = re.compile(r"\r\n|\n|\r")
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")


def read_prompts(data: bytes, name: str) -> list[list[Message]]:
    """The chats in a file, each a list of messages that ends with the user's.

    A plain file has one prompt a line; lines without text are passed over. A file called .jsonl or .ndjson, or one
    whose first line is such JSON, has one chat a line: `{"messages": [...]}`, `{"prompt": "..."}`, a bare list of
    messages, or a bare text. A file called .json may also be one list of those.

    >>> read_prompts(b"Ahoy\\nWho are you?", "prompts.txt")[1]
    [{'role': 'user', 'content': 'Who are you?'}]

    Args:
        data: what the file holds: UTF-8, or UTF-16 with its byte order mark.
        name: what it is called, for messages.

    Raises:
        ValueError: it is no text, empty, too long, or a line is not understood; the message names file and line.
    """
    text = _text(data, name)
    whole = _whole(text, name)
    items = _items(text, name) if whole is None else whole
    prompts: list[list[Message]] = []
    for where, item in items:
        if len(prompts) == MAX_PROMPTS:
            raise ValueError(f"{name} holds more than {MAX_PROMPTS:,} prompts: make it shorter")
        try:
            prompts.append(_chat(item))
        except ValueError as error:
            raise ValueError(f"{name}, {where}: {error}") from None
    if not prompts:
        raise ValueError(f"{name} is empty: write one prompt a line")
    return prompts


def _text(data: bytes, name: str) -> str:
    if len(data) > MAX_BYTES:
        raise ValueError(f"{name} is {len(data) / 1e6:.0f} MB large, and {MAX_BYTES / 1e6:.0f} MB are the most")
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise ValueError(f"{name}, line {line}: this is no text in UTF-8; is it the right file?") from None
    if found := _UNPRINTABLE.search(text):
        line = text[: found.start()].count("\n") + 1
        raise ValueError(f"{name}, line {line}: this is no text but binary data; is it the right file?")
    return text


def _whole(text: str, name: str) -> list[tuple[str, Any]] | None:
    """The chats of a .json file that is one list of them."""
    if not name.lower().endswith(".json"):
        return None
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None  # then its lines may be JSON, or it is told which is not
    if not isinstance(found, list) or not found or all(_is_message(item) for item in found):
        return [("the only chat", found)]
    return [(f"chat {at}", item) for at, item in enumerate(found, 1)]


def _is_message(item: Any) -> bool:
    return isinstance(item, dict) and "role" in item


def _items(text: str, name: str) -> Iterator[tuple[str, Any]]:
    """What stands in each line that is not empty, and where."""
    lines = [(f"line {at}", line.strip()) for at, line in enumerate(_LINES.split(text), 1) if line.strip()]
    is_json = name.lower().endswith((".jsonl", ".ndjson", ".json")) or (bool(lines) and _is_chat(lines[0][1]))
    for where, line in lines:
        if not is_json:
            yield where, line
            continue
        try:
            yield where, json.loads(line)
        except (ValueError, RecursionError) as error:
            why = f" ({error.msg} at character {error.pos + 1})" if isinstance(error, json.JSONDecodeError) else ""
            raise ValueError(f"{name}, {where}: this is no JSON{why}; in JSONL each line is {_FORMS}") from None


def _is_chat(line: str) -> bool:
    if line[0] not in '{["':
        return False
    try:
        _chat(json.loads(line))
    except (ValueError, RecursionError):
        return '"messages"' in line or '"prompt"' in line
    return True


def _chat(item: Any) -> list[Message]:
    """The messages of one chat, checked."""
    if isinstance(item, dict):
        known = [key for key in ("messages", "prompt") if key in item]
        if len(known) != 1:
            raise ValueError(f"this is no chat: it has {' and '.join(known) or 'neither messages nor prompt'}")
        item = item[known[0]]
        if known == ["prompt"] and not isinstance(item, str):
            raise ValueError(f"prompt is {_kind(item)}, not a text")
    if isinstance(item, str):
        item = [{"role": "user", "content": item}]
    if not isinstance(item, list):
        raise ValueError(f"this is {_kind(item)}, not {_FORMS}")
    if not item:
        raise ValueError("this chat has no message")
    messages = [_message(message, at) for at, message in enumerate(item, 1)]
    if sum(len(message["content"]) for message in messages) > MAX_CHARACTERS:
        raise ValueError(f"this prompt is longer than {MAX_CHARACTERS:,} characters: shorten it")
    if messages[-1]["role"] != "user":
        raise ValueError(f"the last message is the {messages[-1]['role']}'s: it must be the user's, to be answered")
    return messages


def _message(message: Any, at: int) -> Message:
    if not isinstance(message, dict):
        raise ValueError(f"message {at} is {_kind(message)}, not an object with role and content")
    role, content = message.get("role"), message.get("content")
    if role not in _ROLES:
        raise ValueError(f"message {at} has the role {str(role)[:40]!r}: it can be {', '.join(_ROLES)}")
    if isinstance(content, list):
        content = _joined(content, at)
    if not isinstance(content, str):
        raise ValueError(f"message {at} has {_kind(content)} as content, not a text")
    if not content.strip():
        raise ValueError(f"message {at} is empty")
    if any("\ud800" <= character <= "\udfff" for character in content) or "\0" in content:
        raise ValueError(f"message {at} holds half a character, or one that is no text")
    return {"role": role, "content": content}


def _joined(parts: list[Any], at: int) -> str:
    """The text of a message in parts, as some write it."""
    if not all(isinstance(part, dict) and isinstance(part.get("text"), str) for part in parts):
        raise ValueError(f"message {at} holds something else than text")
    return "".join(part["text"] for part in parts)


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "a text", bool: "true or false", type(None): "nothing"}
    return names.get(type(value), "a number")
