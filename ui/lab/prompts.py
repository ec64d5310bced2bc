"""Several prompts at once, as a page's text box holds them: one a line, or a chat a line as JSON."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass

from ...lora_ops.lab.questions import read_prompts

Message = dict[str, str]


@dataclass(frozen=True)
class Chat:
    """A chat that ends with what its user says.

    Attributes:
        messages: as they were given.
        text: what the user says last.
        before: the turns before it, each what the user said and what was answered.
        system: its system message; several are one, in their order. Empty if it has none.
    """

    messages: tuple[Message, ...]
    text: str
    before: tuple[tuple[str, str], ...]
    system: str = ""


def chats(text: str, name: str = "the field of prompts") -> list[Chat]:
    """The chats in a text box.

    Raises:
        ValueError: it is empty, too long, or a line is not understood; the message names the line.
    """
    return [_chat(messages) for messages in read_prompts(text.encode("utf-8", "replace"), name)]


def text_of_file(data: str, name: str) -> str:
    """A file of prompts as text for the text box: as it is where it has one prompt a line, else as JSONL.

    Args:
        data: the file as base64.
        name: what it is called.

    Raises:
        ValueError: it is no text, empty, too long, or a line is not understood; the message names file and line.
    """
    return as_lines(read_prompts(decoded(data), name))


def decoded(data: str) -> bytes:
    """The bytes of a file that a page sent as base64.

    Raises:
        ValueError: it is no base64.
    """
    try:
        return base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("the file did not arrive whole: choose it again") from None


def as_lines(prompts: Sequence[Sequence[Message]]) -> str:
    """What `chats` reads: one prompt a line, or JSONL if any of them needs it."""
    plain = "\n".join(messages[-1]["content"] for messages in prompts)
    try:
        if read_prompts(plain.encode("utf-8"), "the field of prompts") == [list(messages) for messages in prompts]:
            return plain
    except ValueError:
        pass  # a single prompt that reads like broken JSON, for one
    lines = (json.dumps({"messages": list(messages)}, ensure_ascii=False) for messages in prompts)
    # The one control character that JSON leaves as it is: it would be taken for binary data.
    return "\n".join(lines).replace("\x7f", "\\u007f")


def _chat(messages: Sequence[Message]) -> Chat:
    *earlier, last = [message for message in messages if message["role"] != "system"]
    turns: list[tuple[str, str]] = []
    for message in earlier:
        if message["role"] == "user":
            turns.append((message["content"], ""))
        elif turns:
            said, answered = turns[-1]
            turns[-1] = (said, f"{answered}\n{message['content']}".strip())
        else:
            turns.append(("", message["content"]))
    system = "\n\n".join(message["content"] for message in messages if message["role"] == "system")
    return Chat(tuple(messages), last["content"], tuple(turns), system)
