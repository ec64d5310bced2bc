"""What a page says and is told, as text: a page can send anything, and is handed only what it can read."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, Field, ValidationInfo
from pydantic_core import from_json

#: No message of a page is longer: the longest brings a profile that was exported, or an experiment.
MOST_MESSAGE = 64 * 2**20
_counted = itertools.count(1)


class NotUnderstood(ValueError):
    """What a page said is not what a page of ours would say."""

    def __init__(self, why: str) -> None:
        super().__init__(f"the page said something that nobody understands: {why}")


def message_of(said: str | Mapping[str, Any] | None) -> Mapping[str, Any]:
    """The message in what a page sent: a JSON object.

    Raises:
        NotUnderstood: it is none.
        ValueError: it is too long.
    """
    if isinstance(said, Mapping):
        return said
    if len(said or "") > MOST_MESSAGE:
        raise ValueError(f"the page sent more than {MOST_MESSAGE // 2**20} MiB at once")
    try:
        message = from_json(said or "", allow_inf_nan=False)
    except (ValueError, TypeError):  # half of a surrogate pair is no text to it
        message = None
    if not isinstance(message, Mapping):
        raise NotUnderstood("this is no message")
    return message


def number_of(message: Mapping[str, Any]) -> int | None:
    """The number under which a page said something, for its answer; None if it gave none."""
    number = message.get("seq")
    return number if type(number) is int else None


def counted(news: Mapping[str, Any]) -> str:
    """As text. Gradio passes on only what differs from what the page got before: each is one of its own."""
    return json.dumps({"n": next(_counted), **news}, allow_nan=False, separators=(",", ":"))


def at_most(most: int) -> AfterValidator:
    """For a text that a page may send, with so many characters; its user may have typed more."""

    def check(text: str, info: ValidationInfo) -> str:
        if len(text) > most:
            raise ValueError(f"{info.field_name}: {len(text):,} characters are more than the {most:,} there can be")
        return text

    return AfterValidator(check)


def named(name: str) -> Any:
    """For what is checked where it is used, and has a type of this name in `messages.js`."""
    return Field(json_schema_extra={"named": name})


#: What something is called.
Name = Annotated[str, at_most(1_000)]
#: A whole text, as a user types or pastes it, and a file as base64.
Words = Annotated[str, at_most(10_000_000)]
File = Annotated[str, at_most(MOST_MESSAGE)]
#: Several names; nobody loads or unloads more adapters at once.
Names = Annotated[list[Name], Field(max_length=1_000)]
#: A number as it was typed into a field, or none.
Typed = Annotated[str, at_most(10_000)] | float | None
