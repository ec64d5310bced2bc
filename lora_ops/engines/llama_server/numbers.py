"""Numbers of GGUF adapters as numpy has them."""

from __future__ import annotations

from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ...shelf.safetensors_file import as_float
from .gguf_file import GGUFError, GGUFTensor

if TYPE_CHECKING:
    from numpy.typing import NDArray

_DTYPES = {"F16": "<f2", "F32": "<f4", "BF16": "<u2"}


def read_tensor(path: Path, tensor: GGUFTensor) -> NDArray[Any]:
    """One tensor of a GGUF file, float16 where it is stored so, else float32.

    Raises:
        GGUFError: it is stored in a way that is not known here.
    """
    if tensor.kind == "Q8_0":
        blocks = np.fromfile(path, np.uint8, tensor.size, offset=tensor.start).reshape(-1, 34)
        scales = blocks[:, :2].copy().view("<f2").astype(np.float32)
        whole: NDArray[Any] = (scales * blocks[:, 2:].view(np.int8)).reshape(tensor.shape)
        return whole
    if tensor.kind not in _DTYPES:
        raise GGUFError(f"{path}: {tensor.name[:200]} is stored as {tensor.kind}, whose numbers cannot be read here")
    data = np.fromfile(path, np.dtype(_DTYPES[tensor.kind]), prod(tensor.shape), offset=tensor.start)
    return as_float(data.reshape(tensor.shape), tensor.kind)
