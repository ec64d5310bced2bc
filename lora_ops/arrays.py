"""Arithmetic on numbers that torch or numpy holds, so that an adapter's folder is worked on where there is no torch.

Portable builds of hosts bring numpy alone. Where torch is there it is used: it knows bfloat16. What a function is given
is all of one kind, and so is what it answers. numpy reads bfloat16 as float32, which is exact.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from math import prod
from typing import Any

#: A `torch.Tensor`, or an array of numpy.
Array = Any


def has_torch() -> bool:
    """Whether torch can be imported here."""
    try:
        return find_spec("torch") is not None
    except (ImportError, ValueError):
        return False


def is_torch(array: Array) -> bool:
    """Whether torch holds it."""
    return hasattr(array, "detach")


def count(array: Array) -> int:
    """How many numbers it holds."""
    return prod(array.shape)


def at_hand(array: Array) -> Array:
    """The same on the CPU, and no part of any training."""
    return array.detach().cpu() if is_torch(array) else array


def is_floating(array: Array) -> bool:
    """Whether it holds floating-point numbers."""
    return bool(array.is_floating_point()) if is_torch(array) else array.dtype.kind == "f"


def is_finite(array: Array) -> bool:
    """Whether none of its numbers is NaN or infinite."""
    if is_torch(array):
        return bool(array.isfinite().all())
    import numpy as np

    return bool(np.isfinite(array).all())


def as_type(array: Array, dtype: Any) -> Array:
    """The same in another type of its own kind; what is too large becomes infinite."""
    if is_torch(array):
        return array.to(dtype)
    import numpy as np

    with np.errstate(over="ignore", invalid="ignore"):
        return array.astype(dtype, copy=False)


def float32(array: Array) -> Array:
    """The same in float32."""
    return array.float() if is_torch(array) else as_type(array, "float32")


def float64(array: Array) -> Array:
    """The same in float64; on the CPU where the device has no such numbers (Apple's GPUs)."""
    if not is_torch(array):
        return as_type(array, "float64")
    array = array.detach()
    return array.double() if array.device.type in ("cpu", "cuda") else array.cpu().double()


def wide_enough(arrays: Sequence[Array]) -> Any:
    """The type that holds the numbers of all."""
    dtype = arrays[0].dtype
    for one in arrays[1:]:
        dtype = _promoted(one, dtype, one.dtype)
    return dtype


def multiplied(array: Array, factor: float) -> Array:
    """`array * factor` in its own type, computed in float32 at least."""
    if is_torch(array):
        import torch

        wide = torch.promote_types(array.dtype, torch.float32)
        return (array.to(wide) * factor).to(array.dtype)
    import numpy as np

    with np.errstate(over="ignore", invalid="ignore"):
        kind = np.result_type(array.dtype, np.float32)
        return as_type(array.astype(kind) * kind.type(factor), array.dtype)


def joined(arrays: Sequence[Array], axis: int) -> Array:
    """One after the other along an axis."""
    if is_torch(arrays[0]):
        import torch

        return torch.cat(list(arrays), dim=axis)
    import numpy as np

    return np.concatenate(list(arrays), axis=axis)


def stacked(arrays: Sequence[Array]) -> Array:
    """Beside each other along a new first axis; a copy."""
    if is_torch(arrays[0]):
        import torch

        return torch.stack(list(arrays))
    import numpy as np

    return np.stack(list(arrays))


def zeros(like: Array, *shape: int) -> Array:
    """Zeros of another one's type."""
    if is_torch(like):
        return like.new_zeros(*shape)
    import numpy as np

    return np.zeros(shape, like.dtype)


def axes(array: Array, *order: int) -> Array:
    """With its axes in another order."""
    return array.permute(*order) if is_torch(array) else array.transpose(*order)


def equal(one: Array, other: Array) -> bool:
    """Whether two are the same to the bit, shapes too."""
    if is_torch(one):
        import torch

        return torch.equal(one, other)
    import numpy as np

    return np.array_equal(one, other)


def near(one: Array, other: Array, relative: float, absolute: float) -> bool:
    """Whether no number of one differs from the other's by more."""
    if is_torch(one):
        import torch

        return torch.allclose(one, other, rtol=relative, atol=absolute)
    import numpy as np

    return np.allclose(one, other, rtol=relative, atol=absolute)


def _promoted(one: Array, first: Any, second: Any) -> Any:
    if is_torch(one):
        import torch

        return torch.promote_types(first, second)
    import numpy as np

    return np.promote_types(first, second)
