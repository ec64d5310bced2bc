"""The fields of a record: which values each may hold, and how it goes into JSON and comes back."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from math import inf, isfinite, nan
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, FailFast, Field, PlainSerializer

from ..mix import Mix


def _whole_characters(text: Any) -> Any:
    """A lone half of a surrogate pair, which no file can hold, becomes the replacement character."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace") if isinstance(text, str) else text


def _utc(time: datetime) -> datetime:
    try:
        return time.astimezone(timezone.utc)
    except OverflowError:
        raise ValueError("this time lies outside the calendar") from None


def _number(given: Any) -> Any:
    """JSON has no infinity: there it is a text."""
    return {"Infinity": inf, "-Infinity": -inf, "NaN": nan}.get(given, given) if isinstance(given, str) else given


def _json_number(number: float) -> float | str:
    return number if isfinite(number) else {inf: "Infinity", -inf: "-Infinity"}.get(number, "NaN")


def _mix(given: Any) -> Any:
    return Mix.from_dict(given) if isinstance(given, Mapping) else given


#: How deep settings may lie in each other.
_DEEPEST = 32
_Member = TypeVar("_Member")
#: Any number of them, checked up to the first that is wrong: a list may hold a million.
Many = Annotated[tuple[_Member, ...], FailFast()]
Text = Annotated[str, BeforeValidator(_whole_characters)]
Index = Annotated[int, Field(ge=0, lt=2**31)]
TokenId = Annotated[int, Field(ge=0, lt=2**31)]
Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Seed = Annotated[int, Field(ge=-(2**63), lt=2**64)]  # what torch.manual_seed takes
Time = Annotated[AwareDatetime, AfterValidator(_utc)]
AnyMix = Annotated[Mix, BeforeValidator(_mix), PlainSerializer(lambda mix: mix.to_dict())]
Settings = Annotated[dict[str, Any], AfterValidator(lambda given: plain_settings(given))]
Number = Annotated[
    float,
    BeforeValidator(_number),
    AfterValidator(lambda given: given if given == given else nan),  # one NaN, so that records can be compared
    PlainSerializer(_json_number, when_used="json"),
]
#: Numbers of which one row is a mix and one column is a text.
Table = Many[Many[Number]]


def now() -> datetime:
    """The time, in UTC."""
    return datetime.now(timezone.utc)


def plain_settings(generation: Mapping[str, Any]) -> dict[str, Any]:
    """Settings of the generation as plain data that survives JSON; of an object, its type's name is kept.

    So it is of what readers of JSON refuse: a whole number of more than 64 bits, and what lies too deep in others.
    """
    plain = _plain(generation, _DEEPEST)
    return plain if isinstance(plain, dict) else {}


def _plain(value: Any, deeper: int) -> Any:
    if value is None or isinstance(value, bool) or (isinstance(value, int) and -(2**63) <= value < 2**64):
        return value
    if isinstance(value, str):
        return _whole_characters(value)
    if isinstance(value, float):
        return value if isfinite(value) else str(value)
    if isinstance(value, Mapping) and deeper:
        return {str(_whole_characters(str(key))): _plain(member, deeper - 1) for key, member in value.items()}
    if isinstance(value, list | tuple | set | frozenset) and deeper:
        return [_plain(member, deeper - 1) for member in value]
    return type(value).__name__
