"""Adapters in llama.cpp's layout as the bakery takes them, and a draft as the pairs that a GGUF file holds.

Names of targets are those of transformers; rows stand where llama.cpp has them. Singular values, sums and gains do not
care, so that everything that the bakery does to a PEFT adapter it does to these.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..engines.llama_server.base import Base
from ..engines.llama_server.gguf_adapter import read_gguf_adapter
from ..engines.llama_server.pair import Pair, Whole, joined
from ..engines.llama_server.part import Part, unsplit
from ..engines.llama_server.part_weights import module_names, read_part
from ..engines.llama_server.whole_adapter import name_of, read_whole
from ..shelf.adapter_weights import PREFIX, AdapterWeights, roles_of
from ..target import Target, kind_of, layer_of
from .draft import Draft

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Of these llama.cpp reads A the other way round.
_EMBEDDINGS = "token_embd.weight"


@dataclass(frozen=True)
class LlamaWeights:
    """One adapter in llama.cpp's layout.

    Attributes:
        weights: as the bakery takes them, in float32: experts as PEFT lays them out.
        tensors: llama.cpp's names of each target's weights: of gate and up of experts, which are one target, two.
        experts: how many each target has; 1 where it has none.
        architecture: of the base model.
        base: the base model's name, if it is known.
    """

    weights: AdapterWeights
    tensors: Mapping[str, tuple[str, ...]]
    experts: Mapping[str, int]
    architecture: str
    base: str = ""


def read_llama_weights(adapter: Path | str, model: Path | str, name: str = "") -> LlamaWeights:
    """An adapter's folder or GGUF file as llama.cpp adds it to a base model.

    Raises:
        CannotSplit: llama.cpp has no form for it, or it is for another model.
        ValueError: one of them is damaged.
    """
    adapter, base = Path(adapter).expanduser(), Base.read(Path(model).expanduser())
    return _of_whole(read_whole(adapter, base), name or name_of(adapter), adapter, base.name)


def read_gguf_weights(path: Path | str, name: str = "") -> LlamaWeights:
    """A GGUF adapter by itself, with no base model: for what it adds, not for a file that is played.

    Raises:
        GGUFError: it is damaged, or no adapter.
    """
    path = Path(path).expanduser()
    modules = module_names(read_gguf_adapter(path))
    part = unsplit(path, name or path.stem)
    targets = tuple(modules.get(tensor, tensor) for tensor in part.targets)
    return llama_weights_of_parts([replace(part, targets=targets)])


def llama_weights_of_parts(parts: Sequence[Part]) -> LlamaWeights:
    """One adapter out of the files that a server has loaded: what it plays, whatever became of their source.

    Raises:
        ValueError: one of them cannot be read, or is not what it was.
    """
    pairs: list[Pair] = []
    architecture = base = ""
    for part in parts:
        file, own = read_part(part)
        architecture = file.architecture
        base = base or str(file.fields.get("general.base_model.0.name", ""))
        pairs += own
    return _of_whole(Whole(parts[0].path, architecture, joined(pairs)), parts[0].adapter, None, base)


def pairs_of(draft: Draft, sources: Sequence[LlamaWeights]) -> list[Pair]:
    """What a draft of adapters in this layout adds, as a GGUF file holds it."""
    alpha = float(draft.config["lora_alpha"])
    tensors = {target: weights for one in sources for target, weights in one.tensors.items()}
    experts = {target: count for one in sources for target, count in one.experts.items()}
    found = []
    for target, (tensor, *more) in tensors.items():
        key = f"{PREFIX}{target}"
        if tensor == _EMBEDDINGS:
            a, b = draft.tensors[f"{key}.lora_embedding_A"].T, draft.tensors[f"{key}.lora_embedding_B"]
        elif f"{key}.lora_A.weight" in draft.tensors:
            a, b = _apart(draft.tensors[f"{key}.lora_A.weight"], draft.tensors[f"{key}.lora_B.weight"], experts[target])
        else:
            continue  # it was silent, and left out
        rank = b.shape[-1]
        size = a.size + b.size
        found.append(Pair(target, tensor, layer_of(target), rank, alpha / rank, _given(a, b), size, tuple(more)))
    return found


def _of_whole(whole: Whole, name: str, source: Path | None, base: str) -> LlamaWeights:
    tensors: dict[str, Any] = {}
    owners: dict[str, Target] = {}
    experts: dict[str, int] = {}
    for pair in whole.pairs:
        a, b = (one.astype(np.float32) for one in pair.read())
        experts[pair.target] = a.shape[0] if a.ndim == 3 else 1
        key = f"{PREFIX}{pair.target}"
        if pair.tensor == _EMBEDDINGS:
            tensors[f"{key}.lora_embedding_A"], tensors[f"{key}.lora_embedding_B"] = a.T, b
        else:
            tensors[f"{key}.lora_A.weight"], tensors[f"{key}.lora_B.weight"] = _together(a, b)
        owners[key] = Target(
            name, pair.target, pair.layer, kind_of(pair.target), pair.rank, pair.scaling * pair.rank, pair.scaling, True
        )
    rank = max(pair.rank for pair in whole.pairs)
    config = {"peft_type": "LORA", "r": rank, "lora_alpha": rank, "target_modules": [one.target for one in whole.pairs]}
    folder = source if source is not None and source.is_dir() else None
    weights = AdapterWeights(
        name, "lora", config, tensors, tuple(owners.values()), roles_of(tensors, owners), source=folder
    )
    named = {pair.target: pair.tensors for pair in whole.pairs}
    return LlamaWeights(weights, named, experts, whole.architecture, base)


def _together(a: NDArray[Any], b: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Experts, (experts, r, in) and (experts, out, r), as PEFT has them: outermost in A, innermost in B."""
    if a.ndim == 2:
        return a, b
    return a.reshape(-1, a.shape[-1]), b.transpose(1, 2, 0).reshape(b.shape[1], -1)


def _apart(a: NDArray[Any], b: NDArray[Any], experts: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """The reverse of `_together`."""
    if experts == 1:
        return a, b
    return a.reshape(experts, -1, a.shape[-1]), b.reshape(len(b), -1, experts).transpose(2, 0, 1)


def _given(a: NDArray[Any], b: NDArray[Any]) -> Any:
    return lambda: (a, b)
