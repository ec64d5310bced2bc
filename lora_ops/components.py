"""The components of a product B A, strongest first: its singular value decomposition, without forming the product.

Two QR decompositions leave a matrix of rank x rank to decompose, which has the same singular values. Everything is
worked out in float64, so that a component that is not there is told from one that is faint; by torch what torch holds,
by numpy what numpy does.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from .arrays import Array, float64, is_torch


class Components(NamedTuple):
    """`left @ diag(values) @ right` is the product; any number of products at once, in leading dimensions.

    The columns of `left`, shape (..., out, components), are orthonormal, and so are the rows of `right`, shape
    (..., components, in); the singular values, shape (..., components), descend.
    """

    left: Array
    values: Array
    right: Array


def singular_values(b: Array, a: Array) -> Array:
    """The singular values of b @ a, descending, in float64; shape (..., least of rank, outputs and inputs).

    Args:
        b: shape (..., out, rank), finite.
        a: shape (..., rank, in), finite.
    """
    _, small_b = _qr(float64(b), "r")
    _, small_a = _qr(float64(a).mT, "r")
    return values_of(small_b @ small_a.mT)


def values_of(matrix: Array) -> Array:
    """The singular values of matrices in float64 themselves, shape (..., out, in)."""
    linear: Any = _linear(matrix)
    return linear.svdvals(matrix) if is_torch(matrix) else linear.svd(matrix, compute_uv=False)


def components(b: Array, a: Array) -> Components:
    """The components of b @ a, in float64. Args as `singular_values` takes them."""
    left, small_b = _qr(float64(b), "reduced")
    right, small_a = _qr(float64(a).mT, "reduced")
    u, values, v = _linear(small_b).svd(small_b @ small_a.mT, full_matrices=False)
    return Components(left @ u, values, v @ right.mT)


def _qr(matrix: Array, mode: str) -> tuple[Array, Array]:
    found = _linear(matrix).qr(matrix, mode=mode)
    # numpy answers R alone where it alone is asked for.
    return (None, found) if mode == "r" and not is_torch(matrix) else (found[0], found[1])


def _linear(matrix: Array) -> Any:
    """What decomposes it: `torch.linalg` or `numpy.linalg`."""
    if is_torch(matrix):
        import torch

        return torch.linalg
    import numpy as np

    return np.linalg
