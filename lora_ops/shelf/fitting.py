"""Whether an adapter on disk fits a model that is loaded, told before anything is loaded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from ..imported import imported

if TYPE_CHECKING:
    from torch import nn

    from .adapter_files import AdapterFiles, FileTarget

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
        layers: how many decoder blocks there are.
    """

    sizes: Mapping[str, Sizes]
    layers: int
    _by_tail: Mapping[str, Sizes] = field(repr=False)

    @classmethod
    def of(cls, model: nn.Module) -> Fitting:
        """The modules of `model`, with or without adapters; remembered for as long as its base model lives."""
        from ..target import layer_of

        base = base_of(model)
        known = _known.get(base)
        if known is None:
            sizes = dict(_sizes(base))
            layers = {layer for name in sizes if (layer := layer_of(name)) is not None}
            known = _known[base] = cls(sizes, len(layers), {_tail(name): size for name, size in sizes.items()})
        return known

    def why_not(self, files: AdapterFiles) -> str:
        """Why this adapter cannot be loaded into the model, in one sentence; empty if nothing is known against it."""
        if files.changes_base:
            return f"{files.changes_base[:1].upper()}{files.changes_base[1:]}"
        missing, first = 0, ""
        for target in files.targets:
            sizes = self.sizes.get(target.name) or self._by_tail.get(_tail(target.name))
            if sizes is None:
                # In some versions of transformers the experts are one module, and PEFT converts what was named apart.
                if ".experts." not in f".{target.name}.":
                    missing += 1
                    first = first or target.name
            elif reason := _differs(target, sizes):
                return reason
        return self._missing(files, missing, first) if missing else ""

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


def _tail(name: str) -> str:
    """A module's path from its decoder block on: what stands before it differs between versions of transformers."""
    for blocks in ("layers.", "h.", "blocks."):
        at = f".{name}".find(f".{blocks}")
        if at >= 0:
            return name[at:]
    return name.rpartition(".")[2]


def _differs(target: FileTarget, sizes: Sizes) -> str:
    wanted = (target.inputs, target.outputs)
    if all(one == other or not one or not other for one, other in zip(wanted, sizes, strict=True)):
        return ""
    of_file, of_model = (f"{inputs} to {outputs}" for inputs, outputs in (wanted, sizes))
    return f"{target.name} goes from {of_file} in the adapter, and from {of_model} in this model"


def _sizes(base: nn.Module) -> Iterator[tuple[str, Sizes]]:
    """Of every module of the base model, seen through what PEFT has put around it."""
    stack: list[tuple[str, nn.Module]] = [("", base)]
    while stack:
        path, module = stack.pop()
        module = _inside(module)
        sizes = _of_module(module)
        if path and sizes is not None:
            yield path, sizes
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
