"""Whether what is on disk does what the desk plays: stock PEFT or transformers reads it, and logits are compared."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from ..engines.engine import Cancelled
from ..engines.peft.engine import peft_engine
from ..engines.peft.memory import available, give_back, out_of_memory
from ..engines.peft.playing import only
from ..mix import Faders, Mix
from ..shelf.adapter_weights import CONFIG, shapes_of
from ..shelf.fitting import base_of
from ..shelf.lora_fields import CHANGES_BASE, Effect, with_effect
from ..shelf.quantised import kept_packed
from .slot import SLOT

if TYPE_CHECKING:
    from ..desk import Desk

_TOKENS = 24


#: While a model is loaded it needs a little more memory than its weights.
_ROOM = 1.15


class CannotVerify(ValueError):
    """What was written cannot be loaded beside the live model to be compared; the message says why."""


@dataclass(frozen=True)
class Difference:
    """How far two sets of logits are apart.

    Attributes:
        greatest: the greatest difference of all.
        logit: the greatest logit, whatever its sign: float32 has seven digits, so what is 1e-5 beside a logit of 30 is
            rounding.
    """

    greatest: float
    logit: float


def verify(
    desk: Desk,
    folder: Path,
    mix: Mix,
    names: Sequence[str],
    input_ids: torch.Tensor | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Difference:
    """How far the logits of the desk playing `mix` are from those of the adapter in `folder` alone.

    The adapter is loaded into the live model by PEFT's own `load_adapter`, so that the base model is there once, and
    removed again; holds the lock meanwhile. Afterwards the model is as it was, the faders too.

    Args:
        desk: the desk.
        folder: of the adapter that was written.
        mix: what it is compared with.
        names: the adapters that play in the mix; all others are silent.
        input_ids: a text, shape (rows, tokens); without one, tokens from all over the vocabulary.
        cancelled: asked while waiting for the lock; true calls the wait off.

    Raises:
        CannotVerify: PEFT cannot load it beside the others, or loading it would change the base model.
        ValueError: PEFT did not find all of its weights in the folder, or found some that it does not know.
        Cancelled: the wait was called off.
    """
    desk.check_adapters(names)
    engine = peft_engine(desk)
    model = engine.model
    if why_not := _why_not(model, folder):
        raise CannotVerify(why_not)
    ids = _tokens(model) if input_ids is None else input_ids.to(_device(model))
    with desk.alone(cancelled), _played(desk, mix, names):
        wanted = _logits(model, ids)
        with _loaded(model, folder):
            engine.playing.only([SLOT])
            try:
                found = _logits(model, ids)
            finally:
                engine.playing.only(names)
    return _difference(wanted, found)


def verify_model(
    desk: Desk,
    folder: Path,
    mix: Mix,
    names: Sequence[str],
    input_ids: torch.Tensor | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Difference:
    """How far the logits of the desk playing `mix` are from those of the whole model in `folder`.

    It is loaded a second time beside the live one, by transformers' own `from_pretrained`, where memory allows it: on
    the live model's device, else on the CPU. The lock is held while the live model plays alone.

    Args:
        desk, mix, names, input_ids, cancelled: as `verify` takes them.
        folder: of the model that was written.

    Raises:
        CannotVerify: memory does not hold it twice, or transformers does not load it.
        ValueError: transformers did not find all of its weights in the folder, or found some that it does not know.
        Cancelled: the wait was called off.
    """
    desk.check_adapters(names)
    model = peft_engine(desk).model
    device = _place_for(sum(file.stat().st_size for file in folder.glob("*.safetensors")), _device(model))
    ids = _tokens(model) if input_ids is None else input_ids.to(_device(model))
    with desk.alone(cancelled), _played(desk, mix, names):
        wanted = _logits(model, ids)
    if cancelled is not None and cancelled():
        raise Cancelled
    return _difference(wanted, _logits_of(folder, type(base_of(model)), ids, device))


@dataclass(frozen=True)
class Checker:
    """What is written is compared with this desk, by one of the ways of `verifying`."""

    desk: Desk
    mix: Mix
    names: Sequence[str]
    input_ids: torch.Tensor | None = None
    cancelled: Callable[[], bool] | None = None
    by: Callable[..., Difference] = verify

    def __call__(self, folder: Path) -> Difference:
        return self.by(self.desk, folder, self.mix, self.names, self.input_ids, self.cancelled)


def checked(checker: Checker | None, folder: Path) -> tuple[Difference | None, str]:
    """How far what was written is from the desk, and why that was not compared."""
    if checker is None:
        return None, "not asked for"
    try:
        return checker(folder), ""
    except CannotVerify as error:
        return None, str(error)


@contextmanager
def _played(desk: Desk, mix: Mix, names: Sequence[str]) -> Iterator[None]:
    """These adapters play as in `mix` while the block lasts, and all others are silent."""
    before = desk.mix
    try:
        desk.apply(Mix({name: mix[name] if name in names else Faders(on=False) for name in desk.adapters}))
        with only(peft_engine(desk).playing, names):
            yield
    finally:
        desk.apply(before)


def _difference(wanted: torch.Tensor, found: torch.Tensor) -> Difference:
    return Difference(float((wanted - found).abs().max()), float(wanted.abs().max()))


def _place_for(size: int, device: torch.device) -> torch.device:
    """The first of this device and the CPU that has room for a model of so many bytes."""
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


def _logits_of(folder: Path, kind: Any, ids: torch.Tensor, device: torch.device) -> torch.Tensor:
    """What the model in `folder` says, loaded as its users load it; nothing of it is left afterwards."""
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
        return _logits(model.eval().to(device), ids.to(device))
    except (OSError, NotImplementedError, ImportError) as error:
        raise CannotVerify(f"transformers does not load it: {error}") from error
    except (RuntimeError, MemoryError) as error:
        if not out_of_memory(error):
            raise
        raise CannotVerify("there is not memory enough to load it a second time") from error
    finally:
        del model
        give_back(device)


def _why_not(model: Any, folder: Path) -> str:
    from peft import PeftMixedModel

    if isinstance(model, PeftMixedModel):
        return "the model holds adapters of several methods in one layer: another would lie over them, not beside them"
    if special := with_effect(_config(folder), *CHANGES_BASE, Effect.MODEL, Effect.ROUTER):
        return f"beside the live adapters it would change the live model ({special.sentence})"
    if {"cpu", "disk"} & set((getattr(model, "hf_device_map", None) or {}).values()):
        return "parts of the model are kept off its device, and loading another adapter would move them"
    return ""


def _config(folder: Path) -> dict[str, Any]:
    config: dict[str, Any] = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    return config


@contextmanager
def _loaded(model: Any, folder: Path) -> Iterator[None]:
    """The adapter beside the live ones while the block lasts; nothing of it is left afterwards."""
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


@torch.no_grad()
def _logits(model: Any, ids: torch.Tensor) -> torch.Tensor:
    # The decoder of an encoder-decoder model reads the same text.
    decoder = {"decoder_input_ids": ids} if getattr(model.config, "is_encoder_decoder", False) else {}
    logits: torch.Tensor = model(input_ids=ids, use_cache=False, **decoder).logits
    return logits.float().cpu()


def _tokens(model: Any) -> torch.Tensor:
    """Two rows of tokens from all over the vocabulary, the same each time."""
    size = model.config.get_text_config().vocab_size
    ids = torch.arange(2 * _TOKENS) * 7919 % size
    return ids.view(2, _TOKENS).to(_device(model))


def _device(model: Any) -> torch.device:
    device: torch.device = next(model.parameters()).device
    return device
