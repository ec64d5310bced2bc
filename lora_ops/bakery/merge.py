"""A mix merged into the base model, saved as a whole model that needs neither PEFT nor a desk."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..engines.peft.engine import peft_engine
from ..files import write_aside
from ..mix import Mix
from ..shelf.adapter_weights import CARD, AdapterWeights
from ..shelf.fitting import base_of
from ..shelf.live_weights import loaded_weights
from ..shelf.quantised import is_packed
from .fold import checked_gains
from .merged_weights import merged_weights
from .model_card import model_card
from .place import Place
from .plan import refuse_fades
from .skeleton import skeleton_of
from .story import of_model
from .verify import Checker, verify_model
from .writing import AS_USUAL, Writing
from .written import Merged

if TYPE_CHECKING:
    from ..desk import Desk


def merge(
    desk: Desk,
    mix: Mix,
    folder: Path,
    name: str,
    tokenizer: Any = None,
    names: Sequence[str] | None = None,
    writing: Writing = AS_USUAL,
) -> Merged:
    """Writes base model and adapters, at their gains in `mix`, as one model in `folder / name`.

    The live model is as it was afterwards; the merged weights are made beside it, so that as much memory is needed as
    the adapted modules take. Holds the lock while they are computed. A base in 4 or 8 bits is opened: what it lost when
    it was packed stays lost.

    Args:
        desk: the desk.
        mix: the gains; where faders fade over a reply, `mix.at(token)`.
        folder: where models are kept.
        name: of the new one.
        tokenizer: saved along.
        names: which adapters; those that are heard under the mix if not given.
        writing: how it gets to disk; it is compared with the desk where memory holds it twice.

    Raises:
        ValueError: an adapter, or the base model's quantisation, cannot be merged; the message says why.
        FileExistsError: there is something of that name already.
        OSError: it cannot be written; a full disk is named.
        Cancelled: it was called off.
    """
    desk.check(mix)
    names = list(desk.heard(mix) if names is None else names)
    desk.check_adapters(names)
    refuse_fades(mix, names)
    parts = [loaded_weights(desk, one, writing.sources.get(one)) for one in names]
    _check(parts, mix)
    place = Place.free(folder, name, writing.overwrite)
    state, changed = merged_weights(desk, mix, names, writing)
    base = base_of(peft_engine(desk).model)
    skeleton = skeleton_of(base, state)
    with place.aside() as aside:
        skeleton.save_pretrained(aside, state_dict=state)
        del state, skeleton  # room for the model that is read back
        compared = Checker(desk, mix, names, writing, verify_model)(aside)
        if tokenizer is not None:
            tokenizer.save_pretrained(aside)
        merged = Merged(
            **vars(compared),
            folder=place.path,
            names=tuple(names),
            targets=changed,
            parameters=desk.parameters,
            size=sum(file.stat().st_size for file in aside.glob("*.safetensors")),
            opened=any(is_packed(parameter) for parameter in base.parameters()),
        )
        base_model = str(getattr(base.config, "_name_or_path", "") or "")
        write_aside(aside / CARD, model_card(of_model(merged, parts, mix, base_model)))
    return merged


def _check(parts: Sequence[AdapterWeights], mix: Mix) -> None:
    if not parts:
        raise ValueError("name at least one adapter to merge")
    for weights in parts:
        checked_gains(weights, mix.gain)
    if pissa := next((weights.name for weights in parts if weights.changes_base and len(parts) > 1), None):
        raise ValueError(f"{pissa!r} changed the base model when it was loaded: merge it alone")
