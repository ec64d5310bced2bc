"""A safetensors file, read without its package: portable builds of hosts have numpy alone.

numpy knows no bfloat16: it is read as the upper half of a float32, which is exact.
The format: https://github.com/huggingface/safetensors#format
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: How many bits a number takes. What else there is takes fewer than eight.
_BITS = {
    **dict.fromkeys(("F64", "I64", "U64", "C64"), 64),
    **dict.fromkeys(("F32", "I32", "U32"), 32),
    **dict.fromkeys(("F16", "BF16", "I16", "U16"), 16),
    **dict.fromkeys(("BOOL", "I8", "U8", "F8_E4M3", "F8_E5M2", "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ"), 8),
}
_FLOATS = {"F16": "<f2", "F32": "<f4", "F64": "<f8", "BF16": "<u2"}
_MOST_HEADER = 100_000_000


@dataclass(frozen=True)
class Entry:
    """What a header says of one tensor; `start` and `end` are bytes of the file."""

    dtype: str
    shape: tuple[int, ...]
    start: int
    end: int


@dataclass(frozen=True)
class SafeTensors:
    """The tensors of a file, read when they are asked for.

    Attributes:
        path: where it is.
        entries: of each tensor, by name, in the order of the header.
        metadata: what the file says about itself.
    """

    path: Path
    entries: Mapping[str, Entry]
    metadata: Mapping[str, str]

    @classmethod
    def open(cls, path: Path) -> SafeTensors:
        """The header of a file, which leaves no byte of it unsaid.

        Raises:
            ValueError: it is damaged or cut off; the message says how, without the file.
            OSError: it cannot be read.
        """
        size = path.stat().st_size
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if size < 8 or length > min(size - 8, _MOST_HEADER):
                raise ValueError("its header is longer than it")
            try:
                header = json.loads(file.read(length))
            except (ValueError, RecursionError) as error:
                raise ValueError("its header is no JSON") from error
        if not isinstance(header, dict):
            raise ValueError("its header holds no tensors")
        metadata = header.pop("__metadata__", {})
        entries = {name: _entry(name, told, 8 + length) for name, told in header.items()}
        at = 8 + length
        for entry in sorted(entries.values(), key=lambda one: (one.start, one.end)):
            if entry.start != at:
                raise ValueError("its tensors do not follow one another")
            at = entry.end
        if at != size:
            raise ValueError(f"its tensors end at {at}, and it has {size} bytes")
        told = metadata.items() if isinstance(metadata, dict) else ()
        return cls(path, entries, {str(name): str(value) for name, value in told})

    def read(self, name: str) -> NDArray[Any]:
        """One tensor, float16 where it is stored so, else float32.

        Raises:
            ValueError: there is none of that name, or it holds no floating-point numbers of 16 bits or more.
        """
        import numpy as np

        entry = self.entries.get(name)
        if entry is None:
            raise ValueError(f"{self.path} holds no {name[:200]}")
        if entry.dtype not in _FLOATS:
            raise ValueError(f"{self.path}: {name[:200]} is stored as {entry.dtype[:20]}, which cannot be read here")
        data = np.fromfile(self.path, np.dtype(_FLOATS[entry.dtype]), prod(entry.shape), offset=entry.start)
        return as_float(data.reshape(entry.shape), entry.dtype)


def as_float(data: NDArray[Any], dtype: str) -> NDArray[Any]:
    """Numbers as they were read, as numbers that numpy can work with.

    Args:
        data: of bfloat16 the bits.
        dtype: "F16", "F32", "F64" or "BF16".
    """
    import numpy as np

    if dtype == "BF16":
        return (data.astype(np.uint32) << 16).view(np.float32)
    return data if dtype in ("F16", "F32") else data.astype(np.float32)


def write_safetensors(path: Path, tensors: Mapping[str, NDArray[Any]], metadata: Mapping[str, str]) -> None:
    """Writes a file of float16 and float32 tensors.

    Raises:
        ValueError: one of them is of another type.
        OSError: it cannot be written.
    """
    import numpy as np

    header: dict[str, Any] = {"__metadata__": dict(metadata)} if metadata else {}
    at = 0
    for name, tensor in tensors.items():
        if tensor.dtype not in (np.float16, np.float32):
            raise ValueError(f"{name} is of type {tensor.dtype}, which is not written here")
        kind = "F16" if tensor.dtype == np.float16 else "F32"
        header[name] = {"dtype": kind, "shape": list(tensor.shape), "data_offsets": [at, at + tensor.nbytes]}
        at += tensor.nbytes
    said = json.dumps(header, separators=(",", ":")).encode()
    said += b" " * (-len(said) % 8)
    with path.open("wb") as file:
        file.write(len(said).to_bytes(8, "little"))
        file.write(said)
        for tensor in tensors.values():
            file.write(np.ascontiguousarray(tensor, tensor.dtype.newbyteorder("<")).tobytes())


def _entry(name: str, told: Any, begin: int) -> Entry:
    try:
        dtype, shape, (start, end) = told["dtype"], told["shape"], told["data_offsets"]
        sizes = [*shape, start, end]
        if not isinstance(dtype, str) or any(type(one) is not int or one < 0 for one in sizes):
            raise TypeError
    except (TypeError, KeyError, ValueError):
        raise ValueError(f"its header says nothing that can be of {name[:200]}") from None
    if (bits := _BITS.get(dtype)) and (end - start) * 8 != prod(shape) * bits:
        raise ValueError(f"{name[:200]} of shape {tuple(shape)} takes other than {end - start} bytes")
    return Entry(dtype, tuple(shape), begin + start, begin + end)
