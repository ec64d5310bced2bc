"""An adapter's tensors and config as they lie in its folder: what baking and combining start from.

Out of a live model they come by `live_weights.py`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from math import prod
from pathlib import Path
from typing import Any

from ..arrays import Array, count, float32, has_torch, is_finite, is_floating
from ..target import Adapter, Target, kind_of, layer_of
from .adapter_config import AdapterFileError
from .adapter_folder import CONFIG, WEIGHTS
from .expert_names import expert_names
from .lora_fields import CHANGES_BASE, Trait, traits
from .patterns import PatternError, Patterns
from .safetensors_file import SafeTensors

CARD = "README.md"
#: The methods whose adapters can be written: what a desk can scale.
METHODS = ("lora", "dora", "loha", "lokr")
PREFIX = "base_model.model."

#: The end of a tensor's name in the file, after the module's path: what it is to its target. Magnitudes are spelled in
#: two ways, of which PEFT writes one and reads both.
ROLE = re.compile(
    r"\.(lora_A\.weight|lora_B\.weight|lora_B\.bias|lora_embedding_A|lora_embedding_B|lora_magnitude_vector"
    r"|hada_(?:w[12]_[ab]|t[12])|lokr_(?:w[12]|w[12]_[ab]|t2))(?:(?<=_vector)\.weight)?$"
)


@dataclass(frozen=True)
class AdapterWeights:
    """One adapter as it would lie on disk.

    Attributes:
        name: of the adapter.
        method: one of `METHODS`.
        config: the fields of its adapter_config.json.
        tensors: by their names in the file; numpy's where there is no torch. Those of a live adapter are the live ones:
            not to be written to.
        targets: the targets that have a scaling, with it, in the order of the model.
        roles: the tensors of each target: by target name, then by role (`lora_A.weight`), their names in the file.
        magnitude: DoRA's magnitude of a target at a gain; None where there is none, or where the base model is needed.
        metadata: what the safetensors file says about itself.
        source: the folder that it came from, if known.
        sha256: of the safetensors file there.
        modules: the names of all modules of the base model, where there is one: what a pattern could match by mistake.
        parameters: the names of those targets that are parameters (experts' weights), not modules.
    """

    name: str
    method: str
    config: Mapping[str, Any]
    tensors: Mapping[str, Array]
    targets: tuple[Target, ...]
    roles: Mapping[str, Mapping[str, str]]
    magnitude: Callable[[Target, float], Array] | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    source: Path | None = None
    sha256: str = ""
    modules: frozenset[str] = frozenset()
    parameters: frozenset[str] = frozenset()

    def tensor(self, target: Target, role: str) -> Array | None:
        """The tensor that has this role for this target, if there is one."""
        key = self.roles[target.name].get(role)
        return None if key is None else self.tensors[key]

    def pair(self, target: Target) -> tuple[str, str]:
        """The names in the file of a LoRA target's A and B.

        Raises:
            ValueError: one of them is missing.
        """
        roles = self.roles[target.name]
        for a, b in (("lora_A.weight", "lora_B.weight"), ("lora_embedding_A", "lora_embedding_B")):
            if a in roles and b in roles:
                return roles[a], roles[b]
        raise ValueError(f"{target.name} of {self.name!r} has no pair of lora_A and lora_B")

    @property
    def adapter(self) -> Adapter:
        """The plain facts of it, as a desk has them of a loaded one; of no base model, so its share is 0."""
        numbers = sum(map(count, self.tensors.values()))
        return Adapter(self.name, self.method, self.targets, numbers, 0.0, bool(self.config.get("use_rslora")))

    @cached_property
    def traits(self) -> tuple[Trait, ...]:
        """What is special about it, by the fields of its config."""
        return traits(self.config)

    @property
    def changes_base(self) -> Trait | None:
        """For what loading it changes the base model's weights (PiSSA and its like)."""
        return next((trait for trait in self.traits if trait.effect in CHANGES_BASE), None)

    def by_config(self, target: Target) -> float:
        """The scaling that its config gives a target; a live one may have been given another."""
        return target.alpha / (math.sqrt(target.rank) if self.config.get("use_rslora") else target.rank)


def read_weights(folder: Path, name: str = "") -> AdapterWeights:
    """An adapter as it lies in its folder; no base model is needed, and none is looked at.

    Raises:
        ValueError: the folder is damaged, or its method is not one of `METHODS`; the message names file and field.
    """
    file = read_adapter_file(folder)
    config = file.config
    kind = config["peft_type"].lower()
    method = "dora" if kind == "lora" and config.get("use_dora") else kind
    if method not in METHODS:
        raise ValueError(f"{folder / CONFIG}: peft_type {kind!r} cannot be written: only {', '.join(METHODS)} can")
    tensors = {key: file.load(key) for key in file.keys}
    check_numbers(tensors, folder)
    name = name or folder.resolve().name
    paths = {key[: found.start()]: None for key in tensors if (found := ROLE.search(key))}
    parameters = _parameters(paths, tensors, config)
    targets = _targets(name, {path: parameters.get(path, path.removeprefix(PREFIX)) for path in paths}, config, folder)
    return AdapterWeights(
        name=name,
        method=method,
        config=config,
        tensors=tensors,
        targets=tuple(targets.values()),
        roles=roles_of(tensors, targets),
        metadata=file.metadata,
        source=folder,
        sha256=file.sha256,
        parameters=frozenset(parameters.values()),
    )


def check_numbers(tensors: Mapping[str, Array], folder: Path) -> None:
    """Refuses weights of which a model would say nothing any more.

    Raises:
        AdapterFileError: a number is none, or is infinite; the message names file and tensor.
    """
    for key, tensor in tensors.items():
        if is_floating(tensor) and not is_finite(tensor):
            raise AdapterFileError(f"{folder / WEIGHTS}: {key} holds numbers that are none (NaN) or infinite")


@dataclass(frozen=True)
class AdapterFile:
    """The files of one adapter folder, checked; its weights are read one by one.

    Attributes:
        folder: where they are.
        config: the fields of its adapter_config.json, as PEFT writes them.
        metadata: what the safetensors file says about itself.
        keys: the names of its tensors in the file, by PEFT's names of them.
        sha256: of the safetensors file.
    """

    folder: Path
    config: dict[str, Any]
    metadata: dict[str, str]
    keys: Mapping[str, str]
    sha256: str

    def load(self, key: str) -> Array:
        """One tensor; what is stored in 8 bits, in which torch does not calculate, in 32. By numpy without torch.

        Raises:
            AdapterFileError: it is stored in a way that only torch knows, and there is none.
        """
        if not has_torch():
            try:
                return SafeTensors.open(self.folder / WEIGHTS).read(self.keys[key])
            except ValueError as error:
                raise AdapterFileError(f"{error} (without PyTorch)") from error
        from safetensors import safe_open

        with safe_open(str(self.folder / WEIGHTS), framework="pt") as file:
            tensor = file.get_tensor(self.keys[key])
        return float32(tensor) if is_floating(tensor) and tensor.itemsize == 1 else tensor


def read_adapter_file(folder: Path) -> AdapterFile:
    """Checks an adapter's folder, and reads all of it but the weights.

    Raises:
        ValueError: it is damaged or hostile; the message names the file and the field.
    """
    from .adapter_files import read_adapter

    checked = read_adapter(folder)
    config = {**checked.config, "peft_type": checked.peft_type}
    config |= {field: config.get(field) or {} for field in ("rank_pattern", "alpha_pattern") if field in config}
    file = SafeTensors.open(checked.folder / WEIGHTS)
    keys = {checked.names.get(key, key): key for key in file.entries}
    return AdapterFile(checked.folder, config, dict(file.metadata), keys, checked.content_hash())


def _parameters(paths: Iterable[str], tensors: Mapping[str, Array], config: Mapping[str, Any]) -> dict[str, str]:
    """Of the modules at these paths of the file, those that stand for a parameter (experts' weights), by its name."""

    def size(path: str) -> int:
        a, b = (tensors.get(f"{path}.lora_{one}.weight") for one in "AB")
        return 0 if a is None or b is None else prod(a.shape[1:]) + b.shape[0]

    sizes = {path.removeprefix(PREFIX): size(path) for path in paths}
    found = expert_names(sizes, config.get("target_parameters"))
    patterned = config.get("rank_pattern") or config.get("alpha_pattern")
    if patterned and (odd := [path for path in sizes if path.endswith(".base_layer") and path not in found]):
        raise AdapterFileError(
            f"{odd[0]} holds weights for a parameter (target_parameters), and it cannot be told which: rank_pattern "
            "and alpha_pattern may mean others; load it with its base model, and bake it there"
        )
    return {PREFIX + path: name for path, name in found.items()}


def _targets(adapter: str, names: Mapping[str, str], config: Mapping[str, Any], folder: Path) -> dict[str, Target]:
    """Targets as PEFT would load them, by their paths: rank and alpha by the config's patterns, scaling by its formula.

    Raises:
        AdapterFileError: a pattern, a rank or an alpha is none.
    """
    ranks, alphas = Patterns(config.get("rank_pattern")), Patterns(config.get("alpha_pattern"))
    usual_alpha = config.get("lora_alpha", config.get("alpha"))
    found = {}
    for path, name in names.items():
        try:
            rank, alpha = ranks.value(name, config.get("r")), alphas.value(name, usual_alpha)
        except PatternError as error:
            raise AdapterFileError(f"{folder / CONFIG}: {error}") from error
        if not (isinstance(rank, int) and rank > 0 and isinstance(alpha, int | float) and math.isfinite(alpha)):
            raise AdapterFileError(f"{folder / CONFIG}: {name} has rank {rank!r} and alpha {alpha!r}")
        scaling = alpha / (math.sqrt(rank) if config.get("use_rslora") else rank)
        found[path] = Target(adapter, name, layer_of(name), kind_of(name), rank, float(alpha), scaling, scalable=True)
    return found


def roles_of(tensors: Iterable[str], owners: Mapping[str, Target]) -> dict[str, dict[str, str]]:
    """The tensors of each target, by its name and their `ROLE`; `owners` are the targets by their paths in the file."""
    roles: dict[str, dict[str, str]] = {target.name: {} for target in owners.values()}
    for key in tensors:
        if (found := ROLE.search(key)) and (owner := owners.get(key[: found.start()])):
            roles[owner.name][found.group(1)] = key
    return roles


def shapes_of(folder: Path) -> dict[str, tuple[int, ...]]:
    """The shapes of an adapter's tensors, by their names in the file; for a folder that `read_adapter` has checked."""
    return {key: entry.shape for key, entry in SafeTensors.open(folder / WEIGHTS).entries.items()}
