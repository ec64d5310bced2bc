"""An adapter's configuration as PEFT takes it, from what people's files hold."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields
from typing import TYPE_CHECKING, Any, Protocol

from .adapter_config import PATTERNED, AdapterFileError
from .adapter_folder import CONFIG
from .patterns import Patience, PatternError, Patterns, whole_matches
from .renamed_modules import converts_experts, experts_mapping
from .targeting import Asked

if TYPE_CHECKING:
    from .adapter_files import AdapterFiles

#: PEFT compiles the keys of a pattern again and again where there are more than `re` remembers.
_MOST_KEYS = 64


def config_of(files: AdapterFiles) -> Any:
    """PEFT's configuration object of an adapter, without fields that it does not know.

    Raises:
        AdapterFileError: PEFT has no such method, or a field cannot be what it is.
    """
    from peft import PeftConfig
    from peft.mapping import PEFT_TYPE_TO_CONFIG_MAPPING

    kind = PEFT_TYPE_TO_CONFIG_MAPPING.get(files.peft_type)
    if kind is None:
        raise AdapterFileError(f"{files.folder / CONFIG}: the PEFT that is installed has no method {files.peft_type!r}")
    known = {field.name for field in fields(kind) if field.init}
    given = {name: value for name, value in files.config.items() if name in known and name != "runtime_config"}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of fields that say what is so anyway
            return PeftConfig.from_peft_type(**PeftConfig.check_kwargs(**given))
    except (TypeError, ValueError, AttributeError, KeyError) as error:
        raise AdapterFileError(f"{files.folder / CONFIG}: {error}") from error


class Settled(dict[str, Any]):
    """A rank_pattern or alpha_pattern of which it is known what it says of every name: those are its keys.

    PEFT walks through the keys as patterns, finds none, and looks up the name itself: in no time, however many there
    are. What is put in later is a pattern as usual.
    """

    def __init__(self, values: Mapping[str, Any]) -> None:
        super().__init__(values)
        self.added: dict[str, Any] = {}

    def __setitem__(self, key: str, value: Any) -> None:
        self.added[key] = value
        super().__setitem__(key, value)

    def __iter__(self) -> Iterator[str]:
        return iter(self.added)

    def keys(self) -> Any:
        return self.added.keys()


class Modules(Protocol):
    """The modules of a base model, as `fitting.Fitting` knows them."""

    @property
    def modules(self) -> Sequence[str]: ...
    @property
    def parameters(self) -> Mapping[str, Any]: ...
    @property
    def tied(self) -> frozenset[str]: ...
    def targets(self, asked: Asked) -> frozenset[str]: ...


@contextmanager
def settled(config: Any, fitting: Modules, base: Any, where: str, beside: bool = False) -> Iterator[None]:
    """Inside the block no regular expression of a stranger's is left for PEFT to match; what was written is put back.

    What they say of this model was found out in bounded time, and stands there as plain names.

    Args:
        config: PEFT's configuration of one adapter.
        fitting: the modules of the base model.
        base: the base model.
        where: the file of the configuration, for messages.
        beside: whether there are other adapters in the model.

    Raises:
        AdapterFileError: a pattern is none, or takes too long; naming file and field.
    """
    patience = Patience()
    written: dict[str, Any] = {}
    merged = str(getattr(config.peft_type, "value", config.peft_type)) == "LORA" and converts_experts(base)

    def put(field: str, value: Any) -> None:
        written[field] = getattr(config, field)
        setattr(config, field, value)

    try:
        _check_others(config, where)
        asked = Asked.by({field: getattr(config, field, None) for field in _TARGETING})
        if asked.by_pattern and merged:
            put("target_modules", _leaves(asked, fitting, base, patience))
        elif asked.by_pattern:
            for field, names in _plainly(asked, fitting, where).items():
                if hasattr(config, field):
                    put(field, names)
        if beside and ties_targets(config) and isinstance(config.target_modules, set):
            # PEFT does not find what is tied where an adapter is on it, and leaves it out. Its file holds both weights.
            put("target_modules", config.target_modules | _tied(config.target_modules, fitting))
            put("ensure_weight_tying", False)
        if isinstance(feedforward := getattr(config, "feedforward_modules", None), str):
            put("feedforward_modules", set(whole_matches(feedforward, fitting.modules, patience)))
        names = [*fitting.modules, *fitting.parameters]
        for field in ("rank_pattern", "alpha_pattern"):
            patterns = getattr(config, field, None)
            if patterns and asked_by_names(config) and (len(patterns) > _MOST_KEYS or Patterns(patterns).others):
                put(field, Settled(_values(Patterns(patterns, patience), names, field)))
        yield
    except PatternError as error:
        raise AdapterFileError(f"{where}: {error}") from None
    finally:
        for field, value in written.items():
            now = getattr(config, field)
            if isinstance(now, Settled):
                value = {**value, **now.added}
            if field != "target_modules" or not merged:  # PEFT has written there what is merged, and where
                setattr(config, field, value)


_TARGETING = (
    "target_modules", "exclude_modules", "target_parameters", "modules_to_save", "layers_to_transform", "layers_pattern"
)  # fmt: skip


def asked_by_names(config: Any) -> bool:
    """Whether patterns of ranks and alphas mean what they mean for LoRA."""
    return str(getattr(config.peft_type, "value", config.peft_type)).upper() in PATTERNED


def _values(patterns: Patterns[Any], names: Iterable[str], field: str) -> dict[str, Any]:
    nothing = object()
    try:
        found = ((name, patterns.value(name, nothing)) for name in names)
        return {name: value for name, value in found if value is not nothing}
    except PatternError as error:
        raise PatternError(f"{field}: {error}") from None


def _check_others(config: Any, where: str) -> None:
    """Refuses regular expressions in fields of other methods, which PEFT matches each in its own way."""
    for field in fields(config):
        value = getattr(config, field.name)
        if isinstance(value, dict) and field.name.endswith(("_pattern", "_config")):
            if field.name in ("rank_pattern", "alpha_pattern") and asked_by_names(config):
                continue
            if field.name.endswith("_pattern") and Patterns(value).others:
                raise AdapterFileError(f"{where}: {field.name} holds a regular expression, which is not matched here")


def _plainly(asked: Asked, fitting: Modules, where: str) -> dict[str, Any]:
    """Fields that ask for the same modules by their full names."""
    wanted = fitting.targets(Asked(asked.modules, asked.exclude, (), asked.saved, asked.layers, asked.blocks))
    # A full name is also the end of every longer one: those are taken out again.
    beyond = {
        name for name in fitting.modules if name not in wanted and any(end in wanted for end in _tails(name))
    }  # fmt: skip
    if twice := next((name for name in wanted if any(end in beyond for end in _tails(name))), None):
        raise AdapterFileError(f"{where}: target_modules names {twice}, but not another module that ends alike")
    return {
        "target_modules": set(wanted),
        "exclude_modules": beyond or None,
        "layers_to_transform": None,
        "layers_pattern": None,
    }


def _tails(name: str) -> Iterator[str]:
    while name:
        name = name.partition(".")[2]
        if name:
            yield name


def _tied(targets: set[str], fitting: Modules) -> frozenset[str]:
    """The modules that are tied to the embeddings, where those are among the targets."""
    from peft.utils.constants import EMBEDDING_LAYER_NAMES

    return fitting.tied if any(name.rpartition(".")[2] in EMBEDDING_LAYER_NAMES for name in targets) else frozenset()


def ties_targets(config: Any) -> bool:
    """Whether the installed PEFT ties what this configuration adapts, where older ones tie full copies alone."""
    from peft.tuners.lora import LoraModel

    return bool(getattr(config, "ensure_weight_tying", False)) and hasattr(LoraModel, "_add_targets_to_tie")


def _leaves(asked: Asked, fitting: Modules, base: Any, patience: Patience) -> set[str]:
    """The last parts of the names that are asked for, of transformers 4 too, where PEFT puts experts together.

    That is what PEFT makes of a pattern there (`_resolve_string_target_modules`).
    """
    mapping = experts_mapping(base) or {}
    names = [*fitting.modules, *fitting.parameters]
    for parameter in fitting.parameters:
        owner, _, last = parameter.rpartition(".")
        names += [f"{owner}.{old}" for old, new in mapping.items() if new == last]
    return {name.rpartition(".")[2] for name in asked.targets(names, patience=patience)}
