"""What singular values tell: how many components hold a share of the energy, and how many there are in effect.

Energy is the squared Frobenius norm, which is the sum of the squared singular values. Plain numbers; no torch.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

#: Values below this part of the greatest are what rounding leaves of nothing: they were worked out in float64.
_NOTHING = 1e-12
#: A share is a number that people write in decimal digits, 0.95: so much of the energy may be amiss.
_SLACK = 1e-12


def check_share(share: Any) -> float:
    """A share of the energy, if it is one.

    Raises:
        ValueError: it is no number above 0 and up to 1.
    """
    if isinstance(share, bool) or not isinstance(share, int | float) or not 0 < share <= 1:
        raise ValueError(f"a share of the energy is a number above 0 and up to 1 (0.95 is 95 %), not {share!r}")
    return float(share)


def energy(values: Sequence[float]) -> float:
    """The sum of the squares."""
    return math.fsum(value * value for value in values)


def needed(values: Sequence[float], share: float) -> int:
    """How many of the strongest values hold this share of the energy; 0 where there is none.

    Args:
        values: descending.
        share: above 0 and up to 1; at 1 all count but those that are nothing.
    """
    if not values or values[0] == 0:
        return 0
    # Beside the greatest: the squares of what is huge or tiny are numbers too.
    squares = [(value / values[0]) ** 2 for value in values]
    slack = _SLACK if share < 1 else _NOTHING**2
    allowed = (1 - share + slack) * math.fsum(squares)
    left_out, count = 0.0, len(squares)
    while count > 1 and left_out + squares[count - 1] <= allowed:
        left_out += squares[count - 1]
        count -= 1
    return count


def effective_rank(values: Sequence[float]) -> float:
    """exp of the entropy of the values, each as its share of their sum (Roy and Vetterli, EUSIPCO 2007).

    As many values of one size would have this entropy: 16 for 16 equal ones, nearly 1 where one outweighs all; 0 where
    all are nothing.
    """
    if not values or values[0] == 0:
        return 0.0
    shares = [value / values[0] for value in values]
    whole = math.fsum(shares)
    return math.exp(-math.fsum(share / whole * math.log(share / whole) for share in shares if share > 0))


def stable_rank(values: Sequence[float]) -> float:
    """The energy against that of the strongest component (Rudelson and Vershynin, J. ACM 54, 2007); 0 for nothing."""
    return math.fsum((value / values[0]) ** 2 for value in values) if values and values[0] else 0.0
