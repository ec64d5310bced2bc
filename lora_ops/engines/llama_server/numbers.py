"""Numbers of adapters as numpy has them, from either kind of file, without torch and without safetensors' own package.

numpy knows no bfloat16: it is read as the upper half of a float32, which is exact.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .gguf_file import GGUFError, GGUFTensor

if TYPE_CHECKING:
    from numpy.typing import NDArray

_DTYPES = {"F16": "<f2", "F32": "<f4", "F64": "<f8", "BF16": "<u2"}
_MOST_HEADER = 64 * 2**20


@dataclass(frozen=True)
class SafeTensors:
    """The tensors of a safetensors file, read when they are asked for.

    Attributes:
        path: where it is.
        entries: what its header says of each.
        begin: where its numbers begin.
    """

    path: Path
    entries: Mapping[str, Any]
    begin: int

    @classmethod
    def open(cls, path: Path) -> SafeTensors:
        """The file's header.

        Raises:
            ValueError: it is cut off, or no such file.
            OSError: it cannot be read.
        """
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if length > _MOST_HEADER:
                raise ValueError(f"{path} is no safetensors file, or damaged")
            try:
                entries = json.loads(file.read(length))
            except (ValueError, RecursionError) as error:
                raise ValueError(f"{path} is damaged or cut off: its header is no JSON") from error
        if not isinstance(entries, dict):
            raise ValueError(f"{path} is damaged: its header holds no tensors")
        return cls(path, entries, 8 + length)

    def read(self, name: str) -> NDArray[Any]:
        """One tensor, float16 where it is stored so, else float32.

        Raises:
            ValueError: it is stored as something else, or the file is cut off.
        """
        try:
            entry = self.entries[name]
            kind, shape, (start, end) = entry["dtype"], tuple(entry["shape"]), entry["data_offsets"]
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{self.path} is damaged: it says nothing of {name[:200]}") from error
        if kind not in _DTYPES:
            raise ValueError(
                f"{self.path}: {name[:200]} is stored as {kind}, which llama.cpp's adapters have no form of"
            )
        dtype = np.dtype(_DTYPES[kind])
        if end - start != prod(shape) * dtype.itemsize or self.begin + end > self.path.stat().st_size:
            raise ValueError(f"{self.path} is damaged or cut off at {name[:200]}")
        data = np.fromfile(self.path, dtype, prod(shape), offset=self.begin + start).reshape(shape)
        return _as_float(data, kind)


def read_tensor(path: Path, tensor: GGUFTensor) -> NDArray[Any]:
    """One tensor of a GGUF file, float16 where it is stored so, else float32.

    Raises:
        GGUFError: it is stored in a way that is not known here.
    """
    if tensor.kind == "Q8_0":
        blocks = raw_tensor(path, tensor).reshape(-1, 34)
        scales = blocks[:, :2].copy().view("<f2").astype(np.float32)
        whole: NDArray[Any] = (scales * blocks[:, 2:].view(np.int8)).reshape(tensor.shape)
        return whole
    if tensor.kind not in _DTYPES:
        raise GGUFError(f"{path}: {tensor.name[:200]} is stored as {tensor.kind}, whose numbers cannot be read here")
    data = np.fromfile(path, np.dtype(_DTYPES[tensor.kind]), prod(tensor.shape), offset=tensor.start)
    return _as_float(data.reshape(tensor.shape), tensor.kind)


def raw_tensor(path: Path, tensor: GGUFTensor) -> NDArray[np.uint8]:
    """The bytes of one tensor of a GGUF file, as they are."""
    return np.fromfile(path, np.uint8, tensor.size, offset=tensor.start)


def _as_float(data: NDArray[Any], kind: str) -> NDArray[Any]:
    if kind == "BF16":
        return (data.astype(np.uint32) << 16).view(np.float32)
    return data if kind in ("F16", "F32") else data.astype(np.float32)
