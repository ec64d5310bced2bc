"""A GGUF adapter, as llama.cpp's converter makes them: its names and its layout are right already."""

from __future__ import annotations

from functools import partial
from math import prod
from pathlib import Path

from .base import Base
from .gguf_file import GGUFError, GGUFFile, read_gguf
from .numbers import read_tensor
from .pair import CannotSplit, Pair, Whole, check_fits

_A, _B = ".lora_a", ".lora_b"


def read_gguf_adapter(path: Path) -> GGUFFile:
    """The header of a GGUF adapter.

    Raises:
        GGUFError: it cannot be read, or is no LoRA adapter.
    """
    file = read_gguf(path)
    if file.type != "adapter":
        raise GGUFError(f"{path} is a {file.type[:60]}, not an adapter")
    kind = file.fields.get("adapter.type")
    if kind != "lora":
        raise GGUFError(f"{path} is an adapter of type {str(kind)[:60]!r}, and llama.cpp plays 'lora' alone")
    return file


def read_gguf_pairs(path: Path, base: Base) -> Whole:
    """The adapter in a GGUF file, as it is added to this base model.

    Norms that some files bring along are left out: llama.cpp passes over them.

    Raises:
        GGUFError: it is damaged, or no adapter.
        CannotSplit: it is for another model, or acts from certain tokens on (aLoRA).
    """
    file = read_gguf_adapter(path)
    if file.fields.get("adapter.alora.invocation_tokens"):
        raise CannotSplit(f"{path.name} is aLoRA: it acts from its invocation tokens on, and only as a whole")
    if file.architecture != base.architecture:
        raise CannotSplit(
            f"{path.name} is for {file.architecture[:60]!r} models, and {base.file.path.name} is {base.architecture!r}"
        )
    alpha = float(file.fields.get("adapter.lora.alpha", 0.0))
    pairs = [_pair(file, name, alpha, base) for name in _weights(file)]
    if not pairs:
        raise CannotSplit(f"{path.name} adapts nothing")
    return Whole(path, base.architecture, pairs)


def _weights(file: GGUFFile) -> list[str]:
    """The weights that the file adapts, in its order."""
    names: dict[str, None] = {}
    for tensor in file.tensors:
        if tensor.endswith((_A, _B)):
            names[tensor[: -len(_A)]] = None
        elif not tensor.endswith("_norm.weight"):
            raise CannotSplit(f"{file.path.name} holds {tensor[:200]}, which is no part of an adapter")
    return list(names)


def _pair(file: GGUFFile, name: str, alpha: float, base: Base) -> Pair:
    a, b = file.tensors.get(name + _A), file.tensors.get(name + _B)
    if a is None or b is None:
        raise CannotSplit(f"{file.path.name}: {name} has no {'lora_a' if a is None else 'lora_b'}")
    check_fits(name, name, a.shape, b.shape, base)
    rank = b.shape[-1]
    if rank != (a.shape[-1] if name == "token_embd.weight" else a.shape[-2]) or rank < 1:
        raise CannotSplit(
            f"{file.path.name}: the ranks of lora_a {a.shape} and lora_b {b.shape} of {name} do not agree"
        )
    if not a.size or not b.size:
        raise CannotSplit(f"{file.path.name}: {name} is stored as {a.kind}, whose numbers cannot be read here")
    module = base.modules.get(name, name.removesuffix(".weight"))
    parts = name.split(".")
    layer = int(parts[1]) if parts[0] == "blk" and len(parts) > 2 and parts[1].isdigit() else None
    # llama.cpp takes an alpha of 0 for none: what is added is B A then (llama_adapter_lora_weight::get_scale).
    scaling = alpha / rank if alpha else 1.0
    read = partial(lambda one, other: (read_tensor(file.path, one), read_tensor(file.path, other)), a, b)
    return Pair(module, name, layer, rank, scaling, read, prod(a.shape) + prod(b.shape))
