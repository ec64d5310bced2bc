"""What a resized adapter will be, before it is written: the rank of each target, its size, and what is left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .. import energy as measures
from ..arrays import Array, count, stacked
from ..components import singular_values
from ..mix import Mix
from ..shelf.adapter_weights import AdapterWeights
from .combine import union
from .resize import Keep, check_resizable
from .summing import Piece, summed

#: So many numbers of B and A are worked on together.
_AT_ONCE = 2**22


@dataclass(frozen=True)
class Strengths:
    """How strong the components of one target of the sum are, and what one component of it takes.

    Attributes:
        values: descending; the k-th of all experts together.
        numbers: how many numbers of A and B one component takes.
        bytes: of each of them.
    """

    values: tuple[float, ...]
    numbers: int
    bytes: int


@dataclass(frozen=True)
class Foreseen:
    """A resized adapter before it is written.

    Attributes:
        ranks: of each target, by name; padded with zeros where all are to have one rank.
        parameters: how many numbers it will hold.
        size: of those, in bytes.
        parameters_before: how many its sources hold together.
        size_before: of those, in bytes.
        error: the Frobenius norm of what will be left out of all targets, against that of the whole.
    """

    ranks: Mapping[str, int]
    parameters: int
    size: int
    parameters_before: int
    size_before: int
    error: float


def strengths(parts: Sequence[AdapterWeights], mix: Mix) -> dict[str, Strengths]:
    """The components of the sum of some adapters, target by target, at their gains in a mix; nothing is written.

    This takes the time; whatever is kept of it is told at once (`foresee`).

    Raises:
        ValueError: they cannot be resized; the message says why.
    """
    check_resizable(parts, mix)
    pieces = {
        name: [Piece.of(weights, target, mix.gain(target)) for weights, target in members]
        for name, members in union(parts).items()
    }
    alike: dict[Any, list[str]] = {}
    for name, some in pieces.items():
        alike.setdefault(tuple((tuple(piece.a.shape), tuple(piece.b.shape), piece.rank) for piece in some), []).append(
            name
        )
    found: dict[str, Strengths] = {}
    for names in alike.values():
        some = pieces[names[0]]
        numbers = sum(count(piece.a) + count(piece.b) for piece in some)
        step = max(1, _AT_ONCE // max(1, numbers))
        for start in range(0, len(names), step):
            together = names[start : start + step]
            products = [summed(pieces[name]) for name in together]
            b, a = (stacked([one[at] for one in products]) for at in (0, 1))
            joint = (singular_values(b, a) ** 2).sum(1) ** 0.5
            for name, values in zip(together, joint.tolist(), strict=True):
                one = pieces[name][0]
                each = (count(one.a) + count(one.b)) // one.rank
                found[name] = Strengths(tuple(values), each, max(piece.b.dtype.itemsize for piece in pieces[name]))
    return {name: found[name] for name in pieces}


def foresee(parts: Sequence[AdapterWeights], known: Mapping[str, Strengths], keep: Keep) -> Foreseen:
    """What comes of keeping so much.

    Args:
        parts: the adapters.
        known: the `strengths` of their sum.
        keep: what is kept of every target.

    Raises:
        ValueError: there is no such rank.
    """
    keep.check(parts)
    counts = {name: keep.count(one.values) for name, one in known.items()}
    most = max(counts.values(), default=0)
    ranks = dict.fromkeys(counts, most) if keep.uniform else counts
    rest = _beside(parts)
    before = [tensor for weights in parts for tensor in weights.tensors.values()]
    whole = sum(measures.energy(one.values) for one in known.values())
    left = sum(measures.energy(one.values[counts[name] :]) for name, one in known.items())
    return Foreseen(
        ranks=ranks,
        parameters=sum(one.numbers * ranks[name] for name, one in known.items()) + sum(map(count, rest)),
        size=sum(one.numbers * one.bytes * ranks[name] for name, one in known.items()) + _size(rest),
        parameters_before=sum(map(count, before)),
        size_before=_size(before),
        error=(left / whole) ** 0.5 if whole else 0.0,
    )


def _beside(parts: Sequence[AdapterWeights]) -> list[Array]:
    """What goes along beside A and B: biases and whole modules, once each."""
    found: dict[str, Array] = {}
    for weights in parts:
        pairs = {key for target in weights.targets for key in weights.pair(target)}
        found |= {key: tensor for key, tensor in weights.tensors.items() if key not in pairs}
    return list(found.values())


def _size(tensors: Sequence[Array]) -> int:
    return sum(count(tensor) * tensor.dtype.itemsize for tensor in tensors)
