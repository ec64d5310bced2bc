"""Several adapters, each target at its gain, in one: exactly by concatenation, or by PEFT's ways to combine them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from ..mix import Mix
from ..mix_check import check_mix
from ..shelf.adapter_weights import AdapterWeights
from ..shelf.live_weights import loaded_weights
from .draft import Draft
from .fold import as_plain, checked_gains, stacked, times
from .full_weights import brought_along, fields_of, keeper_of
from .place import Place
from .plan import refuse_fades
from .publish import publish
from .summing import Piece, by_peft, nearest, side_by_side
from .target_patterns import describe_targets, patterns
from .tied_modules import ties
from .verify import Checker, without_desk
from .ways import Recipe
from .writing import AS_USUAL, Writing
from .written import Baked

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
    place = Place.free(folder, name, writing.overwrite)
    parts = [loaded_weights(desk, one, writing.sources.get(one)) for one in names]
    draft = combined(parts, mix, recipe, writing).stored_as(writing.dtype)
    return publish(draft, parts, mix, place, Checker(desk, mix, names, writing))


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
    place = Place.free(folder, name, writing.overwrite)
    draft = combined(parts, mix, recipe, writing).stored_as(writing.dtype)
    return publish(draft, parts, mix, place, without_desk)


def combined(parts: Sequence[AdapterWeights], mix: Mix, recipe: Recipe, writing: Writing = AS_USUAL) -> Draft:
    """The new adapter before it is written. Which share of the exact sum's squared norm is in it is known of svd alone.

    Raises:
        ValueError: as `combine`.
        Cancelled: it was called off.
    """
    _check(parts, mix)
    targets = _union(parts)
    rank = recipe.rank or max(target.rank for weights in parts for target in weights.targets)
    done: dict[str, tuple[torch.Tensor, torch.Tensor]] = {}
    kept, whole = 0.0, 0.0
    for at, (name, members) in enumerate(targets.items()):
        pieces = [Piece.of(weights, target, mix.gain(target)) for weights, target in members]
        if recipe.combination == "cat":
            a, b = side_by_side(pieces)
        elif recipe.combination == "svd":
            a, b, energy = nearest(pieces, rank)
            kept, whole = kept + energy[0], whole + energy[1]
        else:
            a, b = by_peft(pieces, recipe, [weights.name for weights in parts], rank)
        done[name] = a, b
        writing.done(at + 1, len(targets))
    draft = _draft(parts, mix, targets, done, recipe)
    return replace(draft, kept=kept / whole) if whole else draft


def _check(parts: Sequence[AdapterWeights], mix: Mix) -> None:
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


def _union(parts: Sequence[AdapterWeights]) -> dict[str, list[tuple[AdapterWeights, Target]]]:
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
    done: Mapping[str, tuple[torch.Tensor, torch.Tensor]],
    recipe: Recipe,
) -> Draft:
    experts = {name: Piece.of(*members[0], 1.0).experts for name, members in targets.items()}
    ranks = {name: a.shape[0] // experts[name] for name, (a, _) in done.items()}
    rank = max(ranks.values())
    tensors: dict[str, torch.Tensor] = {}
    biases: dict[str, torch.Tensor] = {}
    for name, (a, b) in done.items():
        members = targets[name]
        key_a, key_b = members[0][0].pair(members[0][1])
        factor = 1.0 if recipe.uniform else ranks[name] / rank  # PEFT will multiply by alpha / rank of the target
        b = b if factor == 1 else times(b, factor, name)
        tensors[key_a], tensors[key_b] = stacked([(a, b, ranks[name])], rank if recipe.uniform else ranks[name])
        for weights, target in members:
            key = weights.roles[name].get("lora_B.bias")
            if key is not None:
                bias = times(weights.tensors[key].detach().cpu(), mix.gain(target) * target.scaling * factor, name)
                biases[key] = biases[key] + bias if key in biases else bias
    if biases:
        for key, value in tensors.items():
            if key.endswith(".lora_B.weight"):
                biases.setdefault(key.removesuffix("weight") + "bias", value.new_zeros(value.shape[0]))
    chosen = [members[0][1] for members in targets.values()]
    smaller = {} if recipe.uniform else {name: own for name, own in ranks.items() if own != rank}
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
    return Draft(recipe.way, config, {**tensors, **biases, **brought_along(parts)}, rank, len(targets), silent)
