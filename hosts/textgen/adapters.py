"""Adapters in TextGen: loaded beside each other, and known to the host as if its own menu had applied them.

The host's own way is not taken. With several LoRAs it makes and plays a blend of those that were there before, it turns
the whole model to float16, it leaves a model half changed when a LoRA does not fit, and it does not load again what it
unloaded: "LoRA" in its `modules` is for one LoRA that fits. What it needs to know is `shared.model` and
`shared.lora_names`; both are set in one step, under its generation lock.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...lora_ops.imported import imported
from ..adapter_loading import OnLoaded, change, leaving, wanted
from ..protocol import HostError
from .chat import host_module
from .generation_calls import is_torch_model
from .imports import import_peft

if TYPE_CHECKING:
    from ...lora_ops.shelf.shelf import Place

#: What the host calls a blend of several LoRAs, which it makes and plays instead of them.
MERGED = "__merged"


def loaded(model: Any) -> dict[str, Path | None]:
    """The adapters in the model but for the host's blend, with their folders; the host names a LoRA by its folder."""
    if imported("peft") is None:  # then there are none
        return {}
    from ...lora_ops.engines.peft.loading import loaded_adapters

    folder = lora_dir()
    there = {name: place or folder / name for name, place in loaded_adapters(model).items() if name != MERGED}
    return {name: place if place.is_dir() else None for name, place in there.items()}


def chosen_here(model: Any) -> bool:
    """Whether all adapters that are in the model were put there by `load`, and play as it left them."""
    if imported("peft") is None:
        return False
    from ...lora_ops.engines.peft.loading import arranged_here

    return arranged_here(model)


def lora_dir() -> Path:
    """The folder of the host's LoRA menu."""
    return Path(host_module("shared").args.lora_dir).resolve()


def load(model: Any, names: Sequence[str | Path], keep: bool, on_loaded: OnLoaded | None) -> Mapping[str, str]:
    """Loads adapters into the host's model; the caller holds its generation lock.

    Raises:
        HostError: it cannot be done; everything is as it was.
    """
    import_peft()
    plan = wanted(names, keep, _shelf(), loaded(model))
    _use(change(model, plan.load, plan.keep, upcast=False))
    if on_loaded is not None:
        on_loaded(plan.names)
    return plan.names


def unload(model: Any, names: Sequence[str] | None) -> None:
    """Unloads adapters from the host's model; the caller holds its generation lock.

    Raises:
        HostError: one of them is not loaded, or it cannot be done; everything is as it was.
    """
    there = loaded(model)
    out = leaving(names, _shelf(), there)
    _use(change(model, {}, [name for name in there if name not in out], upcast=False))


def menu() -> list[Any]:
    """The Model tab's list of LoRAs; its page may not be built yet, or be built without it."""
    parts = host_module("shared").gradio
    return [parts["lora_menu"]] if "lora_menu" in parts else []


def menu_updates() -> list[Any]:
    """What shows in it the LoRAs that are loaded; checkpoints are only among its choices while they are."""
    import gradio as gr

    names = _known_to_the_host()
    choices = host_module("utils").get_available_loras()
    more = [name for name in names if name not in choices]
    return [gr.update(choices=[*choices, *more], value=names) for _ in menu()]


def _use(model: Any) -> None:
    """Makes it the host's model."""
    shared = host_module("shared")
    shared.model = model
    shared.lora_names = _names(loaded(model))


def _names(there: Mapping[str, Path | None]) -> list[str]:
    """What the host calls these adapters: by their folders."""
    shelf = {place.folder.resolve(): name for name, place in _shelf().items()}
    return [shelf.get(place.resolve(), name) if place else name for name, place in there.items()]


def _known_to_the_host() -> list[str]:
    """The host's list of its LoRAs, put right if it is not what is in the model.

    Where the host fails half way, or leaves out one that its PEFT takes for loaded already, its list says something
    else than its model plays, and it would go on from there. An adapter without a folder is none of its LoRAs, unless
    it says so: while it trains one, that stands in the model too.
    """
    shared = host_module("shared")
    if is_torch_model(shared.model):
        there = loaded(shared.model)
        names = _names({name: there[name] for name in there if there[name] or name in shared.lora_names})
        if set(names) != set(shared.lora_names):
            shared.lora_names = names
    return list(shared.lora_names)


def _shelf() -> dict[str, Place]:
    from ...lora_ops.shelf.shelf import places

    return places(lora_dir())


def check_loader(model: Any) -> None:
    """Raise a HostError that says why the host's loader takes no adapters."""
    loader = host_module("shared").args.loader
    if loader not in (None, "Transformers"):
        raise HostError(f"{loader} does not load adapters: load the model with the Transformers loader.")
