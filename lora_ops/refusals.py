"""Refusing what is wrong without looking at all of it, and saying what is wrong in a few words.

What comes from a file or a page may be wrong a million times over. Checking stops soon after the first mistake, and a
message names a handful.
"""

from __future__ import annotations

import reprlib
from collections.abc import Callable, Mapping
from itertools import islice
from typing import Any

from pydantic import BeforeValidator, ValidationError, WrapValidator

#: How many problems a message names, and how much of each.
_NAMED, _PLACE, _REASON, _GIVEN = 5, 120, 160, 60
#: More problems than this are counted, not read: each costs as much as a kilobyte of text.
_READ = 5_000
#: Entries of a mapping that are checked at once: the rest is not looked at when one of them is wrong.
_PART = 100
#: No thing with named fields has more of them.
_FIELDS = 50

_SHORT = reprlib.Repr()
_SHORT.maxlevel, _SHORT.maxstring, _SHORT.maxother = 3, _GIVEN, _GIVEN
_SHORT.maxdict = _SHORT.maxlist = _SHORT.maxtuple = _SHORT.maxset = 4


def shown(value: Any) -> str:
    """Any value for people, in a few characters, however large or deep it is."""
    try:
        text = _SHORT.repr(value)
    except (ValueError, RecursionError):  # a number of more digits than Python writes, or what contains itself
        text = f"a very long {type(value).__name__}"
    return _cut(text, _GIVEN)


def explain(error: ValidationError) -> str:
    """What is wrong with which field, in one line, without pydantic's trimmings; the first few where much is wrong."""
    count = error.error_count()
    if count > _READ:
        return f"{count:,} things in it are wrong"
    problems = []
    for problem in error.errors(include_url=False, include_context=False)[:_NAMED]:
        # Keys of a mapping are reported with a trailing "[key]"; the path without it is what a person looks for.
        path = ".".join(_cut(str(part), _PLACE) for part in problem["loc"] if part != "[key]")
        reason = _cut(problem["msg"].removeprefix("Value error, "), _REASON)
        problems.append(f"{_cut(path, _PLACE) or 'the whole'}: {reason} (got {shown(problem['input'])})")
    if count > _NAMED:
        problems.append(f"and {count - _NAMED:,} more")
    return "; ".join(problems)


def _in_parts(values: Any, check: Callable[[Any], Any]) -> Any:
    if not isinstance(values, Mapping) or len(values) <= _PART:
        return check(values)
    checked: dict[Any, Any] = {}
    entries = iter(values.items())
    while part := dict(islice(entries, _PART)):
        checked.update(check(part))
    return checked


def _one_by_one(values: Any, check: Callable[[Any], Any]) -> Any:
    if not isinstance(values, Mapping) or len(values) <= 1:
        return check(values)
    return {name: value for entry in values.items() for name, value in check(dict([entry])).items()}


def few_fields(value: Any) -> Any:
    """Refuses a mapping with so many fields that most of them must be unknown.

    Raises:
        ValueError: naming one of them.
    """
    if isinstance(value, Mapping) and len(value) > _FIELDS:
        raise ValueError(f"{len(value):,} fields are more than there can be")
    return value


#: For a mapping of plain values, and for one of what has fields itself: soon done with one that is all wrong.
InParts = WrapValidator(_in_parts)
OneByOne = WrapValidator(_one_by_one)
#: For what has named fields.
FewFields = BeforeValidator(few_fields)


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[:most]}…"
