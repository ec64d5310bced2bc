"""A gain that changes over a reply: key points over the generated tokens, and straight lines between them."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from math import inf
from typing import Any

from .limits import LOUDEST
from .refusals import shown

#: The last token that a point may stand at, and how many points a fade may have: more is a mistake, not music.
LAST_TOKEN = 10_000_000
MAX_POINTS = 1_000
#: No text of a fade that people write is longer.
_MOST_TEXT = 100_000

_POINT = re.compile(r"(?P<gain>\S+)\s+at\s+(?P<token>\S+)")
_EXAMPLE = "write gains at tokens, as in '0 at 0, 1 at 40, 0.3 at 120'"


@dataclass(frozen=True)
class Fade:
    """A gain over generated tokens. Token 0 is the first one of the reply.

    >>> fade = Fade.parse("0 at 0, 1 at 40, 0.3 at 120")
    >>> fade.gain(20), fade.gain(500)
    (0.5, 0.3)
    >>> str(fade)
    '0 at 0, 1 at 40, 0.3 at 120'

    Args:
        points: (generated token, gain), tokens ascending; straight lines between them, constant before the first and
            after the last. A gain is what the as-loaded scaling is multiplied by: 1 is as loaded, 0 silent.

    Raises:
        ValueError: there is no point, a token is no whole number from 0 up, tokens do not ascend, or a gain is no
            number of 32 bits.
    """

    points: tuple[tuple[int, float], ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "points", _checked(self.points))

    def gain(self, token: int) -> float:
        """The gain while the model works out this generated token (0 is the first); exact at the points."""
        points = self.points
        after = bisect_right(points, token, key=lambda point: point[0])
        if after == 0:
            return points[0][1]
        (left, one), (right, other) = points[after - 1], points[min(after, len(points) - 1)]
        if token == left or one == other or left == right:
            return one
        part = (token - left) / (right - left)
        return one * (1 - part) + other * part

    @property
    def loudest(self) -> float:
        """The largest gain of all, whatever its sign: a straight line is nowhere louder than at one of its ends."""
        return max(abs(gain) for _, gain in self.points)

    @classmethod
    def parse(cls, text: str) -> Fade:
        """The fade that people write: "gain at token", points separated by commas, in any order.

        Raises:
            ValueError: naming the point that is not understood, and what to write instead.
        """
        if len(text) > _MOST_TEXT:
            raise ValueError(f"a fade has at most {MAX_POINTS:,} points")
        points = [_point(part.strip()) for part in text.split(",") if part.strip()]
        if not points:
            raise ValueError(f"a fade needs at least one point: {_EXAMPLE}")
        return cls(tuple(sorted(points, key=lambda point: point[0])))

    def __str__(self) -> str:
        """What `parse` reads."""
        return ", ".join(f"{_short(gain)} at {token}" for token, gain in self.points)


def _point(text: str) -> tuple[int, float]:
    found = _POINT.fullmatch(text)
    if found is None:
        raise ValueError(f"{text[:60]!r} is no point of a fade: {_EXAMPLE}")
    try:
        gain = float(found["gain"])
    except ValueError:
        raise ValueError(f"the gain {found['gain'][:60]!r} in {text[:60]!r} is no number: {_EXAMPLE}") from None
    if not (found["token"].isascii() and found["token"].isdigit() and len(found["token"]) <= len(str(LAST_TOKEN))):
        raise ValueError(
            f"the token {found['token'][:60]!r} in {text[:60]!r} is no whole number "
            f"from 0 to {LAST_TOKEN:,}: {_EXAMPLE}"
        )
    return int(found["token"]), gain


def _checked(points: Iterable[Any]) -> tuple[tuple[int, float], ...]:
    checked: list[tuple[int, float]] = []
    if isinstance(points, str | bytes) or not isinstance(points, Iterable):
        raise ValueError("the points of a fade are pairs of a token and a gain")
    for point in points:
        if isinstance(point, str | bytes) or not isinstance(point, Iterable) or len(pair := tuple(point)) != 2:
            raise ValueError(f"{shown(point)} is no point of a fade: a point is a token and a gain")
        token, gain = pair
        if isinstance(token, bool) or not isinstance(token, int) or not 0 <= token <= LAST_TOKEN:
            raise ValueError(f"{shown(token)} is no generated token: tokens are numbered from 0 to {LAST_TOKEN:,}")
        # A whole number of hundreds of digits can be compared with the limit, but is no float.
        if isinstance(gain, bool) or not isinstance(gain, int | float) or gain != gain or gain in (inf, -inf):
            raise ValueError(f"the gain {_plainly(gain)} at token {token} is no finite number")
        if not -LOUDEST <= gain <= LOUDEST:
            raise ValueError(f"the gain {shown(gain)} at token {token} is more than a number of 32 bits can hold")
        if checked and token <= checked[-1][0]:
            raise ValueError(f"the tokens of a fade ascend, each named once: {token} comes after {checked[-1][0]}")
        checked.append((token, float(gain)))
        if len(checked) > MAX_POINTS:
            raise ValueError(f"a fade has at most {MAX_POINTS:,} points")
    if not checked:
        raise ValueError("a fade needs at least one point")
    return tuple(checked)


def _plainly(gain: Any) -> str:
    return shown(str(gain) if isinstance(gain, float) else gain)


def _short(gain: float) -> str:
    """As few digits as give the same number back."""
    return repr(gain).removesuffix(".0")
