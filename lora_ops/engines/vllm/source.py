"""An adapter's folder as what mixes for a server are made of: plain LoRA matrices, read without torch."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...shelf.adapter_files import WEIGHTS, AdapterFileError, AdapterFiles, FileTarget, read_adapter
from ...shelf.header import read_header
from ...shelf.lora_fields import Effect, traits, unknown_words
from ...shelf.safetensors_file import SafeTensors
from ...target import Adapter, Target

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: The outputs and inputs of modules, by their names.
Sizes = Mapping[str, tuple[int, int]]
_PREFIX = "base_model.model."
_MERGE = "merge it into the model instead, and serve that"


class CannotServe(ValueError):
    """An adapter that the server has no form for, or that does not fit its model; the message says what to do."""


@dataclass(frozen=True)
class Source:
    """One adapter that mixes are made of.

    Attributes:
        name: as the desk calls it.
        files: what it is.
        hash: of its weights.
    """

    name: str
    files: AdapterFiles
    hash: str

    @classmethod
    def read(cls, name: str, folder: Path) -> Source:
        """The adapter in a folder.

        Raises:
            CannotServe: the server has no form for it.
            AdapterFileError: it is damaged.
        """
        files = read_adapter(folder)
        if why_not := _why_not(files):
            raise CannotServe(f"{name!r} cannot be played by vLLM: {why_not}")
        return cls(name, files, files.content_hash())

    @cached_property
    def adapter(self) -> Adapter:
        """As a desk has it."""
        targets = tuple(
            Target(self.name, one.name, one.layer, one.kind, one.rank, one.alpha, one.scaling, scalable=True)
            for one in self.files.targets
        )
        return Adapter(self.name, "lora", targets, self.files.parameters, 0.0, self.files.rank_stabilised)

    def check_as_read(self) -> None:
        """Refuses a folder that holds something else than when it was read.

        Raises:
            CannotServe: it does, or it is gone.
        """
        with suppress(AdapterFileError, OSError):
            if read_adapter(self.files.folder).content_hash() == self.hash:
                return
        raise CannotServe(f"{self.files.folder} is not what {self.name!r} was loaded from any more: load it again")

    def read_pair(self, target: FileTarget) -> tuple[NDArray[Any], NDArray[Any]]:
        """A of (r, in) and B of (out, r)."""
        first, second = (self._one(f"{_PREFIX}{target.name}.lora_{part}.weight") for part in "AB")
        return first.reshape(first.shape[0], -1), second.reshape(second.shape[0], -1)

    def _one(self, name: str) -> NDArray[Any]:
        return self._file.read(self._names.get(name, name))

    @cached_property
    def _file(self) -> SafeTensors:
        return SafeTensors.open(self.files.folder / WEIGHTS)

    @cached_property
    def _names(self) -> Mapping[str, str]:
        return {name: key for key, name in self.files.names.items()}


def sizes_of(base: Path) -> Sizes:
    """How large the modules of a model are; empty where its folder holds no safetensors.

    Args:
        base: the folder of the model, as transformers keeps it.
    """
    found: dict[str, tuple[int, int]] = {}
    for file in sorted(base.glob("*.safetensors")):
        tensors, _ = read_header(file, file.stat().st_size)
        for name, tensor in tensors.items():
            module, dot, last = name.rpartition(".")
            if dot and last == "weight" and tensor.shape:
                found[module] = tensor.shape[0], prod(tensor.shape[1:])
    return found


def check_fits(source: Source, base: Path, sizes: Sizes | None = None) -> None:
    """Refuses an adapter for another model than the server's: the server takes many such without a word.

    Args:
        source: the adapter.
        base: the folder of the model that the server has, to call it by.
        sizes: of its modules, if they have been read already.

    Raises:
        CannotServe: the model lacks a target, or it has another size.
    """
    sizes = sizes_of(base) if sizes is None else sizes
    if not sizes:
        return  # nothing is known of it
    for target in source.files.targets:
        size = sizes.get(target.name)
        if size is None:
            raise CannotServe(
                f"{source.name!r} adapts {target.name}, and {base.name} has none: it is for another model"
            )
        if size[0] and size != (target.outputs, target.inputs):
            raise CannotServe(
                f"{source.name!r} adapts {target.name} from {target.inputs} to {target.outputs}, and that of "
                f"{base.name} goes from {size[1]} to {size[0]}: it is for another model, or cut off"
            )


def _why_not(files: AdapterFiles) -> str:
    """Why the server has no form for this adapter, and what to do; empty if it has one."""
    if files.method == "dora":
        return f"it is DoRA, and what that adds is not in proportion to a scale; {_MERGE}"
    if files.method != "lora":
        return f"it is {files.method}, and vLLM plays LoRA alone; {_MERGE}"
    if word := unknown_words(files.config):
        return f"init_lora_weights is {word[:60]!r}, of which it is not known what it does to the model"
    if files.saved or files.copies:
        some = ", ".join((*files.saved, *files.copies)[:3])
        return f"it holds full copies of weights ({some}), which vLLM takes from the model alone; {_MERGE}"
    for trait in traits(files.config):
        if trait.effect is not Effect.TRAINING:
            return f"{trait.sentence}; {trait.meaning.way_out or _MERGE}"
    if not files.targets:
        return "it adapts nothing"
    for target in files.targets:
        if target.tokens or target.parameter or target.embedding or not target.rank:
            return f"{target.name} is no pair of A and B for a linear layer of its own; {_MERGE}"
    return ""
