"""Finds every adapter in a model, every target of it, and the knob that moves it; changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from math import isfinite
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import torch
from peft import PeftMixedModel, PeftModel
from peft.tuners.loha.layer import LoHaLayer
from peft.tuners.lokr.layer import LoKrLayer
from peft.tuners.lora import layer as lora
from peft.tuners.tuners_utils import BaseTuner, BaseTunerLayer
from peft.utils.other import AuxiliaryTrainingWrapper

from ...target import Adapter, Target, kind_of, layer_of
from .knob import DoraKnob, Knob

if TYPE_CHECKING:
    from torch import nn

#: Layers whose output is `base(x) + B(A(x)) * scaling`, where a tensor in the place of scaling broadcasts over rows.
_ROW_LAYERS = {"Linear", "Embedding", "Linear8bitLt", "Linear4bit"}

_OTHER_TUNER = "{method} has no scaling that can be moved: only LoRA, DoRA, LoHa and LoKr have"
_FULL_COPY = "modules_to_save: a full copy of the module's weights, there is no scaling on it"
_NEW_TOKENS = "trainable tokens: rows of the embedding that were replaced, there is no scaling on them"
#: Reasons why a target has no fader although it goes with its adapter wherever that is written.
KEPT_AS_THEY_ARE = (_FULL_COPY, _NEW_TOKENS)
_MERGED = "{merged} is merged into the base weights here: unmerge it, or load the model again"
_VARIANT = "a LoRA variant ({variant}) of which it is not known how its output depends on the scaling"
_WHOLE_BATCH = "the change goes into the weight, which the whole batch shares"
_UNKNOWN_LAYER = "it is not known whether a layer of type {type} keeps the rows of a batch apart"
_PROMPT = "{method} acts on the prompt, not on a module: there is no scaling on it"


@dataclass
class Survey:
    """What was found.

    Attributes:
        adapters: by name.
        knobs: one for each target of a method that has a scaling, in the order of the model.
        parameters: how many numbers the base model holds.
    """

    adapters: dict[str, Adapter] = field(default_factory=dict)
    knobs: list[tuple[Target, Knob]] = field(default_factory=list)
    parameters: int = 0


def survey(model: nn.Module, remember: Callable[[Knob], Knob] = lambda knob: knob) -> Survey:
    """Reads a model with adapters: a `PeftModel`, or a transformers model that adapters were injected into.

    Args:
        model: what to read; nothing in it is changed.
        remember: given a new knob, answers with the one to use: one that was met earlier knows what was loaded, also
            when something else stands in the layer by now.
    """
    configs: dict[str, Any] = dict(getattr(model, "peft_config", None) or {})
    targets: dict[str, list[Target]] = {name: [] for name in configs}
    sizes = {name: _Tally(_prompt_weights(model, name)) for name in configs}
    found = Survey()
    base = _Tally()
    for path, module in _walk(root(model), base):
        for adapter in _adapters_in(module):
            target, knob = _read(path, module, adapter, configs.get(adapter), remember)
            targets.setdefault(adapter, []).append(target)
            sizes.setdefault(adapter, _Tally()).add(_weights(module, adapter))
            if knob is not None:
                found.knobs.append((target, knob))
    found.parameters = base.parameters
    for name, members in targets.items():
        config = configs.get(name)
        method = _method(config, members)
        if not members:
            if name not in getattr(model, "prompt_encoder", ()):
                continue  # no layer carries it: whoever unloaded it left its name behind
            members.append(_fixed(name, method, _PROMPT.format(method=method)))
        found.adapters[name] = Adapter(
            name=name,
            method=method,
            targets=tuple(members),
            parameters=sizes[name].parameters,
            share=sizes[name].parameters / base.parameters if base.parameters else 0.0,
            rank_stabilised=bool(getattr(config, "use_rslora", False)),
        )
    return found


class _Tally:
    """Counts parameters, each once, however many modules share it."""

    def __init__(self, parameters: Iterable[torch.Tensor] = ()) -> None:
        self.parameters = 0
        self._seen: set[int] = set()
        self.add(parameters)

    def add(self, parameters: Iterable[torch.Tensor | None]) -> None:
        for parameter in parameters:
            if parameter is not None and id(parameter) not in self._seen:
                self._seen.add(id(parameter))
                # bitsandbytes packs two 4-bit numbers into a byte: its Params4bit knows the true shape.
                state = getattr(parameter, "quant_state", None)
                self.parameters += parameter.numel() if state is None else torch.Size(state.shape).numel()


def root(model: nn.Module) -> nn.Module:
    """The base model itself, so that paths start where the base model's own names do.

    TextGen puts a `PeftModel` around another at times.
    """
    while isinstance(model, PeftModel | PeftMixedModel):
        base: nn.Module = model.base_model
        model = base.model if isinstance(base, BaseTuner) else base
    return model


def _walk(root: nn.Module, base: _Tally) -> Iterator[tuple[str, nn.Module]]:
    """Every PEFT layer with its path in the base model, in the order of the model.

    Adapter weights inside a layer are passed over: with 18,000 targets, `named_modules` would visit ten times as many.
    A module that stands in two places (tied embeddings) is met once, under its first name.
    """
    seen: set[int] = set()
    stack: list[tuple[str, nn.Module]] = [("", root)]
    while stack:
        path, module = stack.pop()
        if id(module) in seen:
            continue
        seen.add(id(module))
        if isinstance(module, lora.ParamWrapper):
            yield f"{path}.{module.parameter_name}", module
            stack.append((path, module.base_layer))
        elif isinstance(module, BaseTunerLayer):
            yield path, module
            stack.append((path, module.base_layer))
        elif isinstance(module, AuxiliaryTrainingWrapper):
            yield path, module
            stack.append((path, module.original_module))
        else:
            base.add(module._parameters.values())
            children = [(f"{path}.{name}" if path else name, child) for name, child in module._modules.items()]
            stack.extend(reversed([(path, child) for path, child in children if child is not None]))


def _containers(module: nn.Module) -> Iterator[Any]:
    """What this layer keeps adapter weights in, by adapter name. PEFT writes some of the names as paths (`a.b`)."""
    named: Any = module.adapter_layer_names
    # PEFT 0.18 does not name the magnitudes of an embedding's DoRA among the weights.
    for attribute in dict.fromkeys((*named, "lora_magnitude_vector")):
        container = attrgetter(attribute)(module) if "." in attribute else getattr(module, attribute, None)
        if hasattr(container, "keys"):
            yield container


def _adapters_in(module: nn.Module) -> list[str]:
    """The names of the adapters that this layer carries weights of, in the order of loading."""
    return list(dict.fromkeys(name for container in _containers(module) for name in container.keys()))  # noqa: SIM118


def _weights(module: nn.Module, adapter: str) -> Iterator[torch.Tensor]:
    for container in _containers(module):
        if adapter in container:
            weight = container[adapter]
            yield from (weight,) if isinstance(weight, torch.Tensor) else weight.parameters()


def _prompt_weights(model: nn.Module, adapter: str) -> list[torch.Tensor]:
    """The weights of an adapter that acts on the prompt; it sits in no layer."""
    encoders = getattr(model, "prompt_encoder", {})
    return list(encoders[adapter].parameters()) if adapter in encoders else []


def _read(
    path: str, module: nn.Module, adapter: str, config: Any, remember: Callable[[Knob], Knob]
) -> tuple[Target, Knob | None]:
    """The target that `adapter` has in this layer, and its knob, if there is a scaling to turn."""
    knob = remember(_knob(module, adapter)) if _is_supported(module) else None
    scaling = float(knob.loaded if knob else _number(module, adapter, "scaling"))
    reason = _why_fixed(module, adapter, config, scaling)
    target = Target(
        adapter=adapter,
        name=path,
        layer=layer_of(path),
        kind=kind_of(path),
        rank=int(_number(module, adapter, "r")),
        alpha=float(_number(module, adapter, "lora_alpha", "alpha")),
        scaling=scaling,
        scalable=not reason,
        reason=reason,
    )
    return target, knob


def _number(module: nn.Module, adapter: str, *names: str) -> Any:
    """The number that the layer keeps for this adapter under one of the names, else 0."""
    for name in names:
        values = getattr(module, name, None)
        if isinstance(values, dict) and adapter in values:
            return values[adapter]
    return 0


def _why_fixed(module: nn.Module, adapter: str, config: Any, scaling: float) -> str:
    """Why this layer cannot be scaled, or nothing."""
    if isinstance(module, AuxiliaryTrainingWrapper):
        return _NEW_TOKENS if "Token" in type(module).__name__ else _FULL_COPY
    if merged := getattr(module, "merged_adapters", ()):
        # Once one adapter is merged, PEFT passes over the others of that layer too.
        return _MERGED.format(merged=" and ".join(dict.fromkeys(merged)))
    variant = getattr(module, "lora_variant", {}).get(adapter)
    if variant is not None and not _is_dora(module, adapter):
        return _VARIANT.format(variant=type(variant).__name__.removesuffix("Variant"))
    if not _is_supported(module):
        return _OTHER_TUNER.format(method=_config_method(config) or type(module).__name__)
    if not isfinite(scaling):
        return f"its scaling as loaded is {scaling}: the adapter's config is damaged"
    return ""


def _is_supported(module: nn.Module) -> bool:
    """Whether this is a layer of LoRA itself (AdaLoRA derives from its class), of LoHa or of LoKr."""
    if isinstance(module, lora.LoraLayer):
        return type(module).__module__.startswith("peft.tuners.lora.")
    return isinstance(module, LoHaLayer | LoKrLayer)


def _is_dora(module: nn.Module, adapter: str) -> bool:
    return adapter in getattr(module, "lora_magnitude_vector", ())


def _knob(module: Any, adapter: str) -> Knob:
    weight = next(_weights(module, adapter))
    if _is_dora(module, adapter):
        return DoraKnob(module, adapter, weight)
    if not isinstance(module, lora.LoraLayer):
        return Knob(module, adapter, weight, f"LoHa and LoKr: {_WHOLE_BATCH}")
    if isinstance(module, lora.ParamWrapper):
        return Knob(module, adapter, weight, f"expert weights: {_WHOLE_BATCH}")
    layer_type = type(module).__name__
    return Knob(module, adapter, weight, "" if layer_type in _ROW_LAYERS else _UNKNOWN_LAYER.format(type=layer_type))


def _config_method(config: Any) -> str:
    kind = getattr(config, "peft_type", "")
    return str(getattr(kind, "value", kind)).lower()


def _method(config: Any, targets: list[Target]) -> str:
    """The method's name; an injected adapter without a config is told by its targets alone."""
    if getattr(config, "use_dora", False):
        return "dora"
    return _config_method(config) or ("lora" if any(target.scalable for target in targets) else "unknown")


def _fixed(adapter: str, name: str, reason: str) -> Target:
    return Target(adapter, name, None, name, rank=0, alpha=0.0, scaling=0.0, scalable=False, reason=reason)
