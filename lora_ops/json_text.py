"""Reading JSON that people or strangers wrote: every value has one meaning, or the text is refused."""

from __future__ import annotations

import json
from typing import Any


def from_json(text: str | bytes) -> Any:
    """What a JSON text says. Numbers may be infinite or none (NaN): who knows what they are for refuses them by name.

    Raises:
        ValueError: it is no JSON, nested without end, or names something twice in one object, so that nobody knows
            which of the two is meant.
    """
    try:
        return json.loads(text, object_pairs_hook=_object)
    except RecursionError:
        raise ValueError("it is nested too deep") from None


def to_json(data: Any) -> str:
    """Readable JSON, as `from_json` reads it.

    Raises:
        ValueError: it holds a number that is not finite, or text that is none (half a character).
    """
    text = json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise ValueError(f"{text[error.start : error.end]!r} in it is no text") from None
    return text


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        seen: set[str] = set()
        twice = next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]
        raise ValueError(f"{twice[:60]!r} is named twice in it")
    return found
