"""The header of a file of weights: the names, shapes and types of its tensors, and nothing of their numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path

from .adapter_config import AdapterFileError
from .adapter_folder import what_it_is
from .safetensors_file import SafeTensors

#: The header of 18,000 targets takes some megabytes.
MOST_HEADER = 64 * 2**20


@dataclass(frozen=True, slots=True)
class Tensor:
    shape: tuple[int, ...]
    dtype: str


def read_header(path: Path, size: int) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The names, shapes and dtypes of the tensors in a file, whose offsets and length have been checked."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
    if (size < 8 or length > size - 8) and (found := what_it_is(path)):
        raise AdapterFileError(f"{path} is no file of weights but {found}")
    if size < 8 or length > size - 8:
        raise AdapterFileError(f"{path} is cut off: its header says {length} bytes, and the file has {size}")
    if length > MOST_HEADER:
        raise AdapterFileError(f"{path}: its header of {length} bytes is larger than {MOST_HEADER // 2**20} MiB")
    try:
        from safetensors import SafetensorError, safe_open
    except ImportError:  # portable builds of hosts have none
        return _by_hand(path)
    try:
        with safe_open(str(path), framework="numpy") as file:
            tensors = {}
            for name in file.keys():  # noqa: SIM118
                part = file.get_slice(name)
                tensors[name] = Tensor(tuple(part.get_shape()), str(part.get_dtype()))
            return tensors, dict(file.metadata() or {})
    except (SafetensorError, ValueError, OverflowError) as error:
        reason = str(error).removeprefix("Error while deserializing header: ")
        raise AdapterFileError(f"{path} is damaged or cut off: {reason}") from error


def _by_hand(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    try:
        file = SafeTensors.open(path)
    except ValueError as error:
        raise AdapterFileError(f"{path} is damaged or cut off: {error}") from error
    return {name: Tensor(one.shape, one.dtype) for name, one in file.entries.items()}, dict(file.metadata)


_DTYPES = {"F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16"}


def main_dtype(tensors: Mapping[str, Tensor]) -> str:
    """How most of the numbers are stored, in torch's words."""
    counts: dict[str, int] = {}
    for tensor in tensors.values():
        counts[tensor.dtype] = counts.get(tensor.dtype, 0) + prod(tensor.shape)
    most = max(counts, key=lambda dtype: counts[dtype], default="")
    return _DTYPES.get(most, most.lower())
