"""The base model's GGUF file, as far as an adapter has to fit it: its tensors, its heads, its names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from math import prod
from pathlib import Path
from typing import Any

from ...optional_packages import needed
from .gguf_file import GGUFError, GGUFFile, read_gguf
from .module_names import own_name

#: Kinds as most models of transformers call them.
_USUAL = frozenset(
    ["q_proj", "k_proj", "v_proj", "o_proj", "qkv_proj", "gate_proj", "up_proj", "down_proj", "gate_up_proj"]
)
#: Names are made for each block: a file that says that it has millions would take all memory.
_MOST_BLOCKS = 2000


@dataclass(frozen=True)
class Base:
    """A base model in a GGUF file.

    Attributes:
        file: its header.
    """

    file: GGUFFile

    @classmethod
    def read(cls, path: Path) -> Base:
        """The base model in a file.

        Raises:
            GGUFError: it cannot be read, or is an adapter.
        """
        file = read_gguf(path)
        if file.type == "adapter":
            raise GGUFError(f"{path} is an adapter, not a model: name the model that it is played on")
        if file.type != "model" or not file.architecture:
            raise GGUFError(f"{path} is no language model in GGUF's form (it says that it is {file.type[:60]!r})")
        return cls(_all_of(file))

    @property
    def architecture(self) -> str:
        """llama.cpp's name of the kind of model, "llama"."""
        return self.file.architecture

    @property
    def name(self) -> str:
        """What its file calls the model; the file's own name where it says nothing."""
        return str(self.file.fields.get("general.name") or self.file.path.stem)

    @property
    def shapes(self) -> Mapping[str, tuple[int, ...]]:
        """The shape of every tensor, rows first, by llama.cpp's name."""
        return {name: tensor.shape for name, tensor in self.file.tensors.items()}

    @property
    def parameters(self) -> int:
        """How many numbers it holds."""
        return sum(prod(shape) for shape in self.shapes.values())

    @property
    def layers(self) -> int:
        """How many blocks it has.

        Raises:
            GGUFError: the file does not say, or no model has so many.
        """
        count = self._whole("block_count")
        if count > _MOST_BLOCKS:
            raise GGUFError(f"{self.file.path} says that it has {count:,} blocks, and no model has so many")
        return count

    @property
    def ties_embeddings(self) -> bool:
        """Whether its last layer is its embeddings again, so that a file of it holds those once."""
        return "output.weight" not in self.file.tensors

    def heads(self, layer: int, of_keys: bool) -> int:
        """How many heads a layer has, of queries or of keys.

        Raises:
            GGUFError: the file does not say.
        """
        if of_keys and f"{self.architecture}.attention.head_count_kv" not in self.file.fields:
            of_keys = False
        return self._whole("attention.head_count_kv" if of_keys else "attention.head_count", layer)

    def tensor_of(self, module: str) -> str:
        """llama.cpp's name of a module's weight, by the name that the module has in transformers; empty without one."""
        name = self._names.get(module)
        return f"{name[1]}.weight" if name else ""

    @cached_property
    def modules(self) -> Mapping[str, str]:
        """A module's name in transformers for every tensor of llama.cpp's that has one: the reverse of `tensor_of`."""
        found: dict[str, str] = {}
        for module, (_, name) in self._names.items():
            better = _commonness(module) < _commonness(found.get(f"{name}.weight", ""))
            if better:
                found[f"{name}.weight"] = module
        own = {name: own_name(self.architecture, name.removesuffix(".weight")) for name in found}
        return {name: own[name] or module for name, module in found.items()}

    @cached_property
    def _names(self) -> Mapping[str, Any]:
        gguf = needed("gguf", "naming an adapter's weights as llama.cpp does")
        numbers = {name: number for number, name in gguf.MODEL_ARCH_NAMES.items()}
        if self.architecture not in numbers:
            return {}
        names: Mapping[str, Any] = gguf.get_tensor_name_map(numbers[self.architecture], self.layers).mapping
        return names

    def _whole(self, name: str, layer: int = 0) -> int:
        value = self.file.fields.get(f"{self.architecture}.{name}")
        if isinstance(value, list):
            value = value[layer] if layer < len(value) else None
        if not isinstance(value, int) or value < 1:
            raise GGUFError(f"{self.file.path} does not say {self.architecture}.{name}, which an adapter needs")
        return value


#: One of the files that a large model is cut into.
_SHARD = re.compile(r"(?P<name>.+)-(?P<number>\d{5})-of-(?P<count>\d{5})\.gguf")


def files_of(path: Path) -> tuple[GGUFFile, ...]:
    """The headers of all files that a model is cut into, by the path of the first; of one that is not, its own.

    Raises:
        GGUFError: this is not the first one, or another one is missing.
    """
    return _files_of(read_gguf(path))


def _files_of(file: GGUFFile) -> tuple[GGUFFile, ...]:
    count = file.fields.get("split.count", 1)
    if not isinstance(count, int) or count < 2:
        return (file,)
    found = _SHARD.fullmatch(file.path.name)
    if file.fields.get("split.no", 0) != 0 or found is None:
        raise GGUFError(f"{file.path} is one of {count} files of a model: name the first, …-00001-of-{count:05}.gguf")
    others = [file.path.with_name(f"{found['name']}-{at:05}-of-{count:05}.gguf") for at in range(2, count + 1)]
    return (file, *(read_gguf(other) for other in others))


def _all_of(file: GGUFFile) -> GGUFFile:
    """The same with the tensors of all files that a model is cut into; the first one says what the model is."""
    tensors = {name: tensor for one in _files_of(file) for name, tensor in one.tensors.items()}
    return replace(file, tensors=tensors)


def _commonness(module: str) -> tuple[int, ...]:
    """Sorts the names first that most models of transformers have."""
    outer, _, kind = module.rpartition(".")
    block = re.fullmatch(r"model\.layers\.\d+\.(.+)", outer)
    usual = module in ("model.embed_tokens", "lm_head") or (block is not None and kind in _USUAL)
    owner = block[1] if block else ""
    return (not module, not usual, owner not in ("self_attn", "mlp", "mlp.experts"), len(module))
