"""How large the weights of a GGUF model are that an adapter is added to: their Frobenius norms, quantised ones too."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from math import sqrt
from pathlib import Path
from typing import Any

import numpy as np

from ..engines.llama_server.base import files_of
from ..engines.llama_server.gguf_file import GGUFError, GGUFTensor
from ..optional_packages import needed

#: Told how many weights are known, and of how many.
Progress = Callable[[int, int], None]
#: So many numbers of a weight are unpacked at a time.
_SLICE = 2**21


def weight_norms(
    model: Path, tensors: Iterable[str], known: dict[str, float | None], progress: Progress | None = None
) -> None:
    """Adds the norms of a model's weights, by llama.cpp's names, to those that are known.

    What is stored in a way that is not known here has None. It reads each weight once, which takes seconds for a small
    model and a minute or two for one of 8 billion numbers.

    Args:
        model: its file; of a model in several the first.
        tensors: the names of the weights.
        known: takes each as soon as it is there; what is in it already is not read again.
        progress: told after each.

    Raises:
        GGUFError: the model cannot be read, or lacks one of them.
    """
    missing = [name for name in dict.fromkeys(tensors) if name not in known]
    if not missing:
        return
    places = {name: (file.path, tensor) for file in files_of(model) for name, tensor in file.tensors.items()}
    for at, name in enumerate(missing):
        if name not in places:
            raise GGUFError(f"{model} has no {name[:200]}: the adapter is for another model")
        squares = _squares(*places[name])
        known[name] = None if squares is None else sqrt(squares)
        if progress is not None:
            progress(at + 1, len(missing))


def _squares(path: Path, tensor: GGUFTensor) -> float | None:
    """The sum of the squares of a weight's numbers."""
    plain = {"F32": "<f4", "F16": "<f2", "F64": "<f8"}.get(tensor.kind)
    count = int(np.prod(tensor.shape))
    if plain is not None:
        read: Callable[[Any], Any] = lambda raw: raw.view(plain)  # noqa: E731
        block, numbers = np.dtype(plain).itemsize, 1
    else:
        found = _quantised(tensor)
        if found is None:
            return None
        block, numbers, read = found
    blocks, step = count // numbers, max(1, _SLICE // numbers)
    raw = np.memmap(path, np.uint8, "r", tensor.start, (blocks * block,))
    total = 0.0
    for at in range(0, blocks, step):
        own = np.asarray(read(raw[at * block : min(blocks, at + step) * block]), np.float32).reshape(-1)
        total += float(np.dot(own, own))
    return total


def _quantised(tensor: GGUFTensor) -> tuple[int, int, Callable[[Any], Any]] | None:
    """How many bytes and numbers one of its blocks has, and what unpacks them; None where nobody here knows."""
    gguf = needed("gguf", "reading a model's weights")
    try:
        kind = gguf.GGMLQuantizationType(int(tensor.kind)) if tensor.kind.isdigit() else _by_name(gguf, tensor.kind)
        numbers, block = gguf.GGML_QUANT_SIZES[kind]
        gguf.quants.dequantize(np.zeros((1, block), np.uint8), kind)
    except (ValueError, KeyError, AttributeError, NotImplementedError):
        return None
    return block, numbers, partial(_unpacked, gguf, kind)


def _by_name(gguf: Any, name: str) -> Any:
    return gguf.GGMLQuantizationType[name]


def _unpacked(gguf: Any, kind: Any, raw: Any) -> Any:
    # As one row: rows are unpacked sixteen at a time, in Python.
    return gguf.quants.dequantize(np.ascontiguousarray(raw).reshape(1, -1), kind)
