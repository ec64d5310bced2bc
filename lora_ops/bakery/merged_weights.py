"""The base model's weights with adapters in them, made beside the live ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch

from ..engines.peft.engine import peft_engine
from ..mix import Faders, Mix
from ..shelf.fitting import base_of
from ..shelf.quantised import is_packed, opened
from .writing import Writing

if TYPE_CHECKING:
    from torch import nn

    from ..desk import Desk


def merged_weights(desk: Desk, mix: Mix, names: Sequence[str], writing: Writing) -> tuple[dict[str, torch.Tensor], int]:
    """The base model's state with the adapters in it, on the CPU, and how many modules they changed.

    Holds the lock; afterwards the faders stand where they stood.

    Raises:
        ValueError: an adapter cannot be merged into one of its modules.
        Cancelled: it was called off.
    """
    with desk.alone(writing.cancelled), torch.no_grad():
        before = desk.mix
        try:
            # PEFT's own delta weights then have the gains in them.
            desk.apply(Mix({one: mix[one] if one in names else Faders(on=False) for one in desk.adapters}))
            state: dict[str, torch.Tensor] = {}
            changed = 0
            base = base_of(peft_engine(desk).model)
            full = next(one.dtype for one in base.parameters() if one.is_floating_point())
            modules = list(_modules(base, ""))
            for at, (path, module, layers) in enumerate(modules):
                tensors, adapted = _tensors(path, module, layers, names, full)
                changed += adapted
                for key, tensor in tensors.items():
                    wanted = getattr(torch, writing.dtype) if isinstance(writing.dtype, str) else writing.dtype
                    dtype = wanted if wanted and tensor.is_floating_point() else tensor.dtype
                    state[f"{path}.{key}" if path else key] = tensor.to("cpu", dtype)
                writing.done(at + 1, len(modules))
        finally:
            desk.apply(before)
    return state, changed


def _modules(module: nn.Module, path: str) -> Iterator[tuple[str, nn.Module, list[Any]]]:
    """Every module of the base model with its path there, and the PEFT layers that lie over it, the inner first."""
    from peft.tuners.tuners_utils import BaseTunerLayer
    from peft.utils.other import AuxiliaryTrainingWrapper

    layers: list[Any] = []
    while isinstance(module, BaseTunerLayer | AuxiliaryTrainingWrapper):
        layers.insert(0, module)
        module = module.base_layer if isinstance(module, BaseTunerLayer) else module.original_module
    yield path, module, layers
    for name, child in module.named_children():
        yield from _modules(child, f"{path}.{name}" if path else name)


def _tensors(
    path: str, module: Any, layers: Sequence[Any], names: Sequence[str], full: torch.dtype
) -> tuple[dict[str, torch.Tensor], bool]:
    """A module's own tensors with the adapters in them, and whether there were any; opened ones in the type `full`."""
    from peft.utils.other import AuxiliaryTrainingWrapper

    passing = module._non_persistent_buffers_set
    buffers = {key: one for key, one in module.named_buffers(recurse=False) if key not in passing}
    own = {**dict(module.named_parameters(recurse=False)), **buffers}
    tensors = {key: opened(module).to(full) if is_packed(one) else one.detach() for key, one in own.items()}
    adapted = False
    for layer in layers:
        for name in names:
            if isinstance(layer, AuxiliaryTrainingWrapper):
                if own_copy := _full_copy(layer, name):
                    tensors, adapted = own_copy, True
            elif name in _carried(layer):
                _check_layer(path, layer, name)
                for key, delta in _deltas(layer, name, module, tensors).items():
                    adapted = True
                    wide = torch.promote_types(tensors[key].dtype, delta.dtype)
                    tensors[key] = (tensors[key].to(wide) + delta).to(tensors[key].dtype)
    return tensors, adapted


def _carried(layer: Any) -> set[str]:
    """The adapters that this PEFT layer has weights of."""
    return {name for names in layer.adapter_layer_names for name in getattr(layer, names, {})}


def _check_layer(path: str, layer: Any, name: str) -> None:
    if layer.merged_adapters:
        raise ValueError(f"{path}: {' and '.join(layer.merged_adapters)} is merged already: load the model again")
    if not hasattr(layer, "get_delta_weight"):
        raise ValueError(f"{path}: PEFT cannot merge {name!r} into a module of type {type(layer).__name__}")


def _deltas(layer: Any, name: str, module: Any, tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """What one adapter adds to the module's tensors; each is worked out against the base, as PEFT plays them."""
    weight = getattr(layer, "parameter_name", "weight")
    deltas = {}
    # A silent DoRA over a row of zeros is plain LoRA: see `DoraKnob`.
    if name in getattr(layer, "lora_magnitude_vector", ()) and name in layer.lora_variant:
        if getattr(getattr(module.weight, "quant_state", None), "packing_format_for_cpu", False):
            raise ValueError(
                f"{name!r} is DoRA over 4-bit weights on a processor, which PEFT reads wrongly once they are packed "
                "for it: what is heard is not what would be merged; load the base model unquantised"
            )
        base = tensors[weight]
        deltas[weight] = _dora(layer, name, base.to(layer.lora_magnitude_vector[name].weight)) - base
    else:
        deltas[weight] = layer.get_delta_weight(name)
    if getattr(layer, "lora_bias", {}).get(name):
        if "bias" not in tensors:
            raise ValueError(f"{name!r} has biases (lora_bias) where the base model has none: they cannot be merged")
        deltas["bias"] = layer.lora_B[name].bias * layer.scaling[name]
    return {key: delta.to(tensors[key].device) for key, delta in deltas.items()}


def _dora(layer: Any, name: str, base: torch.Tensor) -> torch.Tensor:
    """DoRA's weight, from the magnitude that stands in the layer (arXiv:2402.09353, equation 5)."""
    from peft.utils.other import transpose

    flipped = getattr(layer, "fan_in_fan_out", False) or hasattr(layer.get_base_layer(), "num_embeddings")
    vector = layer.lora_magnitude_vector[name]
    whole = base + layer.get_delta_weight(name).to(base)
    rows = transpose(whole, flipped)
    norm = torch.linalg.norm(rows, dim=1).to(whole.dtype)
    return transpose((vector.weight / norm).view(-1, 1) * rows, flipped)


def _full_copy(wrapper: Any, name: str) -> dict[str, torch.Tensor]:
    """The module's tensors as this adapter has them in full, where it does."""
    copies = getattr(wrapper, "modules_to_save", {})
    if name in copies:
        return {key: tensor.detach() for key, tensor in copies[name].state_dict().items()}
    if "Token" in type(wrapper).__name__ and name in wrapper.token_adapter.trainable_tokens_delta:
        return {"weight": wrapper.token_adapter.get_merged_weights([name]).detach()}
    return {}
