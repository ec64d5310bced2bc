"""The small matrices that a target's change of a weight is made of, whatever the method calls them.

What a target adds to a weight, at a scaling of 1, is the Kronecker product of its factors: of one alone, but for LoKr.
A factor is one product B A, or one for each expert, which stand on a diagonal.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..arrays import Array, axes, float64, is_torch

#: A tensor of one target by its role in the file, `lora_A.weight`; None where there is none.
Tensors = Callable[[str], Array | None]


@dataclass(frozen=True)
class Factor:
    """One product, or one for each expert.

    Attributes:
        b: shape (experts, out, rank).
        a: shape (experts, rank, in); None where `b` is the whole matrix, shape (experts, out, in).
    """

    b: Array
    a: Array | None


class NoFactors(ValueError):
    """What the target adds is no product of small matrices; the message says what it is instead."""


def factors(tensors: Tensors, rank: int) -> tuple[Factor, ...]:
    """The factors of one target.

    Args:
        tensors: by role.
        rank: the target's rank: how many of A's rows are one expert's.

    Raises:
        NoFactors: DoRA, or a form that is not known.
    """
    if tensors("lora_magnitude_vector.weight") is not None or tensors("lora_magnitude_vector") is not None:
        raise NoFactors(
            "DoRA: beside adding B A it rescales whole rows of the base weight, so that what it adds is as wide as "
            "the weight, and has no few components"
        )
    if tensors("hada_w1_a") is not None:
        return (_loha(tensors),)
    if tensors("lokr_w1") is not None or tensors("lokr_w1_a") is not None:
        return _kronecker(tensors, "lokr_w1"), _kronecker(tensors, "lokr_w2")
    return (_pair(tensors, rank),)


def _pair(tensors: Tensors, rank: int) -> Factor:
    for names in (("lora_A.weight", "lora_B.weight"), ("lora_embedding_A", "lora_embedding_B")):
        a, b = (tensors(name) for name in names)
        if a is not None and b is not None:
            break
    else:
        raise NoFactors("it has no pair of A and B")
    # Convolutions are flattened. PEFT lays experts out as A of (experts x rank, in), and B of (out, rank x experts).
    a, b = _flat(_bare(a)), _flat(_bare(b))
    if rank < 1 or len(a) % rank or len(a) != b.shape[1]:
        raise NoFactors(f"its A has {len(a)} rows and its B {b.shape[1]} columns, which is no product of rank {rank}")
    experts = len(a) // rank
    return Factor(axes(b.reshape(len(b), rank, experts), 2, 0, 1), a.reshape(experts, rank, -1))


def _loha(tensors: Tensors) -> Factor:
    """The product, element by element, of two products: one product again, of all pairs of their columns and rows."""
    w1a, w1b, w2a, w2b = (_needed(tensors, f"hada_{name}") for name in ("w1_a", "w1_b", "w2_a", "w2_b"))
    t1, t2 = tensors("hada_t1"), tensors("hada_t2")
    if t1 is not None and t2 is not None:
        if not is_torch(t1):
            raise NoFactors("LoHa of a convolution, which is worked out by PEFT, and that is not installed")
        import torch
        from peft.tuners.loha.layer import make_weight_cp

        return _whole(make_weight_cp(float64(t1), w1a, w1b, float64(t2), w2a, w2b, scale=torch.tensor(1.0)))
    pairs = w1a.shape[1] * w2a.shape[1]
    if pairs >= min(len(w1a), w1b.shape[1]):
        return _whole((w1a @ w1b) * (w2a @ w2b))
    b = (w1a[:, :, None] * w2a[:, None, :]).reshape(1, len(w1a), pairs)
    a = (w1b[:, None, :] * w2b[None, :, :]).reshape(1, pairs, -1)
    return Factor(b, a)


def _kronecker(tensors: Tensors, name: str) -> Factor:
    """One side of LoKr's Kronecker product."""
    if (whole := tensors(name)) is not None:
        return _whole(whole)
    b, a = _needed(tensors, f"{name}_a"), _needed(tensors, f"{name}_b")
    if (t := tensors("lokr_t2")) is not None and name == "lokr_w2":
        if not is_torch(t):
            raise NoFactors("LoKr of a convolution, which is worked out by PEFT, and that is not installed")
        from peft.tuners.lokr.layer import make_weight_cp

        return _whole(make_weight_cp(float64(t), b, a))
    return Factor(_flat(b)[None], _flat(a)[None])


def _whole(matrix: Array) -> Factor:
    return Factor(_flat(matrix)[None], None)


def _flat(array: Array) -> Array:
    """Convolutions as matrices."""
    return array.reshape(array.shape[0], -1)


def _bare(array: Array) -> Array:
    """No part of any training."""
    return array.detach() if is_torch(array) else array


def _needed(tensors: Tensors, role: str) -> Array:
    found = tensors(role)
    if found is None:
        raise NoFactors(f"it has no {role}")
    return float64(found)
