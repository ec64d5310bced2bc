"""An adapter's tensors and config out of a live model, as they would lie in its folder."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from ..engines.peft.engine import peft_engine
from ..engines.peft.survey import KEPT_AS_THEY_ARE
from ..target import Target
from .adapter_weights import METHODS, PREFIX, ROLE, AdapterWeights, read_adapter_file, roles_of
from .fitting import base_of

if TYPE_CHECKING:
    from ..desk import Desk


def loaded_weights(desk: Desk, adapter: str, source: Path | None = None) -> AdapterWeights:
    """An adapter as it is loaded: its live tensors, and the scaling that was read when the desk first met it.

    Args:
        desk: of the model that carries it.
        adapter: its name.
        source: the folder that it was loaded from: for config fields that PEFT does not know, metadata, hash and card.

    Raises:
        ValueError: there is no such adapter, its method has no scaling, it is merged, or `source` is damaged.
    """
    desk.check_adapters([adapter])
    found = desk.adapters[adapter]
    if found.method not in METHODS:
        raise ValueError(f"{adapter!r} is {found.method}: only {', '.join(METHODS)} can be written")
    for target in found.targets:
        if not target.scalable and target.reason not in KEPT_AS_THEY_ARE:
            blind = "; bake it from its folder, without the model" if "variant" in target.reason else ""
            raise ValueError(f"{target.name} of {adapter!r} cannot be written: {target.reason}{blind}")
    engine = peft_engine(desk)
    replaced = [kept for target in found.scalable if (kept := engine.knob(target).replaced())]
    tensors = _live_tensors(engine.model, adapter, {id(live): loaded for live, loaded in replaced})
    paths = {id(module): path for path, module in engine.model.named_modules()}
    owners: dict[str, Target] = {}
    parameters = set()
    for target in found.scalable:
        layer = engine.knob(target).layer
        if hasattr(layer, "parameter_name"):
            parameters.add(target.name)
        path = _file_path(paths[id(layer)])
        if ".base_layer" in path and not hasattr(layer, "parameter_name"):
            # Another method's layer lies over it: alone in the model it would lie here.
            lies, path = path, f"{PREFIX}{target.name}"
            tensors = {_moved(key, lies, path): tensor for key, tensor in tensors.items()}
        owners[path] = target
    config = _live_config(engine.model.peft_config[adapter])  # type: ignore[index]
    metadata: dict[str, str] = {}
    sha256 = ""
    if source is not None:
        file = read_adapter_file(source)
        known = {key: value for key, value in config.items() if value is not None or key not in file.config}
        config, metadata, sha256 = {**file.config, **known}, file.metadata, file.sha256
        # A vocabulary that grew in training: PEFT loaded it into the base model and forgot that it did.
        tensors |= {key: file.load(key) for key in file.keys if key not in tensors and not ROLE.search(key)}
    return AdapterWeights(
        name=adapter,
        method=found.method,
        config=config,
        tensors=tensors,
        targets=found.scalable,
        roles=roles_of(tensors, owners),
        magnitude=(lambda target, gain: engine.knob(target).magnitude(gain)) if found.method == "dora" else None,  # type: ignore[attr-defined]
        metadata=metadata,
        source=source,
        sha256=sha256,
        modules=frozenset(name for name, _ in base_of(engine.model).named_modules()),
        parameters=frozenset(parameters),
    )


def _live_tensors(model: Any, adapter: str, loaded: Mapping[int, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The adapter's tensors under the names that PEFT gives them in a file.

    Args:
        model: that carries it.
        adapter: its name.
        loaded: by the id of a parameter of which a part is heard: what was loaded.

    PEFT would list the whole model's state, which repacks 4-bit weights; it is handed the parameters instead.
    """
    from peft.utils import get_peft_model_state_dict

    everything = {**dict(model.named_parameters(remove_duplicate=False)), **dict(model.named_buffers())}
    others = "|".join(re.escape(name) for name in model.peft_config if name != adapter)
    # PEFT 0.18 takes other adapters' biases along.
    foreign = re.compile(rf"\.(?:lora|hada|lokr)_\w+\.(?:{others})(?:\.|$)") if others else None
    state = {
        name: loaded.get(id(tensor), tensor).detach()
        for name, tensor in everything.items()
        if foreign is None or not foreign.search(name)
    }
    tensors = get_peft_model_state_dict(model, state_dict=state, adapter_name=adapter, save_embedding_layers=False)
    return {_file_path(key): tensor for key, tensor in tensors.items()}


def _moved(key: str, old: str, new: str) -> str:
    """The name of a tensor whose module stands at another path, if it is one of that module's."""
    return f"{new}{key.removeprefix(old)}" if ROLE.sub("", key) == old else key


def _file_path(path: str) -> str:
    """A path in the model as it stands in a file; models that adapters were injected into lack PEFT's prefix."""
    return path if path.startswith(PREFIX) else PREFIX + path


def _live_config(config: Any) -> dict[str, Any]:
    """The fields of a live PEFT config as they would stand in adapter_config.json."""

    def plain(value: Any) -> Any:
        return sorted(value) if isinstance(value, set) else getattr(value, "value", value)

    return {key: plain(value) for key, value in config.to_dict().items()}
