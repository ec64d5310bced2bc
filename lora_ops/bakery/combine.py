"""Several adapters, each target at its gain, in one: exactly by concatenation, or by PEFT's ways to combine them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..arrays import Array, at_hand, zeros
from ..mix import Mix
from ..mix_check import check_mix
from ..shelf.adapter_weights import AdapterWeights
from .draft import Draft
from .fold import as_plain, checked_gains, stacked, times
from .full_weights import brought_along, fields_of, keeper_of
from .place import Place
from .plan import refuse_fades, refuse_ranks
from .publish import publish
from .start import start_of
from .summing import Piece, by_peft, nearest, side_by_side
from .target_patterns import describe_targets, patterns
from .tied_modules import ties
from .ways import Recipe
from .writing import AS_USUAL, Writing
from .written import Baked, without_desk

if TYPE_CHECKING:
    from ..desk import Desk
    from ..target import Target


def concatenate(
    desk: Desk, mix: Mix, names: Sequence[str], folder: Path, name: str, writing: Writing = AS_USUAL
) -> Baked:
    """Several loaded adapters with their gains in one, exactly: their matrices side by side. The ranks add up.

    Args:
        desk, mix, names, folder, name, writing: as `combine` takes them.
    """
    return combine(desk, mix, names, folder, name, Recipe("cat"), writing)


def combine(
    desk: Desk,
    mix: Mix,
    names: Sequence[str],
    folder: Path,
    name: str,
    recipe: Recipe,
    writing: Writing = AS_USUAL,
) -> Baked:
    """Writes several loaded LoRA adapters, at their gains in `mix`, as one new adapter in `folder / name`.

    The result is folded (alpha = r, no patterns where ranks are uniform); the live model is as it was afterwards.

    Args:
        desk: the desk.
        mix: the gains; where faders fade over a reply, `mix.at(token)`.
        names: which of the loaded adapters.
        folder: where adapters are kept.
        name: of the new one.
        recipe: how.
        writing: how it gets to disk.

    Raises:
        ValueError: they cannot be combined, or not in this way; the message says why.
        FileExistsError: there is something of that name already.
        OSError: it cannot be written; a full disk is named.
        Cancelled: it was called off.
    """
    desk.check(mix)
    refuse_fades(mix, names)
    refuse_ranks(mix, names)
    place = Place.free(folder, name, writing.overwrite)
    start = start_of(desk, mix, names, writing)
    draft = combined(start.parts, start.mix, recipe, writing).stored_as(writing.dtype)
    return publish(draft, start.parts, mix, place, start.compare)


def combine_weights(
    parts: Sequence[AdapterWeights],
    mix: Mix,
    folder: Path,
    name: str,
    recipe: Recipe,
    writing: Writing = AS_USUAL,
) -> Baked:
    """`combine` from the adapters' folders alone (`read_weights`): no base model is needed, and nothing is compared.

    Raises:
        As `combine`; also two adapters of one name.
    """
    check_mix(mix, {weights.name: weights.adapter for weights in parts})
    refuse_fades(mix, [weights.name for weights in parts])
    refuse_ranks(mix, [weights.name for weights in parts])
    place = Place.free(folder, name, writing.overwrite)
    draft = combined(parts, mix, recipe, writing).stored_as(writing.dtype)
    return publish(draft, parts, mix, place, without_desk)


def combined(parts: Sequence[AdapterWeights], mix: Mix, recipe: Recipe, writing: Writing = AS_USUAL) -> Draft:
    """The new adapter before it is written. Which share of the exact sum's squared norm is in it is known of svd alone.

    Raises:
        ValueError: as `combine`.
        Cancelled: it was called off.
    """
    names = [weights.name for weights in parts]

    def add(pieces: Sequence[Piece]) -> Sum:
        rank = recipe.rank or max(target.rank for weights in parts for target in weights.targets)
        if recipe.combination == "cat":
            return *side_by_side(pieces), (0.0, 0.0)
        if recipe.combination == "svd":
            return nearest(pieces, rank)
        return *by_peft(pieces, recipe, names, rank), (0.0, 0.0)

    check_addable(parts, mix)
    return added_up(parts, mix, add, recipe.way, recipe.uniform, writing)


#: A and B of a sum, and the squared norms of what they hold and of the whole; zeros where that is not known.
Sum = tuple[Array, Array, tuple[float, float]]


def added_up(
    parts: Sequence[AdapterWeights],
    mix: Mix,
    add: Callable[[Sequence[Piece]], Sum],
    way: str,
    uniform: bool,
    writing: Writing,
) -> Draft:
    """A folded adapter of what `add` makes, target by target, of the pieces of all.

    Args:
        parts: the adapters, which add up (`check_addable`).
        mix: the gains.
        add: makes one piece of several.
        way: what that is called.
        uniform: whether smaller ranks are padded with zeros to the largest.
        writing: who is told how far it is, and may call it off.
    """
    targets = union(parts)
    done: dict[str, tuple[Array, Array]] = {}
    kept, whole = 0.0, 0.0
    for at, (name, members) in enumerate(targets.items()):
        a, b, energy = add([Piece.of(weights, target, mix.gain(target)) for weights, target in members])
        done[name] = a, b
        kept, whole = kept + energy[0], whole + energy[1]
        writing.done(at + 1, len(targets))
    draft = _draft(parts, mix, targets, done, way, uniform)
    return replace(draft, kept=kept / whole) if whole else draft


def check_addable(parts: Sequence[AdapterWeights], mix: Mix) -> None:
    """Refuses adapters that do not add up to another one.

    Raises:
        ValueError: naming the adapter, and why.
    """
    if not parts:
        raise ValueError("name at least one adapter")
    names = [weights.name for weights in parts]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise ValueError(f"two of the adapters have the name {twice!r}: give one of them another")
    for weights in parts:
        if weights.method != "lora":
            raise ValueError(f"{weights.name!r} is {weights.method}: only LoRA adapters add up to another one")
        if alone := next((trait for trait in weights.traits if not trait.meaning.adds_up), None):
            raise ValueError(f"{weights.name!r} cannot be added to others ({alone.sentence}): bake it by itself")
        for field in ("target_parameters", "target_modules"):
            asked = [sorted(one.config.get(field) or ()) for one in (weights, parts[0])]
            if asked[0] != asked[1] and (parts[0].config.get("target_parameters") or field == "target_parameters"):
                raise ValueError("adapters of parameters (experts) add up only where all have the same targets")
    for weights in parts:
        checked_gains(weights, mix.gain)
        if tie := next((tie for tie in ties(weights) if not tie.agree), None):
            raise ValueError(
                f"{weights.name!r} ties {tie.other.name} to {tie.embedding.name} (ensure_weight_tying), and its file "
                "holds different weights for them: load it with its base model, and combine what is played then"
            )
    keeper_of(parts)


def union(parts: Sequence[AdapterWeights]) -> dict[str, list[tuple[AdapterWeights, Target]]]:
    """Every target of any of them, with those that have it."""
    found: dict[str, list[tuple[AdapterWeights, Target]]] = {}
    for weights in parts:
        for target in weights.targets:
            found.setdefault(target.name, []).append((weights, target))
    for name, members in found.items():
        _check_shapes(name, members)
    return found


def _check_shapes(name: str, members: Sequence[tuple[AdapterWeights, Target]]) -> None:
    sizes = {}
    for weights, target in members:
        a, b = (weights.tensors[key] for key in weights.pair(target))
        sizes[weights.name] = (tuple(a.shape[1:]), b.shape[0], a.shape[0] // target.rank)
    if len(set(sizes.values())) > 1:
        told = ", ".join(f"{adapter}: {size[0]} to {size[1]}" for adapter, size in sizes.items())
        raise ValueError(f"{name} differs in size: these adapters are for different models ({told})")


def _draft(
    parts: Sequence[AdapterWeights],
    mix: Mix,
    targets: Mapping[str, list[tuple[AdapterWeights, Target]]],
    done: Mapping[str, tuple[Array, Array]],
    way: str,
    uniform: bool,
) -> Draft:
    experts = {name: Piece.of(*members[0], 1.0).experts for name, members in targets.items()}
    ranks = {name: a.shape[0] // experts[name] for name, (a, _) in done.items()}
    rank = max(ranks.values())
    tensors: dict[str, Array] = {}
    biases: dict[str, Array] = {}
    for name, (a, b) in done.items():
        members = targets[name]
        key_a, key_b = members[0][0].pair(members[0][1])
        factor = 1.0 if uniform else ranks[name] / rank  # PEFT will multiply by alpha / rank of the target
        b = b if factor == 1 else times(b, factor, name)
        tensors[key_a], tensors[key_b] = stacked([(a, b, ranks[name])], rank if uniform else ranks[name])
        for weights, target in members:
            key = weights.roles[name].get("lora_B.bias")
            if key is not None:
                bias = times(at_hand(weights.tensors[key]), mix.gain(target) * target.scaling * factor, name)
                biases[key] = biases[key] + bias if key in biases else bias
    if biases:
        for key, value in tensors.items():
            if key.endswith(".lora_B.weight"):
                biases.setdefault(key.removesuffix("weight") + "bias", zeros(value, value.shape[0]))
    chosen = [members[0][1] for members in targets.values()]
    smaller = {} if uniform else {name: own for name, own in ranks.items() if own != rank}
    config = {
        **parts[0].config,
        **as_plain(parts[0]),
        "r": rank,
        "lora_alpha": rank,
        "rank_pattern": patterns(smaller, chosen),
        "alpha_pattern": {},
        "use_rslora": False,
        "lora_bias": bool(biases),
        **fields_of(keeper_of(parts)),
        "init_lora_weights": True,
        **describe_targets(parts, set(targets)),
    }
    silent = sum(all(mix.gain(target) == 0 for _, target in members) for members in targets.values())
    return Draft(way, config, {**tensors, **biases, **brought_along(parts)}, rank, len(targets), silent)
