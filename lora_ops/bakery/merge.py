"""A mix merged into the base model, saved as a whole model that needs neither PEFT nor a desk."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from ..engines.engine import Cancelled
from ..engines.peft.engine import peft_engine
from ..files import folder_aside, write_aside
from ..mix import Faders, Mix
from ..shelf.adapter_weights import CARD, AdapterWeights, loaded_weights
from ..shelf.fitting import base_of
from ..shelf.quantised import is_packed, opened
from .bake import disk_full, new_folder, refuse_fades
from .fold import checked_gains
from .generation_settings import GenerationSettings
from .model_card import Story, model_card
from .verify import Checker, checked, verify_model

if TYPE_CHECKING:
    from torch import nn

    from ..desk import Desk

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Merged:
    """A model that was written.

    Attributes:
        folder: where it is.
        names: the adapters that are in it.
        targets: how many modules they changed.
        parameters: how many numbers it holds.
        size: of its weights on disk, in bytes.
        opened: whether the base was in 4 or 8 bits, and was opened to full numbers.
        greatest_difference: between its logits and the desk's; None if that was not compared.
        greatest_logit: the greatest of those logits, whatever its sign; None if that was not compared.
        why_unchecked: why not; empty if it was.
    """

    folder: Path
    names: tuple[str, ...]
    targets: int
    parameters: int
    size: int
    opened: bool
    greatest_difference: float | None = None
    greatest_logit: float | None = None
    why_unchecked: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Plain data that survives JSON."""
        return {**self.__dict__, "folder": str(self.folder), "names": list(self.names)}


def merge(
    desk: Desk,
    mix: Mix,
    folder: Path,
    name: str,
    tokenizer: Any = None,
    *,
    names: Sequence[str] | None = None,
    overwrite: bool = False,
    sources: Mapping[str, Path] | None = None,
    dtype: torch.dtype | None = None,
    check: bool = True,
    input_ids: torch.Tensor | None = None,
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Merged:
    """Writes base model and adapters, at their gains in `mix`, as one model in `folder / name`.

    The live model is as it was afterwards; the merged weights are made beside it, so that as much memory is needed as
    the adapted modules take. Holds the lock while they are computed. A base in 4 or 8 bits is opened: what it lost when
    it was packed stays lost.

    Args:
        desk: the desk.
        mix: the gains.
        folder: where models are kept.
        name: of the new one.
        tokenizer: saved along.
        names: which adapters; those that are heard under the mix if not given.
        overwrite: whether a model of that name may be replaced.
        sources: the folders that the adapters were loaded from, by name, for the card.
        dtype: of the weights; the base model's if not given.
        check: whether stock transformers loads it once, where memory allows it, and logits are compared.
        input_ids: the text to compare on, shape (rows, tokens).
        progress: told how far it is.
        cancelled: asked between modules, and while waiting for the lock.

    Raises:
        ValueError: an adapter, or the base model's quantisation, cannot be merged; the message says why.
        FileExistsError: there is something of that name already.
        OSError: it cannot be written; a full disk is named.
        Cancelled: it was called off.
    """
    desk.check(mix)
    names = list(desk.heard(mix) if names is None else names)
    desk.check_adapters(names)
    if not names:
        raise ValueError("name at least one adapter to merge")
    refuse_fades(mix, names)
    parts = [loaded_weights(desk, one, (sources or {}).get(one)) for one in names]
    for weights in parts:
        checked_gains(weights, mix.gain)
    if pissa := next((weights.name for weights in parts if weights.changes_base and len(parts) > 1), None):
        raise ValueError(f"{pissa!r} changed the base model when it was loaded: merge it alone")
    target = new_folder(folder, name, overwrite)
    state, changed = _merged_state(desk, mix, names, dtype, progress, cancelled)
    base = base_of(peft_engine(desk).model)
    skeleton = _skeleton(base, state)
    with folder_aside(target, overwrite) as aside, disk_full(target):
        skeleton.save_pretrained(aside, state_dict=state)
        del state, skeleton  # room for the model that is read back
        checker = Checker(desk, mix, names, input_ids, cancelled, verify_model) if check else None
        difference, why_unchecked = checked(checker, aside)
        if tokenizer is not None:
            tokenizer.save_pretrained(aside)
        size = sum(file.stat().st_size for file in aside.glob("*.safetensors"))
        merged = Merged(
            folder=target,
            names=tuple(names),
            targets=changed,
            parameters=desk.parameters,
            size=size,
            opened=any(is_packed(parameter) for parameter in base.parameters()),
            greatest_difference=None if difference is None else difference.greatest,
            greatest_logit=None if difference is None else difference.logit,
            why_unchecked=why_unchecked,
        )
        write_aside(aside / CARD, model_card(_story(merged, parts, mix, base)))
    return merged


def _merged_state(
    desk: Desk,
    mix: Mix,
    names: Sequence[str],
    dtype: torch.dtype | None,
    progress: Progress | None,
    cancelled: Callable[[], bool] | None,
) -> tuple[dict[str, torch.Tensor], int]:
    """The base model's state with the adapters in it, on the CPU, and how many modules they changed."""
    with desk.alone(cancelled), torch.no_grad():
        before = desk.mix
        try:
            # PEFT's own delta weights then have the gains in them.
            desk.apply(Mix({one: mix[one] if one in names else Faders(on=False) for one in desk.adapters}))
            state: dict[str, torch.Tensor] = {}
            changed = 0
            full = next(one.dtype for one in base_of(peft_engine(desk).model).parameters() if one.is_floating_point())
            modules = list(_modules(base_of(peft_engine(desk).model), ""))
            for at, (path, module, layers) in enumerate(modules):
                if cancelled is not None and cancelled():
                    raise Cancelled
                tensors, adapted = _tensors(path, module, layers, names, full)
                changed += adapted
                for key, tensor in tensors.items():
                    wanted = dtype if dtype is not None and tensor.is_floating_point() else tensor.dtype
                    state[f"{path}.{key}" if path else key] = tensor.to("cpu", wanted)
                if progress is not None:
                    progress(at + 1, len(modules))
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


def _skeleton(base: Any, state: Mapping[str, torch.Tensor]) -> Any:
    """A model of the same class without weights, PEFT or quantisation, which knows how its state is saved.

    Raises:
        ValueError: the state is not that of such a model: the base is packed in a way that is not known here.
    """
    config = copy.deepcopy(base.config)
    for field in ("quantization_config", "_pre_quantization_dtype"):
        if hasattr(config, field):
            delattr(config, field)
    inputs, outputs = base.get_input_embeddings(), base.get_output_embeddings()
    tied = getattr(config.get_text_config(), "tie_word_embeddings", False)
    if tied and inputs is not None and outputs is not None and not _still_tied(state):
        config.get_text_config().tie_word_embeddings = config.tie_word_embeddings = False
    with torch.device("meta"):
        skeleton = type(base)(config)
    first = next(one for one in state.values() if one.is_floating_point())
    skeleton = skeleton.to(first.dtype)
    skeleton.generation_config = GenerationSettings(getattr(base, "generation_config", None))
    if hasattr(base, "_weight_conversions"):
        skeleton._weight_conversions = base._weight_conversions
    wanted = set(skeleton.state_dict())
    if odd := (wanted ^ set(state)):
        raise ValueError(
            f"the base model's weights are packed or wrapped in a way that cannot be merged: {sorted(odd)[0]} "
            "is missing or not known; load the model unquantised, or in 4 or 8 bits by bitsandbytes"
        )
    return skeleton


def _still_tied(state: Mapping[str, torch.Tensor]) -> bool:
    """Whether input and output embeddings are the same numbers still; what is tied stands in both places."""
    heads = [one for name, one in state.items() if name.endswith(("lm_head.weight", "embed_out.weight"))]
    embeddings = [
        one for name, one in state.items() if name.endswith(("embed_tokens.weight", "wte.weight", "embed_in.weight"))
    ]
    return not heads or not embeddings or torch.equal(heads[0], embeddings[0])


def _story(merged: Merged, parts: Sequence[AdapterWeights], mix: Mix, base: Any) -> Story:
    facts = {"adapters": ", ".join(merged.names), "changed modules": str(merged.targets)}
    if merged.greatest_difference is not None:
        facts["greatest difference to the mix"] = (
            f"{merged.greatest_difference:.2g} in logits of up to {merged.greatest_logit:.3g}, "
            "read by stock transformers"
        )
    if merged.opened:
        facts["base"] = "it was in 4 or 8 bits, and was opened to full numbers: what was lost in packing is lost"
    return Story(
        name=merged.folder.name,
        what="A mix of LoRA Mixer, merged into the base model: it needs neither PEFT nor an adapter.",
        sources=parts,
        mix=mix,
        facts=facts,
        base_model=str(getattr(base.config, "_name_or_path", "") or ""),
        library="transformers",
    )
