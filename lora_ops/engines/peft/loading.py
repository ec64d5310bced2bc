"""Adapters into a live model and out of it again, each as an adapter of its own, whatever their ranks.

What a model says without adapters never changes: whatever PEFT puts around its modules is taken off again, and nothing
is written into the base model's own weights.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...shelf.adapter_config import AdapterFileError
from ...shelf.adapter_files import CONFIG, AdapterFiles, read_adapter
from ...shelf.adapter_tensors import leftovers
from ...shelf.fitting import Fitting, base_of
from ...shelf.peft_config import config_of, settled, ties_targets
from ...shelf.peft_weights import as_peft_saves_it, read_tensors, tied_alike
from ...shelf.quantised import kept_packed
from ...shelf.renamed_modules import key_mapping
from .base_weight_copies import copies_in, without_copies
from .openmp_threads import let_go
from .snapshot import Snapshot

if TYPE_CHECKING:
    from torch import nn

#: Where a model keeps the folders that its adapters came from, by their PEFT names.
_FOLDERS = "_lora_mixer_folders"


class LoadingError(ValueError):
    """Adapters cannot be loaded or unloaded; the message says why. The model is as it was."""


def loaded_adapters(model: nn.Module) -> dict[str, Path | None]:
    """The adapters that are in the layers of `model`, in the order of loading, with the folders they came from.

    A folder is known if the adapter was loaded here. Names that stand in `peft_config` alone are not loaded: whoever
    unloaded them left them behind.
    """
    from .playing import adapters_in

    folders = vars(model).get(_FOLDERS, {})
    return {name: folders.get(name) for name in adapters_in(model)}


def arranged_here(model: nn.Module) -> bool:
    """Whether `change_adapters` was the last to say which adapters are in the model."""
    there = loaded_adapters(model)
    return bool(there) and set(vars(model).get(_FOLDERS, {})) == set(there)


def change_adapters(
    model: nn.Module,
    load: Mapping[str, Path | AdapterFiles],
    keep: Sequence[str] = (),
    *,
    upcast: bool = True,
) -> nn.Module:
    """Loads adapters, keeps some that are loaded, and unloads all others; those that are there then all take part.

    >>> model = change_adapters(model, {"pirate": Path("loras/pirate")})                    # that one alone
    >>> model = change_adapters(model, {"poet": Path("loras/poet")}, keep=["pirate"])       # another beside it
    >>> base = change_adapters(model, {})                                                   # none: the base model

    Args:
        model: a transformers model, or a `PeftModel` around one. It is changed in place, and not to be used any more
            where another object is returned. Nothing may run on it meanwhile.
        load: adapters in folders, read already or not, by the PEFT names that they get.
        keep: PEFT names of adapters that stay.
        upcast: whether adapters of 16-bit models are kept in float32, as PEFT does by default; else in the dtype of
            the layer that they are in.

    Returns:
        A `PeftModel`, the same as before where some adapter stays; or the base model when there are no adapters.

    Raises:
        AdapterFileError: files that are damaged.
        LoadingError: an adapter does not fit, or cannot be beside the others. However it fails, the model is as before.
    """
    there = loaded_adapters(model)
    files = {name: one if isinstance(one, AdapterFiles) else read_adapter(one) for name, one in load.items()}
    _check(model, files, keep, there)
    before = Snapshot(model)
    try:
        with _quiet(), kept_packed(model):
            return _changed(model, files, list(keep), list(there), upcast)
    except BaseException as error:
        before.restore()
        if isinstance(error, LoadingError | AdapterFileError) or not isinstance(error, Exception):
            raise
        raise LoadingError(f"PEFT refuses it: {_in_short(error)}") from error
    finally:
        let_go()


def _check(model: Any, files: Mapping[str, AdapterFiles], keep: Sequence[str], there: Iterable[str]) -> None:
    from peft import PeftMixedModel, PeftModel

    there = list(there)
    if missing := [name for name in keep if name not in there]:
        raise LoadingError(f"not loaded: {', '.join(missing)}")
    if twice := [name for name in files if name in keep]:
        raise LoadingError(f"there is an adapter of the name {twice[0]} already")
    if isinstance(model, PeftMixedModel) or (there and not isinstance(model, PeftModel)):
        raise LoadingError("the adapters in this model were put there in another way: load the model again")
    if merged := next((m for module in model.modules() for m in getattr(module, "merged_adapters", ())), None):
        raise LoadingError(f"{merged} is merged into the base model's weights: load the model again")
    types = {name: _type(model.peft_config[name]) for name in keep}
    types.update({name: read.peft_type for name, read in files.items()})
    first = next(iter(types), "")
    if other := next((name for name in types if types[name] != types[first]), None):
        raise LoadingError(
            f"{first} is {types[first]} and {other} is {types[other]}: PEFT plays only one method at a time; load "
            "one without the other"
        )
    fitting = Fitting.of(model)
    for name, read in files.items():
        if reason := fitting.why_not(read):
            raise LoadingError(f"The adapter {name} in {read.folder} does not fit this model. {reason}")
    copied: dict[str, str] = {}
    for name, modules in (*copies_in(model, keep), *((name, fitting.copied(read)) for name, read in files.items())):
        if twice := sorted(module for module in modules if module in copied):
            raise LoadingError(
                f"{copied[twice[0]]} and {name} each bring weights of their own for {twice[0]}, of which PEFT plays "
                "only one at a time: load one without the other"
            )
        copied |= dict.fromkeys(modules, name)


def _changed(
    model: nn.Module, files: Mapping[str, AdapterFiles], keep: list[str], there: list[str], upcast: bool
) -> nn.Module:
    from .playing import Playing

    if not keep:
        model = _stripped(model)
    elif leaving := [name for name in there if name not in keep]:
        _delete(model, leaving, keep)
    _forget_unloaded(model, there)
    for name, read in files.items():
        try:
            model = _added(model, name, read, upcast)
        except (RuntimeError, ValueError, TypeError, KeyError, AttributeError) as error:
            if isinstance(error, LoadingError | AdapterFileError):
                raise
            raise LoadingError(f"PEFT refuses the adapter {name} in {read.folder}: {_in_short(error)}") from error
    playing = [*keep, *files]
    if playing:
        _let_play(Playing(model), playing, model)
        _own_configs(model)
    known = vars(model).get(_FOLDERS, {})
    vars(model)[_FOLDERS] = {name: files[name].folder if name in files else known.get(name) for name in playing}
    return model


def _let_play(playing: Any, names: list[str], model: Any) -> None:
    if any(config.is_prompt_learning for config in model.peft_config.values()):
        if len(names) > 1:
            raise LoadingError("of adapters that act on the prompt, only one can play at a time")
        model.set_adapter(names[0])
    else:
        playing.only(names)
    for name, parameter in model.named_parameters():
        if any(f".{adapter}." in name or name.endswith(f".{adapter}") for adapter in names):
            parameter.requires_grad_(False)


def _stripped(model: nn.Module) -> nn.Module:
    """The base model, without anything of PEFT's in it."""
    base = base_of(model)
    _unwrap(base, everything=True)
    vars(base).pop("peft_config", None)
    return base


def _unwrap(base: nn.Module, everything: bool = False) -> None:
    """Takes off what PEFT has put around modules: all of it, or where no adapter is left in it."""
    from peft.tuners.tuners_utils import BaseTunerLayer
    from peft.utils.other import AuxiliaryTrainingWrapper

    def inside(module: Any) -> Any:
        while True:
            if isinstance(module, AuxiliaryTrainingWrapper):
                if not everything:
                    return module
                module = module.original_module  # PEFT's own unloading would leave the adapter's copy there
            elif not isinstance(module, BaseTunerLayer) or (module._get_available_adapters() and not everything):
                return module
            elif hasattr(module, "unload_and_optionally_merge_module"):  # it had to take its base layer apart
                return module.unload_and_optionally_merge_module(merge=False, safe_merge=False, adapter_names=None)
            else:
                module = module.base_layer

    seen: set[int] = set()
    stack: list[nn.Module] = [base]
    while stack:
        module = stack.pop()
        if id(module) in seen:
            continue
        seen.add(id(module))
        for name, child in module._modules.items():
            if child is not None:
                module._modules[name] = child = inside(child)
                stack.append(child)


def _delete(model: Any, names: Iterable[str], keep: Sequence[str]) -> None:
    from .playing import Playing

    if any(config.is_prompt_learning for config in model.peft_config.values()):
        raise LoadingError("adapters that act on the prompt are unloaded all at once: load the others again afterwards")
    # PEFT chooses who plays when an adapter is deleted; where modules were copied whole it can choose but one.
    Playing(model).only(keep[:1])
    for name in names:
        model.peft_config.setdefault(name, model.peft_config[keep[0]])  # PEFT deletes no other names
        model.delete_adapter(name)
    _unwrap(base_of(model))


def _forget_unloaded(model: Any, there: Iterable[str]) -> None:
    """Names that were left behind in `peft_config`: PEFT would not put such an adapter into the layers again."""
    configs = getattr(model, "peft_config", None) or {}
    for name in [name for name in configs if name not in there]:
        del configs[name]


def _own_configs(model: Any) -> None:
    """Takes PEFT's configurations off the base model's object: they would outlive the adapters there.

    PEFT then takes a new adapter of such a name for one that is in the layers already, and leaves it out of them.
    """
    from peft.tuners.tuners_utils import BaseTuner

    tuner, base = model.base_model, base_of(model)
    if isinstance(tuner, BaseTuner):
        vars(tuner).setdefault("peft_config", model.peft_config)
    vars(base).pop("peft_config", None)


def _added(model: Any, name: str, files: AdapterFiles, upcast: bool) -> Any:
    """`model` with one more adapter; a new `PeftModel` around a base model."""
    from peft import PeftModel, get_peft_model, set_peft_model_state_dict

    base = base_of(model)
    if any(parameter.is_meta for parameter in base.parameters()):
        return _added_to_offloaded(model, name, files, upcast)
    config = config_of(files)
    trained_on = config.base_model_name_or_path
    config.inference_mode = True
    weights = read_tensors(files, str(next(model.parameters()).device), key_mapping(base))
    with settled(config, Fitting.of(base), base, str(files.folder / CONFIG), beside=isinstance(model, PeftModel)):
        if isinstance(model, PeftModel):
            # PEFT 0.18 does not ask here, and does not cast here either.
            known = "autocast_adapter_dtype" in signature(model.add_adapter).parameters
            model.add_adapter(name, config, **({"autocast_adapter_dtype": upcast} if known else {}))
        else:
            model = get_peft_model(model, config, adapter_name=name, autocast_adapter_dtype=upcast)
            config.base_model_name_or_path = trained_on
    if ties_targets(config):
        weights = tied_alike(weights, Fitting.of(base).tied)
    weights = without_copies(base, weights, files, LoadingError)
    result = set_peft_model_state_dict(model, weights, adapter_name=name)
    _check_places(model, result, name, config, files)
    if hasattr(model.base_model, "_cast_adapter_dtype"):
        model.base_model._cast_adapter_dtype(adapter_name=name, autocast_adapter_dtype=upcast)
    return model.eval()


def _added_to_offloaded(model: Any, name: str, files: AdapterFiles, upcast: bool) -> Any:
    """PEFT itself settles where adapters go in a model of which parts are kept elsewhere until they are needed."""
    from peft import PeftModel

    if files.copies:
        raise LoadingError(f"{name} comes with weights of the base model, of which parts are offloaded here")
    with as_peft_saves_it(files, Fitting.of(model), base_of(model)) as folder:
        if isinstance(model, PeftModel):
            model.load_adapter(str(folder), name, autocast_adapter_dtype=upcast)
            return model
        places = getattr(model, "hf_device_map", {})
        return PeftModel.from_pretrained(
            model,
            str(folder),
            adapter_name=name,
            autocast_adapter_dtype=upcast,
            device_map={f"base_model.model.{module}": device for module, device in places.items()},
        )


def _check_places(model: Any, result: Any, name: str, config: Any, files: AdapterFiles) -> None:
    """Every weight of the file must have found its place, and every place its weight."""
    from peft.mapping import PEFT_TYPE_TO_PREFIX_MAPPING

    prefix = PEFT_TYPE_TO_PREFIX_MAPPING.get(config.peft_type, "")
    missing = [key for key in result.missing_keys if prefix in key and f".{name}." in f"{key}."]
    there = {path for path, _ in base_of(model).named_modules()}
    training = leftovers()
    unexpected = [key for key in result.unexpected_keys if not any(f".{leaf}" in key for leaf in training)]
    unnamed = [key for key in unexpected if _module_of(key, prefix) in there]
    for keys, what in (
        (unnamed, f"it has weights for {{}}, which target_modules in its {CONFIG} does not name"),
        (unexpected, "it has weights for {}, which this model lacks"),
        (missing, "it lacks weights for {}, which its configuration names"),
    ):
        if keys and not config.is_prompt_learning:
            plain = keys[0].removeprefix("base_model.model.").replace(f".{name}.", ".")
            more = f" (and {len(keys) - 1} more)" if len(keys) > 1 else ""
            raise LoadingError(f"The adapter {name} in {files.folder} does not fit: {what.format(plain + more)}")


def _module_of(key: str, prefix: str) -> str | None:
    """The module that a weight of an adapter is for; None where it is of no adapter."""
    path, found, _ = key.removeprefix("base_model.model.").partition(f".{prefix}")
    return path if found else None


@contextmanager
def _quiet() -> Iterator[None]:
    """PEFT warns of much that is meant here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _type(config: Any) -> str:
    return str(getattr(config.peft_type, "value", config.peft_type)).upper()


def _in_short(error: BaseException) -> str:
    """The first lines of what PEFT and torch say, who list every tensor that they do not like."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return " ".join(lines[:2])[:400] or type(error).__name__
