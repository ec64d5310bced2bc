"""A reply that grows, as plain data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Partial:
    """What there is of a reply: its text, and of how many tokens it is made."""

    text: str
    tokens: int


def cut(text: str, stop_strings: Sequence[str], final: bool) -> tuple[str, bool]:
    """`text` up to the first stop string, and whether there was one.

    Unless `final`, an end that may be the beginning of a stop string, or half a character, is held back.
    """
    found = [at for at in (text.find(stop) for stop in stop_strings) if at >= 0]
    if found:
        return text[: min(found)], True
    if final:
        return text, False
    text = text.rstrip("\ufffd")
    held = [n for stop in stop_strings for n in range(1, min(len(stop), len(text) + 1)) if text.endswith(stop[:n])]
    return text[: len(text) - max(held, default=0)], False
