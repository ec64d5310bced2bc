"""What a GGUF file says of itself: its fields, and where its tensors stand. Nothing is read of the weights.

By hand, since the package `gguf` builds an array for each of a vocabulary's tokens (two seconds for a small model), and
since what strangers made must be refused in words. The format: GGUF 2 and 3, little-endian
(github.com/ggml-org/ggml, docs/gguf.md).
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import Any

#: By number: how many bytes a block of numbers takes, and how many numbers are in it (ggml.h, ggml-common.h).
_BLOCKS: Mapping[int, tuple[str, int, int]] = {
    0: ("F32", 4, 1),
    1: ("F16", 2, 1),
    2: ("Q4_0", 18, 32),
    3: ("Q4_1", 20, 32),
    6: ("Q5_0", 22, 32),
    7: ("Q5_1", 24, 32),
    8: ("Q8_0", 34, 32),
    30: ("BF16", 2, 1),
}
_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_TEXT, _ARRAY = 8, 9
#: Arrays of more (a vocabulary) are passed over, and more fields, tensors or sizes than these are none.
_LONG_ARRAY, _MOST_THINGS, _MOST_SIZES = 4096, 1_000_000, 4


class GGUFError(ValueError):
    """A file that is no GGUF file, is damaged, or is not what it was given for; the message says which and why."""


@dataclass(frozen=True)
class GGUFTensor:
    """One tensor of a file.

    Attributes:
        name: as llama.cpp calls it, "blk.0.attn_q.weight".
        shape: as numpy has it, rows first: (out, in).
        kind: how its numbers are stored: "F32", "F16", "BF16", "Q8_0"; a number where that is not known here.
        start: where it begins in the file, in bytes.
        size: in bytes; 0 where its kind is not known.
    """

    name: str
    shape: tuple[int, ...]
    kind: str
    start: int
    size: int


@dataclass(frozen=True)
class GGUFFile:
    """The header of a GGUF file.

    Attributes:
        path: where it is.
        fields: what it says of itself; long arrays are left out.
        tensors: by name, in its order.
    """

    path: Path
    fields: Mapping[str, Any] = field(repr=False)
    tensors: Mapping[str, GGUFTensor] = field(repr=False)

    @property
    def type(self) -> str:
        """ "model", "adapter" …; a file that does not say is a model."""
        return str(self.fields.get("general.type", "model"))

    @property
    def architecture(self) -> str:
        """llama.cpp's name of the kind of model, "llama"; empty where it does not say."""
        return str(self.fields.get("general.architecture", ""))


def looks_like_gguf(path: Path) -> bool:
    """Whether a file begins as a GGUF file does."""
    try:
        with path.open("rb") as file:
            return file.read(4) == b"GGUF"
    except OSError:
        return False


def read_gguf(path: Path) -> GGUFFile:
    """The header of a GGUF file.

    Raises:
        GGUFError: it cannot be read, is none, or is cut off.
    """
    try:
        with path.open("rb") as file:
            if file.read(4) != b"GGUF":
                raise GGUFError(f"{path} is no GGUF file")
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                return _read(path, data)
    except OSError as error:
        raise GGUFError(f"{path} cannot be read: {error.strerror or error}") from error
    except (struct.error, IndexError, OverflowError) as error:
        raise GGUFError(f"{path} is cut off or damaged: its header does not end") from error
    except UnicodeDecodeError as error:
        raise GGUFError(f"{path} is damaged: a name in it is no text") from error


def _read(path: Path, data: mmap.mmap) -> GGUFFile:
    walk = _Walk(path, data)
    version = walk.number("I")
    if version not in (2, 3):
        order = " (it may be for machines of the other byte order)" if version & 0xFFFF == 0 else ""
        raise GGUFError(f"{path} is a GGUF file of version {version}, which is not known here{order}")
    tensors, fields = walk.number("Q"), walk.number("Q")
    if tensors > _MOST_THINGS or fields > _MOST_THINGS:
        raise GGUFError(f"{path} is damaged: it says that it has {tensors:,} tensors and {fields:,} fields")
    said: dict[str, Any] = {}
    for _ in range(fields):
        name = walk.text()
        value = walk.value(walk.number("I"))
        if value is not None:
            said[name] = value
    infos = [walk.tensor() for _ in range(tensors)]
    align = said.get("general.alignment", 32)
    if not isinstance(align, int) or align < 1:
        raise GGUFError(f"{path} is damaged: its alignment is {align!r}")
    begin = -(-walk.at // align) * align
    found: dict[str, GGUFTensor] = {}
    for name, shape, number, offset in infos:
        kind, block, numbers = _BLOCKS.get(number, (str(number), 0, 1))
        size = prod(shape) // numbers * block
        if begin + offset + size > len(data):
            raise GGUFError(f"{path} is cut off: {name} ends after it")
        if name in found:
            raise GGUFError(f"{path} holds {name[:200]} twice")
        found[name] = GGUFTensor(name, shape, kind, begin + offset, size)
    return GGUFFile(path, said, found)


class _Walk:
    """Reads one thing after the other."""

    def __init__(self, path: Path, data: mmap.mmap) -> None:
        self._path, self._data = path, data
        self.at = 4

    def number(self, form: str) -> Any:
        (value,) = struct.unpack_from(f"<{form}", self._data, self.at)
        self.at += struct.calcsize(f"<{form}")
        return value

    def text(self) -> str:
        return self._bytes().decode("utf-8")

    def _bytes(self) -> bytes:
        length = self.number("Q")
        if length > len(self._data) - self.at:
            raise IndexError
        self.at += length
        return bytes(self._data[self.at - length : self.at])

    def value(self, kind: int) -> Any:
        """The value of a field; None for an array too long to be of interest."""
        if kind in _SCALARS:
            return self.number(_SCALARS[kind])
        if kind == _TEXT:
            return self._bytes().decode("utf-8", errors="replace")
        if kind != _ARRAY:
            raise GGUFError(f"{self._path} is damaged: a field of kind {kind} is not known")
        inner, count = self.number("I"), self.number("Q")
        if inner == _ARRAY or not (inner == _TEXT or inner in _SCALARS):
            raise GGUFError(f"{self._path} is damaged: an array of kind {inner} is not known")
        if count > len(self._data) - self.at:
            raise IndexError
        if count <= _LONG_ARRAY:
            return [self.value(inner) for _ in range(count)]
        if inner == _TEXT:
            for _ in range(count):
                self.at += 8 + struct.unpack_from("<Q", self._data, self.at)[0]
        else:
            self.at += count * struct.calcsize(f"<{_SCALARS[inner]}")
        return None

    def tensor(self) -> tuple[str, tuple[int, ...], int, int]:
        name, sizes = self.text(), self.number("I")
        if not 1 <= sizes <= _MOST_SIZES:
            raise GGUFError(f"{self._path} is damaged: {name[:200]} has {sizes} sizes")
        shape = tuple(self.number("Q") for _ in range(sizes))[::-1]
        return name, shape, self.number("I"), self.number("Q")
