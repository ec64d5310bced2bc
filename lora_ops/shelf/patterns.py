"""PEFT's rules of names and patterns, in bounded time: the regular expressions of an adapter's configuration.

A pattern comes from a stranger, and some never end: Python's `re` would hold the whole process meanwhile. What is a
plain name is looked up; all else goes to the package `regex`, which transformers brings along, and which gives up when
its time is over. A pattern that would mean something else there is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from time import process_time
from typing import Any, Generic, TypeVar

Value = TypeVar("Value")

#: Processor seconds for all that is matched for one adapter; what people write takes milliseconds.
MOST_SECONDS = 2.0
#: Characters of a pattern: a list of all full names of a large model is shorter.
MOST_PATTERN = 2**18
#: A pattern that is a name, or the end of one, perhaps escaped and anchored.
_PLAIN = re.compile(r"(\^?)((?:[\w/-]|\\?\.|\\-)+)\$?")
#: What `re` and `regex` read differently, once escapes are gone: braces that are no repetition (approximate matching
#: there), and classes of characters inside of classes.
_READ_DIFFERENTLY = re.compile(r"\{(?!\d*(?:,\d*)?\})|\[:|\[\[")


class PatternError(ValueError):
    """A pattern that cannot be matched, or not in time; the message says which and why, but not where it stands."""


class Patience:
    """Processor seconds that are left for matching what one adapter asks for."""

    def __init__(self, seconds: float = MOST_SECONDS) -> None:
        self._left = seconds

    def matches(self, match: Any, name: str, pattern: str) -> bool:
        """Whether `match`, a method of a pattern of `regex`, matches a name.

        Raises:
            PatternError: it takes longer than what is left.
        """
        began = process_time()
        try:
            if self._left > 0:
                # `regex` counts by the same clock, which is that of the whole process.
                return match(name, timeout=self._left) is not None
        except TimeoutError:
            self._left = 0
        finally:
            self._left -= process_time() - began
        raise PatternError(
            f"{short(pattern)} is a regular expression that takes too long, perhaps for ever: write plain names instead"
        )


class Patterns(Generic[Value]):
    """A rank_pattern or an alpha_pattern: a value for every name whose end, from a dot on, one of its keys matches.

    >>> Patterns({"q_proj": 4, r"layers\\.(0|1)\\..*": 16}).value("model.layers.1.mlp.up_proj", 8)
    16

    Of several keys that match, the first counts (`peft.utils.other.get_pattern_key`).
    """

    def __init__(self, patterns: Mapping[str, Value] | None, patience: Patience | None = None) -> None:
        self._values = dict(patterns or {})
        self._keys = list(self._values)
        self._patience = patience or Patience()
        self._ends: dict[tuple[str, bool], int] = {}
        self._dotted: dict[int, list[int]] = {}
        self._others: list[tuple[int, Any]] = []
        for at, key in enumerate(self._keys):
            if plain := _plain(key):
                anchored, name = plain
                self._ends.setdefault((name, anchored), at)
                if re.search(r"(?<!\\)\.", key):
                    self._dotted.setdefault(len(name), []).append(at)
            else:
                self._others.append((at, key))

    @property
    def plain(self) -> bool:
        """Whether all keys are names, which PEFT itself matches in no time."""
        return not self._others

    def key(self, name: str) -> str | None:
        """The key that counts for a name; None if there is none.

        Args:
            name: of a module; of an expert parameter with the parameter's own name, `…mlp.experts.down_proj`.

        Raises:
            PatternError: a key is no regular expression, or takes too long.
        """
        first = len(self._keys)
        for end in _ends(name):
            for anchored in (False, True) if end == name else (False,):
                first = min(first, self._ends.get((end, anchored), first))
            first = next((at for at in self._dotted.get(len(end), ()) if at < first and self._by_dots(at, end)), first)
        for at, key in self._others:
            if at > first:
                break
            if self._patience.matches(_compiled(rf"(.*\.)?({key})$", key).match, name, key):
                return key
        return self._keys[first] if first < len(self._keys) else None

    def value(self, name: str, default: Value) -> Value:
        """What stands at the key that counts for a name, or `default`; errors as with `key`."""
        key = self.key(name)
        return default if key is None else self._values[key]

    def _by_dots(self, at: int, end: str) -> bool:
        """Whether a plain key matches where a dot of it, not being escaped, stands for another character."""
        anchored, name = _plain(self._keys[at]) or (False, "")
        # With as many dots in both they would be the same text.
        return not anchored and name.count(".") > end.count(".") and re.fullmatch(name, end) is not None


def pattern_value(patterns: Mapping[str, Value] | None, name: str, default: Value) -> Value:
    """What a rank_pattern or alpha_pattern says of one name; for many names, make one `Patterns`.

    Raises:
        PatternError: as with `Patterns.key`.
    """
    return Patterns(patterns).value(name, default)


def whole_matches(pattern: str, names: Iterable[str], patience: Patience | None = None) -> list[str]:
    """The names that a pattern matches from their start to their end: the rule of target_modules that are one text.

    Raises:
        PatternError: it is no regular expression, or takes too long.
    """
    patience = patience or Patience()
    match = _compiled(pattern, pattern).fullmatch
    return [name for name in names if patience.matches(match, name, pattern)]


def short(pattern: str) -> str:
    """A pattern as it stands in a message."""
    return repr(pattern if len(pattern) <= 100 else f"{pattern[:100]}…")


def _ends(name: str) -> Iterable[str]:
    """`a.b.c`, `b.c`, `c`."""
    yield name
    while "." in name:
        name = name.partition(".")[2]
        yield name


@lru_cache(maxsize=4096)
def _plain(key: str) -> tuple[bool, str] | None:
    """Whether a key is anchored, and the name that it is; None if it is more than a name."""
    found = _PLAIN.fullmatch(key)
    return (found[1] == "^", found[2].replace("\\", "")) if found else None


@lru_cache(maxsize=512)
def _compiled(text: str, pattern: str) -> Any:
    if len(pattern) > MOST_PATTERN:
        raise PatternError(f"{short(pattern)} is longer than {MOST_PATTERN} characters: that is no pattern")
    if _READ_DIFFERENTLY.search(re.sub(r"(?s)\\.", "", pattern)):
        raise PatternError(f"{short(pattern)} holds braces or classes that cannot be matched in bounded time here")
    try:
        import regex
    except ImportError:
        raise PatternError(f"{short(pattern)} needs the package regex, which transformers brings along") from None
    try:
        re.compile(text)
        return regex.compile(text, regex.VERSION0)
    except (re.error, regex.error, RecursionError, OverflowError) as error:
        raise PatternError(f"{short(pattern)} is no regular expression: {error}") from None
