"""A PEFT adapter's folder in llama.cpp's layout, without torch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ...shelf.adapter_files import WEIGHTS, AdapterFiles, FileTarget, read_adapter
from ...shelf.lora_fields import Effect, traits, unknown_words
from ...shelf.safetensors_file import SafeTensors
from .base import Base
from .experts import EXPERT, modules_pair, parameter_pair
from .layout import laid_out, why_unknown
from .pair import CannotSplit, Pair, Whole, check_fits

if TYPE_CHECKING:
    from numpy.typing import NDArray

_PREFIX = "base_model.model."
#: What multimodal models put into the names of their language model, and GGUF files of that alone do not.
_TOWERS = ("language_model.", "text_model.")
_MERGE = "merge it into the model instead, and convert that"


def read_peft(folder: Path, base: Base) -> Whole:
    """The adapter in a folder, as llama.cpp adds it to this base model.

    Raises:
        CannotSplit: llama.cpp has no form for it, or it is for another model.
        AdapterFileError: it is damaged.
    """
    files = read_adapter(folder)
    if why_not := _why_not(files) or why_unknown(base):
        raise CannotSplit(f"{folder.name!r} cannot be played by llama.cpp: {why_not}")
    weights = _Weights(files)
    tensor_of = partial(_tensor, base=base)
    pairs: list[Pair] = []
    experts: dict[str, dict[int, FileTarget]] = {}
    for target in files.targets:
        if target.parameter:
            made_by = str(files.config.get("peft_version") or "")
            rows = weights.rows(target)
            pairs.append(parameter_pair(target, tensor_of, weights.read, rows, base, made_by))
        elif found := EXPERT.fullmatch(target.name):
            experts.setdefault(f"{found['all']}.{found['kind']}", {})[int(found["number"])] = target
        else:
            pairs.append(_pair(target, weights, base))
    pairs += [modules_pair(name, tensor_of(name), members, weights.read, base) for name, members in experts.items()]
    if not pairs:
        raise CannotSplit(f"{folder.name!r} adapts nothing")
    return Whole(folder, base.architecture, pairs, files.rank_stabilised)


def _why_not(files: AdapterFiles) -> str:
    """Why llama.cpp has no form for this adapter, and what to do; empty if it has one."""
    if files.method == "dora":
        return f"it is DoRA, and what that adds is not in proportion to a scale; {_MERGE}"
    if files.method != "lora":
        return f"it is {files.method}, and llama.cpp plays LoRA alone; {_MERGE}"
    config = files.config
    if word := unknown_words(config):
        return f"init_lora_weights is {word[:60]!r}, of which it is not known what it does to the model"
    if files.saved or files.copies:
        what = (*files.saved, *files.copies)
        some = ", ".join(what[:3])
        beside = any(".base_layer." in name for name in what) and not files.saved
        way_out = f"save it with save_embedding_layers=False, or {_MERGE}" if beside else _MERGE
        return f"it holds full copies of weights ({some}), which llama.cpp takes from the model alone; {way_out}"
    tied = any(target.embedding or target.name.endswith("lm_head") for target in files.targets)
    for trait in traits(config):
        harmless = (
            trait.effect is Effect.TRAINING
            or (trait.field == "ensure_weight_tying" and not tied)
            or trait.field == "target_parameters"  # looked at one by one
        )
        if not harmless:
            return f"{trait.sentence}; {trait.meaning.way_out or _MERGE}"
    for target in files.targets:
        if target.tokens or not (target.rank or target.parameter):
            return f"{target.name} is no pair of A and B for a module of its own; {_MERGE}"
    return ""


class _Weights:
    """The tensors of an adapter's file by PEFT's names of them."""

    def __init__(self, files: AdapterFiles) -> None:
        self._file = SafeTensors.open(files.folder / WEIGHTS)
        self._names: Mapping[str, str] = {name: key for key, name in files.names.items()}

    def read(self, target: FileTarget) -> tuple[NDArray[Any], NDArray[Any]]:
        """A and B as PEFT has them: (r, in) and (out, r)."""
        parts = ("lora_embedding_A", "lora_embedding_B") if target.embedding else ("lora_A.weight", "lora_B.weight")
        first, second = (self._file.read(self._key(target, part)) for part in parts)
        # A convolution of one point is a matrix.
        return first.reshape(first.shape[0], -1), second.reshape(second.shape[0], -1)

    def rows(self, target: FileTarget) -> int:
        """How many rows A has: r of each expert together."""
        return self._file.entries[self._key(target, "lora_A.weight")].shape[0]

    def _key(self, target: FileTarget, part: str) -> str:
        name = f"{_PREFIX}{target.path}.{part}"
        return self._names.get(name, name)


def _pair(target: FileTarget, weights: _Weights, base: Base) -> Pair:
    tensor = _tensor(target.name, base)
    rank = target.rank
    if target.embedding:
        a, b = (target.inputs, rank), (target.outputs, rank)
    else:
        a, b = (rank, target.inputs), (target.outputs, rank)
    check_fits(target.name, tensor, a, b, base)
    read = partial(_read, target, tensor, weights, base)
    return Pair(target.name, tensor, target.layer, rank, target.scaling, read, rank * (target.inputs + target.outputs))


def _read(target: FileTarget, tensor: str, weights: _Weights, base: Base) -> tuple[NDArray[Any], NDArray[Any]]:
    a, b = weights.read(target)
    if target.embedding:
        return np.ascontiguousarray(a.T), b
    return a, laid_out(b, tensor, target.layer, base)


def _tensor(module: str, base: Base) -> str:
    """llama.cpp's name of the weight that a module has.

    Raises:
        CannotSplit: there is none.
    """
    for name in _spellings(module):
        if tensor := base.tensor_of(name):
            return tensor
    raise CannotSplit(
        f"{module} has no name in llama.cpp's {base.architecture!r} models: the adapter is for another model, or "
        "adapts a part (of images, say) that no adapter of llama.cpp reaches"
    )


def _spellings(module: str) -> Iterable[str]:
    yield module
    for tower in _TOWERS:
        if tower in module:
            yield module.replace(tower, "")
