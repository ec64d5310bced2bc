"""The targets that a file of weights adapts: rank, alpha and scaling as its configuration gives them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from math import sqrt
from pathlib import Path
from typing import Any

from ..target import kind_of, layer_of
from .adapter_config import PATTERNED, AdapterFileError, Config
from .adapter_tensors import Parts
from .expert_names import expert_names
from .header import Tensor
from .patterns import Patience, PatternError, Patterns


@dataclass(frozen=True, slots=True)
class FileTarget:
    """One target, as the files tell.

    Attributes:
        name: the module's path in the base model, as far as the file knows it.
        layer: the index of the decoder block it sits in, or None.
        kind: the last part of its name.
        rank: r of this target, 0 where the method has none.
        alpha: alpha of this target, 0 where the method has none.
        scaling: the factor on its output when it is loaded, 0 where there is none.
        inputs, outputs: the sizes that the module must have; 0 where the file does not tell.
        embedding: whether it adapts an embedding, whose inputs are token ids.
        parameter: whether it adapts a parameter of a module (experts' weights), named after that.
        tokens: whether it replaces rows of an embedding.
        path: where its weights stand in the file; that is its name, but for parameters.
    """

    name: str
    layer: int | None
    kind: str
    rank: int = 0
    alpha: float = 0.0
    scaling: float = 0.0
    inputs: int = 0
    outputs: int = 0
    embedding: bool = False
    parameter: bool = False
    tokens: bool = False
    path: str = ""


#: Stored by fewer than eight bits, several numbers in a byte: PEFT cannot put them into a layer.
_TOO_SMALL = re.compile(r"F[1-7]\b|F[1-7]_")


#: Tensors whose first size is the rank.
_RANKED = ("hada_w1_b", "hada_w2_b", "lokr_w1_b", "lokr_w2_b")


def targets_of(config: Config, config_path: Path, parts: Parts, path: Path) -> list[FileTarget]:
    """The targets that a file holds weights of.

    Args:
        config: of the adapter.
        config_path: where it stands, for messages.
        parts: the tensors of the file.
        path: where they are, for messages.

    Raises:
        AdapterFileError: a rank in the configuration is not that of the weights, a pair of matrices is none, or a
            pattern cannot be matched in time.
    """
    scales = _Scales(config, config_path)
    experts = expert_names({module: _size(part) for module, part in parts.modules.items()}, config.target_parameters)
    nested = {module.replace(".base_layer", "") for module in parts.modules if ".base_layer" in module}
    found = []
    for module, tensors in parts.modules.items():
        name = experts.get(module) or module.replace(".base_layer", "")
        tokens = "trainable_tokens_delta" in tensors
        parameter = module in experts or name in nested
        target = FileTarget(name, layer_of(name), kind_of(name), parameter=parameter, tokens=tokens, path=module)
        if scales.method in PATTERNED:
            if small := next((tensor.dtype for tensor in tensors.values() if _TOO_SMALL.match(tensor.dtype)), ""):
                raise AdapterFileError(f"{path}: {name} is stored as {small}, which PEFT does not play")
            target = _paired(target, tensors, path, bool(config.use_bdlora)) if scales.method == "LORA" else target
            rank = scales.rank(target, tensors)
            target = scales.scaled(target, rank) if rank else target
        found.append(target)
    return found


def _size(tensors: Mapping[str, Tensor]) -> int:
    """Inputs and outputs of a pair together."""
    first, second = tensors.get("lora_A"), tensors.get("lora_B")
    return first.shape[-1] + second.shape[0] if first and second and first.shape and second.shape else 0


class _Scales:
    """The rank and the alpha that a configuration gives each target."""

    def __init__(self, config: Config, path: Path) -> None:
        self.method = config.peft_type.upper()
        self._config = config
        self._path = path
        patience = Patience()
        self._ranks = Patterns(config.rank_pattern, patience)
        self._alphas = Patterns(config.alpha_pattern, patience)

    def rank(self, target: FileTarget, tensors: Mapping[str, Tensor]) -> int:
        """The rank of a target, 0 where its weights have none; refused if the weights have another."""
        expected = self._value("rank_pattern", self._ranks, target, self._config.r)
        if target.rank and not target.parameter:  # as its weights have it
            if expected != target.rank:
                named = "r" if expected == self._config.r else "rank_pattern"
                raise AdapterFileError(
                    f"{self._path}: {named} gives {target.name} rank {expected}, and its weights have {target.rank}"
                )
            return target.rank
        if expected is None or not (target.rank or self.method != "LORA"):
            return 0
        # Of a parameter's weights, the pairs of all experts stand one below the other.
        experts = target.rank % expected if target.parameter else 0
        sizes = [tensors[name].shape[0] for name in _RANKED if name in tensors and tensors[name].shape]
        if experts or any(size != expected for size in sizes):
            raise AdapterFileError(f"{self._path}: r is {expected}, and the weights of {target.name} have another")
        return expected

    def scaled(self, target: FileTarget, rank: int) -> FileTarget:
        """The target with its rank, alpha and scaling."""
        given = self._config.lora_alpha if self._config.lora_alpha is not None else self._config.alpha
        alpha = float(self._value("alpha_pattern", self._alphas, target, given if given is not None else 0.0))
        scaling = alpha / (sqrt(rank) if self._config.use_rslora else rank)
        return replace(target, rank=rank, alpha=alpha, scaling=scaling)

    def _value(self, field: str, patterns: Patterns[Any], target: FileTarget, default: Any) -> Any:
        try:
            return patterns.value(target.name, default)
        except PatternError as error:
            raise AdapterFileError(f"{self._path}: {field}: {error}") from None


def _paired(target: FileTarget, tensors: Mapping[str, Tensor], path: Path, in_blocks: bool) -> FileTarget:
    """The target with the sizes of its pair of matrices, and the rank that they have; 0 where there is no pair.

    In blocks (BD-LoRA) one of the two holds the blocks of its diagonal alone, so it is so many times narrower, and does
    not tell how many inputs the module has.
    """
    pair = [(tensors.get(f"{prefix}A"), tensors.get(f"{prefix}B")) for prefix in ("lora_", "lora_embedding_")]
    at = 0 if any(pair[0]) else 1
    first, second = pair[at]
    if first is None or second is None:
        if "trainable_tokens_delta" in tensors:
            return target
        missing = ("A", "B")[first is not None]
        raise AdapterFileError(f"{path}: {target.name} has no lora_{'embedding_' if at else ''}{missing}")
    blocks = in_blocks and len(second.shape) > 1 and second.shape[1] and first.shape[0] % second.shape[1] == 0
    if len(first.shape) < 2 or len(second.shape) < 2 or not (first.shape[0] == second.shape[1] or blocks):
        raise AdapterFileError(
            f"{path}: the shapes of A {first.shape} and B {second.shape} of {target.name} do not agree"
        )
    if first.shape[0] < 1:
        raise AdapterFileError(f"{path}: {target.name} has rank 0")
    inputs = 0 if in_blocks else first.shape[1]
    return replace(target, rank=first.shape[0], inputs=inputs, outputs=second.shape[0], embedding=bool(at))


#: A rank above this is none, whatever a configuration says.
_MOST_RANK = 4096


def check_patterns(config: Config, path: Path, targets: Iterable[FileTarget]) -> None:
    """Refuses ranks beyond all reason that nothing in the file has: PEFT makes room for them before it looks at the
    weights. A pattern that meets no module here may well be meant for another version's names of them.

    Raises:
        AdapterFileError: naming the field.
    """
    largest = max((_MOST_RANK, *(target.rank for target in targets)))
    for name, rank in (config.rank_pattern or {}).items():
        if rank > largest:
            raise AdapterFileError(
                f"{path}: rank_pattern asks for rank {rank} in {name[:80]!r}; no weight has that rank"
            )
    if config.r is not None and config.r > largest:
        raise AdapterFileError(f"{path}: r is {config.r}, and no weight has that rank")
