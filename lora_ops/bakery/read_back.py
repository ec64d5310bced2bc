"""Reading back what was written, as its users will: an adapter beside the live ones, a whole model a second time."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from ..engines.peft.memory import available, give_back, out_of_memory
from ..shelf.adapter_folder import CONFIG
from ..shelf.adapter_weights import shapes_of
from ..shelf.lora_fields import CHANGES_BASE, Effect, with_effect
from ..shelf.quantised import kept_packed
from .slot import SLOT

#: While a model is loaded it needs a little more memory than its weights.
_ROOM = 1.15


class CannotVerify(ValueError):
    """What was written cannot be loaded beside the live model to be compared; the message says why."""


def why_not_beside(model: Any, folder: Path) -> str:
    """Why the adapter in `folder` must not be loaded beside the live ones; empty if it may be."""
    from peft import PeftMixedModel

    if isinstance(model, PeftMixedModel):
        return "the model holds adapters of several methods in one layer: another would lie over them, not beside them"
    if special := with_effect(_config(folder), *CHANGES_BASE, Effect.MODEL, Effect.ROUTER):
        return f"beside the live adapters it would change the live model ({special.sentence})"
    if {"cpu", "disk"} & set((getattr(model, "hf_device_map", None) or {}).values()):
        return "parts of the model are kept off its device, and loading another adapter would move them"
    return ""


@contextmanager
def adapter_beside(model: Any, folder: Path) -> Iterator[None]:
    """The adapter in `folder` beside the live ones, under the name `SLOT`, while the block lasts.

    PEFT's own `load_adapter` reads it. Nothing of it is left afterwards, whatever it has written over.

    Raises:
        CannotVerify: PEFT cannot load it beside the others.
        ValueError: PEFT did not find all of its weights in the folder, or found some that it does not know.
    """
    trainable = {id(parameter) for parameter in model.parameters() if parameter.requires_grad}
    training = model.training
    own = [(parameter, parameter.detach().clone()) for parameter in _overwritten(model, folder)]
    try:
        with warnings.catch_warnings(), torch.random.fork_rng(devices=[]), kept_packed(model):
            warnings.simplefilter("ignore")
            _load(model, folder)
        yield
    finally:
        if SLOT in (getattr(model, "peft_config", None) or {}):
            model.delete_adapter(SLOT)
        for module in model.modules():  # PEFT 0.18 forgets the magnitudes of an embedding's DoRA
            vectors: Any = getattr(module, "lora_magnitude_vector", None)
            if vectors is not None and SLOT in vectors:
                del vectors[SLOT]
        with torch.no_grad():
            for parameter, value in own:
                parameter.copy_(value)
        for parameter in model.parameters():
            parameter.requires_grad_(id(parameter) in trainable)
        if model.training != training:
            model.train(training)


def room_for(folder: Path, device: torch.device) -> torch.device:
    """The first of this device and the CPU that has room for the model in `folder` once more.

    Raises:
        CannotVerify: neither has.
    """
    size = sum(file.stat().st_size for file in folder.glob("*.safetensors"))
    places = list(dict.fromkeys([device, torch.device("cpu")]))
    room = {place: available(place) for place in places}
    for place, free in room.items():
        if free is None or free >= size * _ROOM:
            return place
    most = max(free or 0 for free in room.values())
    raise CannotVerify(
        f"it would have to be loaded a second time, for which {size / 1e9:.1f} GB of memory are needed, "
        f"and {most / 1e9:.1f} GB are free"
    )


def logits_of_model(folder: Path, kind: Any, ids: torch.Tensor, device: torch.device) -> torch.Tensor:
    """What the model in `folder` says to these tokens, loaded as its users load it; nothing of it is left afterwards.

    Args:
        folder: of the model.
        kind: its class.
        ids: shape (rows, tokens).
        device: one that has `room_for` it.

    Raises:
        CannotVerify: transformers does not load it, or memory does not hold it.
        ValueError: transformers did not find all of its weights in the folder, or found some that it does not know.
    """
    model: Any = None
    try:
        with warnings.catch_warnings(), torch.random.fork_rng(devices=[]):
            warnings.simplefilter("ignore")
            options = {"dtype": "auto", "local_files_only": True, "use_safetensors": True, "output_loading_info": True}
            model, loading = kind.from_pretrained(str(folder), **options)
        # Sorted, for the message: these are lists in one version of transformers and sets in another.
        wrong = {
            what: sorted(map(str, loading[f"{what}_keys"]))[:3] for what in ("missing", "unexpected", "mismatched")
        }
        if any(wrong.values()):
            raise ValueError(f"transformers does not read {folder} as it was meant: {wrong}")
        return logits_of(model.eval().to(device), ids.to(device))
    except (OSError, NotImplementedError, ImportError) as error:
        raise CannotVerify(f"transformers does not load it: {error}") from error
    except (RuntimeError, MemoryError) as error:
        if not out_of_memory(error):
            raise
        raise CannotVerify("there is not memory enough to load it a second time") from error
    finally:
        del model
        give_back(device)


@torch.no_grad()
def logits_of(model: Any, ids: torch.Tensor) -> torch.Tensor:
    """What a model says to these tokens, in float32 on the CPU: shape (rows, tokens, vocabulary)."""
    # The decoder of an encoder-decoder model reads the same text.
    decoder = {"decoder_input_ids": ids} if getattr(model.config, "is_encoder_decoder", False) else {}
    logits: torch.Tensor = model(input_ids=ids, use_cache=False, **decoder).logits
    return logits.float().cpu()


def _config(folder: Path) -> dict[str, Any]:
    config: dict[str, Any] = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    return config


def _overwritten(model: Any, folder: Path) -> list[torch.nn.Parameter]:
    """The base model's own parameters that the file holds too, and that PEFT writes over: biases, embeddings."""

    def plain(name: str) -> str:
        return name.removeprefix("base_model.model.").replace(".base_layer", "")

    held = {plain(key) for key in shapes_of(folder)}
    return [parameter for name, parameter in model.named_parameters() if plain(name) in held]


def _load(model: Any, folder: Path) -> None:
    from peft import PeftModel

    try:
        if isinstance(model, PeftModel):
            result = model.load_adapter(str(folder), adapter_name=SLOT)
        else:  # transformers loads an adapter and plays it
            active = model.active_adapters()
            result = model.load_adapter(str(folder), adapter_name=SLOT)
            model.set_adapter(active)
    except (ValueError, NotImplementedError) as error:
        raise CannotVerify(f"PEFT does not load it beside the live adapters: {error}") from error
    except (RuntimeError, MemoryError) as error:  # that its sizes are wrong is one, too, and no excuse
        if not out_of_memory(error):
            raise ValueError(f"PEFT does not read {folder} as it was meant: {error}") from error
        raise CannotVerify("there is not memory enough to load it a second time") from error
    missing = [key for key in getattr(result, "missing_keys", ()) if SLOT in key]
    odd = list(getattr(result, "unexpected_keys", ()))
    if odd and _config(folder).get("ensure_weight_tying"):
        raise CannotVerify("PEFT ties modules (ensure_weight_tying) for the first adapter of a model alone")
    if missing or odd:
        raise ValueError(f"PEFT does not read {folder} as it was meant: missing {missing[:3]}, not known {odd[:3]}")
