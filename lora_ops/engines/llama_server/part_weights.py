"""What the files add that a llama-server has loaded, read from them: whatever became of what they were made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...target import Target, kind_of, layer_of
from .base import Base
from .gguf_adapter import read_gguf_adapter
from .gguf_file import GGUFFile, GGUFTensor
from .numbers import read_tensor
from .pair import Pair, joined
from .part import Part

if TYPE_CHECKING:
    from numpy.typing import NDArray


def read_part(part: Part) -> tuple[GGUFFile, list[Pair]]:
    """The header of a part's file, and what it adds at scale 1, in the order of its targets.

    Raises:
        GGUFError: it cannot be read, or is no adapter.
        ValueError: it holds something else than it did.
    """
    file = read_gguf_adapter(part.path)
    names = [tensor.removesuffix(".lora_a") for tensor in file.tensors if tensor.endswith(".lora_a")]
    if len(names) != len(part.targets):
        raise ValueError(f"{part.path} holds {len(names)} targets, and had {len(part.targets)}: split it again")
    alpha = float(file.fields.get("adapter.lora.alpha", 0.0))
    pairs = []
    for target, tensor in zip(part.targets, names, strict=True):
        a, b = (file.tensors[f"{tensor}.lora_{which}"] for which in "ab")
        rank = b.shape[-1]
        layer = layer_of(target) if part.layer is None else part.layer
        # llama.cpp takes an alpha of 0 for none.
        scaling = alpha / rank if alpha else 1.0
        pairs.append(Pair(target, tensor, layer, rank, scaling, _reader(part.path, a, b), 0))
    return file, pairs


def targets_of(part: Part) -> list[tuple[Target, Pair]]:
    """Each target of a part by its name in transformers, as the server was started to play it, and what it adds.

    Of a file that was not split the names are those that models of its architecture mostly have.

    Raises:
        ValueError: as `read_part`.
    """
    file, pairs = read_part(part)
    modules = module_names(file) if any(pair.target == pair.tensor for pair in pairs) else {}
    found = []
    for pair in joined(pairs):
        name = modules.get(pair.tensor, pair.target) if pair.target == pair.tensor else pair.target
        scaling = pair.scaling * part.start
        layer = layer_of(name) if part.layer is None else part.layer
        target = Target(part.adapter, name, layer, kind_of(name), pair.rank, scaling * pair.rank, scaling, True)
        found.append((target, pair))
    return found


def module_names(file: GGUFFile) -> dict[str, str]:
    """The names in transformers of the weights that a GGUF adapter has, as far as its architecture has any."""
    blocks = [int(word[1]) for tensor in file.tensors if (word := tensor.split("."))[0] == "blk" and word[1].isdigit()]
    fields = {**file.fields, f"{file.architecture}.block_count": max(blocks, default=0) + 1}
    return dict(Base(replace(file, fields=fields)).modules)


def _reader(path: Path, a: GGUFTensor, b: GGUFTensor) -> Callable[[], tuple[NDArray[Any], NDArray[Any]]]:
    return partial(_both, path, a, b)


def _both(path: Path, *tensors: GGUFTensor) -> tuple[NDArray[Any], NDArray[Any]]:
    first, second = (read_tensor(path, one) for one in tensors)
    return first, second
