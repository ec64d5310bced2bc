"""The components of a product B A, strongest first: its singular value decomposition, without forming the product.

Two QR decompositions leave a matrix of rank x rank to decompose, which has the same singular values. Everything is
worked out in float64, so that a component that is not there is told from one that is faint.
"""

from __future__ import annotations

from typing import NamedTuple

import torch


class Components(NamedTuple):
    """`left @ diag(values) @ right` is the product; any number of products at once, in leading dimensions.

    The columns of `left`, shape (..., out, components), are orthonormal, and so are the rows of `right`, shape
    (..., components, in); the singular values, shape (..., components), descend.
    """

    left: torch.Tensor
    values: torch.Tensor
    right: torch.Tensor


def singular_values(b: torch.Tensor, a: torch.Tensor) -> torch.Tensor:
    """The singular values of b @ a, descending, in float64; shape (..., least of rank, outputs and inputs).

    Args:
        b: shape (..., out, rank), finite.
        a: shape (..., rank, in), finite.
    """
    small_b = torch.linalg.qr(exact(b), mode="r").R
    small_a = torch.linalg.qr(exact(a).mT, mode="r").R
    values: torch.Tensor = torch.linalg.svdvals(small_b @ small_a.mT)
    return values


def components(b: torch.Tensor, a: torch.Tensor) -> Components:
    """The components of b @ a, in float64. Args as `singular_values` takes them."""
    left, small_b = torch.linalg.qr(exact(b))
    right, small_a = torch.linalg.qr(exact(a).mT)
    u, values, v = torch.linalg.svd(small_b @ small_a.mT, full_matrices=False)
    return Components(left @ u, values, v @ right.mT)


def exact(tensor: torch.Tensor) -> torch.Tensor:
    """In float64; on the CPU where the device has no such numbers (Apple's GPUs)."""
    tensor = tensor.detach()
    return tensor.double() if tensor.device.type in ("cpu", "cuda") else tensor.cpu().double()
