"""The small matrices that a target's change of a weight is made of, whatever the method calls them.

What a target adds to a weight, at a scaling of 1, is the Kronecker product of its factors: of one alone, but for LoKr.
A factor is one product B A, or one for each expert, which stand on a diagonal.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from ..engines.peft.components import exact
from ..engines.peft.knob import Knob

#: A tensor of one target by its role in the file, `lora_A.weight`; None where there is none.
Tensors = Callable[[str], torch.Tensor | None]


@dataclass(frozen=True)
class Factor:
    """One product, or one for each expert.

    Attributes:
        b: shape (experts, out, rank).
        a: shape (experts, rank, in); None where `b` is the whole matrix, shape (experts, out, in).
    """

    b: torch.Tensor
    a: torch.Tensor | None


class NoFactors(ValueError):
    """What the target adds is no product of small matrices; the message says what it is instead."""


def live_tensors(knob: Knob) -> Tensors:
    """The tensors of a target as they lie in its PEFT layer."""
    layer, adapter = knob.layer, knob.adapter

    def tensor(role: str) -> torch.Tensor | None:
        container, dot, _ = role.partition(".")
        held: Any = getattr(layer, container, None) or {}
        if adapter not in held:
            return None
        return knob.as_loaded(held[adapter].weight if dot else held[adapter])

    return tensor


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
    a, b = a.detach().flatten(1), b.detach().flatten(1)
    if rank < 1 or len(a) % rank or len(a) != b.shape[1]:
        raise NoFactors(f"its A has {len(a)} rows and its B {b.shape[1]} columns, which is no product of rank {rank}")
    experts = len(a) // rank
    return Factor(b.reshape(len(b), rank, experts).permute(2, 0, 1), a.reshape(experts, rank, -1))


def _loha(tensors: Tensors) -> Factor:
    """The product, element by element, of two products: one product again, of all pairs of their columns and rows."""
    w1a, w1b, w2a, w2b = (_needed(tensors, f"hada_{name}") for name in ("w1_a", "w1_b", "w2_a", "w2_b"))
    t1, t2 = tensors("hada_t1"), tensors("hada_t2")
    if t1 is not None and t2 is not None:
        from peft.tuners.loha.layer import make_weight_cp

        whole = make_weight_cp(exact(t1), w1a, w1b, exact(t2), w2a, w2b, scale=torch.tensor(1.0))
        return _whole(whole)
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
        from peft.tuners.lokr.layer import make_weight_cp

        return _whole(make_weight_cp(exact(t), b, a))
    return Factor(b[None].flatten(2), a[None].flatten(2))


def _whole(matrix: torch.Tensor) -> Factor:
    return Factor(matrix.flatten(1)[None], None)


def _needed(tensors: Tensors, role: str) -> torch.Tensor:
    found = tensors(role)
    if found is None:
        raise NoFactors(f"it has no {role}")
    return exact(found)
