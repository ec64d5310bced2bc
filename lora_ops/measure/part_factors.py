"""The small matrices of an adapter that a llama-server plays, out of the very files that it has loaded; by numpy.

llama.cpp has some rows of B in another order than PEFT, which neither norms nor singular values know of.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..engines.llama_server.pair import Pair
from ..engines.llama_server.part import Part
from ..engines.llama_server.part_weights import targets_of
from ..target import Target
from .factors import Factor

if TYPE_CHECKING:
    from ..arrays import Array

#: Of these llama.cpp reads A the other way round.
_EMBEDDINGS = "token_embd.weight"


def part_factors(parts: Sequence[Part]) -> list[tuple[Target, tuple[Factor, ...]]]:
    """Each target of these parts, as its server was started to play it, and the factors of what it adds at scaling 1.

    A part that holds several gives one for each, in its order.

    Raises:
        ValueError: a file is gone, damaged or another than it was.
    """
    return [(target, (factor_of(pair),)) for part in parts for target, pair in targets_of(part)]


def factor_of(pair: Pair) -> Factor:
    """B and A of one target."""
    a, b = pair.read()
    if pair.tensor == _EMBEDDINGS:
        a = a.T
    return Factor(_experts(b), _experts(a))


def _experts(array: Array) -> Array:
    return array if array.ndim == 3 else array[None]
