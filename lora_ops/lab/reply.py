"""What one column says: its tokens, its text, and where it ends."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Literal

Finish = Literal["", "end", "length", "stop string", "stopped"]

_HALF_A_CHARACTER = "\ufffd"
#: How many tokens are decoded at once before the older ones of them may be settled, and how often that is tried.
_TAIL, _STEP = 64, 32


class Reply:
    """Grows token by token until it ends: at an end token, at a stop string (which is cut off), or when it is closed.

    Args:
        tokenizer: turns the ids into text.
        end_ids: the ids that end a reply; they are not part of it.
        stop_strings: texts that end a reply; they are not part of it.
        skip_special_tokens: whether special tokens are left out of the text.
    """

    def __init__(
        self, tokenizer: Any, end_ids: Iterable[int], stop_strings: Sequence[str], skip_special_tokens: bool = True
    ) -> None:
        self._tokenizer = tokenizer
        self._end_ids = frozenset(end_ids)
        self._stop_strings = tuple(text for text in stop_strings if text)
        self._skip = skip_special_tokens
        self.token_ids: list[int] = []
        self.text = ""
        self.finish: Finish = ""
        self._settled = ""
        self._settled_tokens = 0

    def add(self, token_id: int) -> None:
        """Takes the next token, unless the reply has ended."""
        if self.finish:
            return
        if token_id in self._end_ids:
            self.finish = "end"
            return
        self.token_ids.append(token_id)
        decoded = self._decoded()
        if (at := first_stop(decoded, self._stop_strings)) is not None:
            decoded, self.finish = decoded[:at], "stop string"
        self.text = decoded

    def _decoded(self) -> str:
        """The text of all tokens. What is settled is not decoded again, so that a long reply stays cheap to follow."""
        tail = self._decode(self.token_ids[self._settled_tokens :])
        new = len(self.token_ids) - self._settled_tokens
        if new < _TAIL or new % _STEP or _HALF_A_CHARACTER in tail:
            return self._settled + tail
        # Some tokenizers write a token differently where a text begins: then it is tried again later.
        cut = self._settled_tokens + new - _STEP
        first, last = self._decode(self.token_ids[self._settled_tokens : cut]), self._decode(self.token_ids[cut:])
        decoded = self._settled + tail
        if first + last == tail:
            self._settled, self._settled_tokens = self._settled + first, cut
        return decoded

    def _decode(self, token_ids: Sequence[int]) -> str:
        text: str = self._tokenizer.decode(token_ids, skip_special_tokens=self._skip)
        return text

    def close(self, finish: Finish) -> None:
        """Ends the reply where it is, unless it has ended."""
        self.finish = self.finish or finish

    @property
    def shown(self) -> str:
        """The text as far as it is sure: without half a character, and without what may turn out a stop string."""
        text = self.text.rstrip(_HALF_A_CHARACTER)
        return text if self.finish else text[: len(text) - beginning_of_a_stop(text, self._stop_strings)]


def first_stop(text: str, stop_strings: Sequence[str]) -> int | None:
    """Where the first stop string in `text` begins, or None.

    >>> first_stop("Aye.\\nYou: hm", ["\\nYou:", "hm"])
    4
    """
    return min((at for stop in stop_strings if (at := text.find(stop)) >= 0), default=None)


def beginning_of_a_stop(text: str, stop_strings: Sequence[str]) -> int:
    """How many characters at the end of `text` may be the beginning of a stop string.

    >>> beginning_of_a_stop("Aye.\\nYo", ["\\nYou:"])
    3
    """
    return max(
        (size for stop in stop_strings for size in range(1, len(stop)) if text.endswith(stop[:size])),
        default=0,
    )
