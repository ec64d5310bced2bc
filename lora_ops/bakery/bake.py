"""A mix written into a new adapter folder, which needs no desk any more."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ..mix import Mix
from ..mix_check import check_mix
from ..shelf.adapter_weights import AdapterWeights
from .fold import draft_of
from .place import Place
from .plan import refuse_fades, refuse_ranks
from .publish import publish
from .start import start_of
from .ways import Form, Way
from .writing import AS_USUAL, Writing
from .written import Baked, without_desk

if TYPE_CHECKING:
    from ..desk import Desk


def bake(
    desk: Desk,
    mix: Mix,
    adapter: str,
    folder: Path,
    name: str,
    form: Form | Way = "folded",
    writing: Writing = AS_USUAL,
) -> Baked:
    """Writes one loaded adapter, at its gains in `mix`, into the new adapter folder `folder / name`.

    The live model is as it was afterwards. Nothing is left behind if anything fails.

    >>> bake(desk, desk.mix, "pirate", shelf_folder, "pirate-softer")
    >>> bake(desk, desk.mix, "pirate", shelf_folder, "pirate-softer", "patterned", Writing(overwrite=True))

    Args:
        desk: the desk.
        mix: the gains; those of other adapters do not matter. Where faders fade over a reply: `mix.at(token)`.
        adapter: which of the loaded ones.
        folder: where adapters are kept.
        name: of the new one.
        form: how gains are written, or the name of its way.
        writing: how it gets to disk.

    Raises:
        ValueError: the mix or the name does not fit, the adapter cannot be written (merged, DoRA's magnitudes …).
        FileExistsError: there is something of that name already.
        OSError: it cannot be written; a full disk is named.
        Cancelled: the wait was called off.
    """
    desk.check(mix)
    refuse_fades(mix, [adapter])
    refuse_ranks(mix, [adapter])
    place = Place.free(folder, name, writing.overwrite)
    start = start_of(desk, mix, [adapter], writing)
    draft = draft_of(start.parts[0], start.mix.gain, Form.of(form)).stored_as(writing.dtype)
    writing.done(1, 1)
    return publish(draft, start.parts, mix, place, start.compare)


def bake_weights(
    weights: AdapterWeights,
    mix: Mix,
    folder: Path,
    name: str,
    form: Form | Way = "folded",
    writing: Writing = AS_USUAL,
) -> Baked:
    """`bake` from an adapter's folder alone (`read_weights`): no base model is needed, and nothing is compared.

    Raises:
        ValueError: as `bake`; also DoRA at a gain other than 1, which needs the base model, or a gain for a kind, layer
            or target that the adapter does not have.
    """
    check_mix(mix, {weights.name: weights.adapter})
    refuse_fades(mix, [weights.name])
    refuse_ranks(mix, [weights.name])
    place = Place.free(folder, name, writing.overwrite)
    draft = draft_of(weights, mix.gain, Form.of(form)).stored_as(writing.dtype)
    return publish(draft, [weights], mix, place, without_desk)
