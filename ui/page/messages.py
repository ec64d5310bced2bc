"""What a page said, as what it has to be, and no longer than it may be: a page can send anything."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

#: No message of a page is longer: the longest brings a profile that was exported.
MOST_MESSAGE = 16 * 2**20


def message_of(text: str) -> Mapping[str, Any]:
    """The message in what a page sent.

    Raises:
        ValueError: it is none, or too long.
    """
    if len(text) > MOST_MESSAGE:
        raise ValueError(f"the page sent more than {MOST_MESSAGE // 2**20} MiB at once")
    try:
        message = json.loads(text)
    except (ValueError, RecursionError):
        message = None
    if not isinstance(message, Mapping):
        raise ValueError("the page sent something that nobody understands")
    return message


def text_of(message: Mapping[str, Any], field: str, most: int, default: str | None = None) -> str:
    """A text in a message.

    Raises:
        KeyError: there is none, and no default.
        TypeError: it is no text.
        ValueError: it is longer than `most` characters.
    """
    return _text(message[field] if default is None else message.get(field, default), field, most)


def texts_of(message: Mapping[str, Any], field: str, many: int, most: int) -> list[str]:
    """A list of texts in a message.

    Raises:
        KeyError: there is none.
        TypeError: it is no list of texts.
        ValueError: there are more than `many`, or one is longer than `most` characters.
    """
    given = message[field]
    if not isinstance(given, list):
        raise TypeError(f"{field} is no list")
    if len(given) > many:
        raise ValueError(f"{field}: {len(given):,} are more than the {many:,} that there can be")
    return [_text(one, field, most) for one in given]


def _text(value: Any, field: str, most: int) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{field} is no text")
    if len(value) > most:
        raise ValueError(f"{field}: {len(value):,} characters are more than the {most:,} that there can be")
    return value
