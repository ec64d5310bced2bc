"""Whether an adapter on disk fits a model that is loaded, told before anything is loaded."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from ..imported import imported
from ..sentence import sentence
from .adapter_config import PATTERNED, AdapterFileError
from .adapter_folder import CONFIG
from .patterns import PatternError
from .peft_config import config_of, ties_targets
from .regex_probe import why_endless
from .renamed_modules import converts_experts, model_names
from .targeting import Asked

if TYPE_CHECKING:
    from torch import nn

    from .adapter_files import AdapterFiles, FileTarget

#: Names of what PEFT puts together in some models.
_FUSED = re.compile(r"(?:^|\.)(?:experts|gate)(?:\.|$)")

#: inputs, outputs of a module; 0 where it is not known.
Sizes = tuple[int, int]


@dataclass(frozen=True)
class Fitting:
    """The modules of one base model.

    >>> fitting = Fitting.of(model)
    >>> fitting.why_not(read_adapter("loras/pirate"))
    ''

    Attributes:
        sizes: of each module that an adapter could adapt, by its path in the base model.
        modules: the paths of all modules.
        parameters: the shapes of all parameters and buffers, by their paths.
        linear: the modules that "all-linear" means.
        tied: modules whose weights are those of the embeddings.
        layers: how many decoder blocks there are.
    """

    sizes: Mapping[str, Sizes]
    modules: tuple[str, ...]
    parameters: Mapping[str, tuple[int, ...]]
    linear: frozenset[str]
    tied: frozenset[str]
    layers: int
    _base: Any = field(repr=False)
    _targets: dict[Asked, frozenset[str] | str] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, model: nn.Module) -> Fitting:
        """The modules of `model`, with or without adapters; remembered for as long as its base model lives."""
        from weakref import proxy

        base = base_of(model)
        known = _known.get(base)
        if known is None:
            known = _known[base] = cls._read(base, proxy(base))
        return known

    @classmethod
    def _read(cls, base: nn.Module, weakly: Any) -> Fitting:
        from ..target import layer_of

        inside = dict(_walk(base))
        sizes = {path: size for path, module in inside.items() if (size := _of_module(module)) is not None}
        layers = {layer for name in sizes if (layer := layer_of(name)) is not None}
        parameters = {
            f"{path}.{name}": tuple(tensor.shape)
            for path, module in inside.items()
            for name, tensor in (*module._parameters.items(), *module._buffers.items())
            if tensor is not None
        }
        return cls(sizes, tuple(inside), parameters, _linear(base, inside), _tied(base), len(layers), weakly)

    def targets(self, asked: Asked) -> frozenset[str]:
        """The modules and parameters that an adapter of this configuration would be put around.

        Raises:
            PatternError: a pattern is none, or takes too long; naming the field.
        """
        found = self._targets.get(asked)
        if found is None:
            try:
                found = frozenset(asked.targets(self.modules, self.linear))
                found |= asked.adapted_parameters(self.parameters)
            except PatternError as error:
                found = str(error)
            self._targets[asked] = found
        if isinstance(found, str):
            raise PatternError(found)
        return found

    def copied(self, files: AdapterFiles) -> set[str]:
        """The modules of which this adapter brings a full copy, or rows of its own."""
        tokens = (target.name for target in files.targets if target.tokens)
        return {*Asked.by(files.config).copies(self.modules), *tokens}

    def why_not(self, files: AdapterFiles) -> str:
        """Why this adapter cannot be loaded into the model, in one sentence; empty if nothing is known against it."""
        if files.changes_base:
            return sentence(files.changes_base)
        asked = Asked.by(files.config)
        try:
            config = config_of(files)
        except AdapterFileError as error:
            return str(error)
        try:
            wanted = self.targets(asked) if asked.modules is not None or asked.parameters else None
        except PatternError as error:
            return f"In its {CONFIG}, {error}"
        if reason := why_endless(files.config, self.modules):
            return f"In its {CONFIG}, {reason}"
        names = model_names(self._base, files)
        fused = files.peft_type == "LORA" and converts_experts(self._base)
        missing, first, there = 0, "", set()
        for target in files.targets:
            name = names.get(target.name, target.name)
            if fused and _FUSED.search(name):
                continue  # PEFT puts experts together that were apart when it was trained
            sizes = self._sizes(target, name)
            if sizes is None:
                missing += 1
                first = first or target.name
            elif reason := _differs(target, sizes):
                return reason
            there.add(name)
        if missing:
            return self._missing(files, missing, first)
        if wanted is not None and files.peft_type in PATTERNED:
            plain = {name for name in wanted if not fused or not _FUSED.search(name)}
            if reason := self._unlike(there, plain, files, config):
                return reason
        return self._copies(files, asked, names)

    def _sizes(self, target: FileTarget, name: str) -> Sizes | None:
        if name == "base_model" or not name:  # what all targets of a method share
            return 0, 0
        if target.parameter and (shape := self.parameters.get(name)) is not None:
            return _of_parameter(self._base, name, shape, target)
        if target.parameter and name in self.modules:
            return 0, 0
        return None if target.parameter else self.sizes.get(name)

    def _unlike(self, there: set[str], wanted: set[str], files: AdapterFiles, config: Any) -> str:
        """Why the weights of a file are not for the modules that its configuration asks for."""
        if ties_targets(config):
            heads = {"embed_tokens", "lm_head"} | {name.rpartition(".")[2] for name in self.tied}
            there = {name for name in there if name.rpartition(".")[2] not in heads}
            wanted = {name for name in wanted if name.rpartition(".")[2] not in heads}
        # Rows of embeddings that were trained are asked for elsewhere.
        tokens = {target.name for target in files.targets if target.tokens}
        if extra := sorted(there - wanted - tokens):
            more = f" (and {len(extra) - 1} more)" if len(extra) > 1 else ""
            return f"It has weights for {extra[0]}{more}, which target_modules in its {CONFIG} does not name"
        if lacking := sorted(wanted - there):
            more = f" (and {len(lacking) - 1} more)" if len(lacking) > 1 else ""
            return f"It lacks weights for {lacking[0]}{more}, which its {CONFIG} names"
        return ""

    def _copies(self, files: AdapterFiles, asked: Asked, names: Mapping[str, str]) -> str:
        saved = {names.get(name, name) for name in files.saved}
        for module in sorted(asked.copies(self.modules)):
            inside = [name for name in self.parameters if name.startswith(f"{module}.")]
            if inside and module not in saved and not any(module.startswith(f"{other}.") for other in saved):
                return f"It lacks a copy of {module}, for which modules_to_save in its {CONFIG} asks"
        for name, shape in files.whole.items():
            own = self.parameters.get(names.get(name, name).replace(".base_layer", ""))
            if own is None:
                return f"It comes with {name}, which this model lacks"
            if own != shape:
                return f"{name} is {_by(shape)} in the adapter, and {_by(own)} in this model"
        return ""

    def _missing(self, files: AdapterFiles, missing: int, first: str) -> str:
        trained = f" It was trained on {files.base_model}." if files.base_model else ""
        if missing == len(files.targets):
            return f"Made for another architecture: this model has no module {first}.{trained}"
        beyond = [layer for layer in files.layers if layer >= self.layers]
        if beyond and self.layers:
            return f"Made for {max(files.layers) + 1} layers or more; this model has {self.layers}.{trained}"
        more = f" (and {missing - 1} more of its targets)" if missing > 1 else ""
        return f"This model has no module {first}{more}.{trained}"


def base_of(model: nn.Module) -> nn.Module:
    """The base model itself, whatever PEFT has put around it."""
    if imported("peft") is None:  # then it has not put anything around it
        return model
    from peft import PeftMixedModel, PeftModel
    from peft.tuners.tuners_utils import BaseTuner

    if not isinstance(model, PeftModel | PeftMixedModel):
        return model
    base: nn.Module = model.base_model
    return base.model if isinstance(base, BaseTuner) else base


#: By base model; a model that is gone takes its entry along.
_known: WeakKeyDictionary[Any, Fitting] = WeakKeyDictionary()


def _differs(target: FileTarget, sizes: Sizes) -> str:
    wanted = (target.inputs, target.outputs)
    if all(one == other or not one or not other for one, other in zip(wanted, sizes, strict=True)):
        return ""
    of_file, of_model = (f"{inputs} to {outputs}" for inputs, outputs in (wanted, sizes))
    return f"{target.name} goes from {of_file} in the adapter, and from {of_model} in this model"


def _by(shape: tuple[int, ...]) -> str:
    return " by ".join(map(str, shape))


def _walk(base: nn.Module) -> Iterator[tuple[str, Any]]:
    """Every module of the base model with its path, seen through what PEFT has put around it."""
    stack: list[tuple[str, nn.Module]] = [("", base)]
    while stack:
        path, module = stack.pop()
        module = _inside(module)
        if path:
            yield path, module
        stack.extend((f"{path}.{name}" if path else name, child) for name, child in module._modules.items() if child)


def _inside(module: nn.Module) -> nn.Module:
    """The base model's own module, inside what PEFT has put around it."""
    if imported("peft") is None:
        return module
    from peft.tuners.tuners_utils import BaseTunerLayer
    from peft.utils.other import AuxiliaryTrainingWrapper

    while isinstance(module, BaseTunerLayer | AuxiliaryTrainingWrapper):
        module = module.base_layer if isinstance(module, BaseTunerLayer) else module.original_module
    return module


def _of_module(module: Any) -> Sizes | None:
    if hasattr(module, "in_features"):
        return int(module.in_features), int(module.out_features)
    if hasattr(module, "num_embeddings"):
        return int(module.num_embeddings), int(module.embedding_dim)
    weight = module._parameters.get("weight")
    if weight is None:
        return (0, 0) if module._parameters else None  # experts, say
    if type(module).__name__ == "Conv1D" and weight.dim() == 2:  # transformers' own, whose weight lies the other way
        return int(weight.shape[0]), int(weight.shape[1])
    return 0, 0


def _of_parameter(base: Any, name: str, shape: tuple[int, ...], target: FileTarget) -> Sizes:
    """As PEFT's wrapper of a parameter counts: newer versions know which way experts' weights lie."""
    from inspect import getsource

    from peft.tuners.lora.layer import ParamWrapper

    if len(shape) != 3:
        return (shape[1], shape[0]) if len(shape) == 2 else (0, 0)
    inputs, outputs = shape[1:]
    owner: Any = base
    for part in name.split(".")[:-1]:
        owner = getattr(owner, part)
    while hasattr(owner, "base_layer"):
        owner = owner.base_layer
    if "is_transposed" in getsource(ParamWrapper) and not getattr(owner, "is_transposed", False):
        inputs, outputs = outputs, inputs
    return inputs, outputs


def _linear(base: Any, inside: Mapping[str, Any]) -> frozenset[str]:
    from torch import nn
    from transformers.pytorch_utils import Conv1D

    head: Any = base.get_output_embeddings() if hasattr(base, "get_output_embeddings") else None
    while hasattr(head, "base_layer"):
        head = head.base_layer
    return frozenset(
        path for path, module in inside.items() if isinstance(module, nn.Linear | Conv1D) and module is not head
    )


def _tied(base: nn.Module) -> frozenset[str]:
    from peft.utils.other import _get_module_names_tied_with_embedding

    return frozenset(_get_module_names_tied_with_embedding(base))
