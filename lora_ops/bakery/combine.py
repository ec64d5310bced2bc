"""Several adapters, each target at its gain, in one: exactly by concatenation, or by PEFT's ways to combine them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from ..engines.engine import Cancelled
from ..mix import Mix
from ..shelf.adapter_weights import AdapterWeights, loaded_weights
from ..shelf.lora_fields import is_set
from .bake import Baked, check_mix, publish, refuse_fades
from .fold import Draft, as_plain, checked_gains, only_trains, stacked, times
from .summing import Piece, Recipe, by_peft, nearest, side_by_side
from .target_patterns import describe_targets, patterns
from .tied_modules import ties
from .verify import Checker

if TYPE_CHECKING:
    from ..desk import Desk
    from ..target import Target

#: Called with how many of how many targets are done.
Progress = Callable[[int, int], None]
_CAT = "concatenated"
#: Config fields that go with full weights, whoever brings them, and what they are without.
_OF_FULL_WEIGHTS = {"modules_to_save": None, "trainable_token_indices": None, "ensure_weight_tying": False}


def concatenate(desk: Desk, mix: Mix, names: Sequence[str], folder: Path, name: str, **options: Any) -> Baked:
    """Several loaded adapters with their gains in one, exactly: their matrices side by side. The ranks add up.

    Args:
        desk, mix, names, folder, name, **options: as `combine` takes them.
    """
    return combine(desk, mix, names, folder, name, Recipe("cat", uniform=options.pop("uniform", True)), **options)


def combine(
    desk: Desk,
    mix: Mix,
    names: Sequence[str],
    folder: Path,
    name: str,
    recipe: Recipe,
    *,
    overwrite: bool = False,
    sources: Mapping[str, Path] | None = None,
    dtype: torch.dtype | None = None,
    check: bool = True,
    input_ids: torch.Tensor | None = None,
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Baked:
    """Writes several loaded LoRA adapters, at their gains in `mix`, as one new adapter in `folder / name`.

    The result is folded (alpha = r, no patterns where ranks are uniform); the live model is as it was afterwards.

    Args:
        desk: the desk.
        mix: the gains.
        names: which of the loaded adapters.
        folder: where adapters are kept.
        name: of the new one.
        recipe: how.
        overwrite: whether an adapter of that name may be replaced.
        sources: the folders that they were loaded from, by name.
        dtype: of the weights; as they are loaded if not given.
        check: whether stock PEFT reads it once, and its logits are compared with the desk's.
        input_ids: the text to compare on, shape (rows, tokens).
        progress: told how far it is.
        cancelled: asked between targets, and while waiting for the lock.

    Raises:
        ValueError: they cannot be combined, or not in this way; the message says why.
        FileExistsError: there is something of that name already.
        OSError: it cannot be written; a full disk is named.
        Cancelled: it was called off.
    """
    desk.check(mix)
    refuse_fades(mix, names)
    parts = [loaded_weights(desk, one, (sources or {}).get(one)) for one in names]
    draft, kept = combined(parts, mix, recipe, progress, cancelled)
    checker = Checker(desk, mix, names, input_ids, cancelled) if check else None
    way = _CAT if recipe.combination == "cat" else recipe.combination
    return publish(parts, mix, draft, way, folder, name, overwrite=overwrite, dtype=dtype, checker=checker, kept=kept)


def combine_weights(
    parts: Sequence[AdapterWeights],
    mix: Mix,
    folder: Path,
    name: str,
    recipe: Recipe,
    *,
    overwrite: bool = False,
    dtype: torch.dtype | None = None,
    progress: Progress | None = None,
) -> Baked:
    """`combine` from the adapters' folders alone (`read_weights`): no base model is needed, and nothing is compared.

    Raises:
        As `combine`; also two adapters of one name.
    """
    check_mix(mix, parts)
    draft, kept = combined(parts, mix, recipe, progress)
    way = _CAT if recipe.combination == "cat" else recipe.combination
    return publish(parts, mix, draft, way, folder, name, overwrite=overwrite, dtype=dtype, kept=kept)


def combined(
    parts: Sequence[AdapterWeights],
    mix: Mix,
    recipe: Recipe,
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> tuple[Draft, float | None]:
    """The new adapter before it is written, and which share of the exact sum's squared norm is in it ("svd" alone)."""
    _check(parts, mix)
    targets = _union(parts)
    done: dict[str, tuple[torch.Tensor, torch.Tensor]] = {}
    kept, whole = 0.0, 0.0
    for at, (name, members) in enumerate(targets.items()):
        if cancelled is not None and cancelled():
            raise Cancelled
        pieces = [Piece.of(weights, target, mix.gain(target)) for weights, target in members]
        if recipe.combination == "cat":
            a, b = side_by_side(pieces)
        elif recipe.combination == "svd":
            a, b, energy = nearest(pieces, recipe.rank or _rank_for(parts))
            kept, whole = kept + energy[0], whole + energy[1]
        else:
            a, b = by_peft(pieces, recipe, [weights.name for weights in parts], recipe.rank or _rank_for(parts))
        done[name] = a, b
        if progress is not None:
            progress(at + 1, len(targets))
    draft = _draft(parts, mix, targets, done, recipe.uniform)
    return draft, (kept / whole if whole else None) if recipe.combination == "svd" else None


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
    kept = [weights for weights in parts if _full(weights)]
    biased = next((weights for weights in parts if is_set(weights.config.get("bias"))), None)
    if biased is not None and len(parts) > 1:
        raise ValueError(
            f"{biased.name!r} replaces biases of the base model (bias is {biased.config['bias']!r}), which no gain "
            "moves: it cannot be added to others; bake it by itself"
        )
    if len(kept) > 1:
        what = ", ".join(f"{weights.name} ({sorted(_full(weights))[0]})" for weights in kept)
        raise ValueError(f"more than one brings full weights of its own, of which only one can be kept: {what}")


def _extra(weights: AdapterWeights) -> set[str]:
    """The names of tensors that belong to no target: modules_to_save, biases, copies of the base model's own."""
    of_targets = {key for roles in weights.roles.values() for key in roles.values()}
    return {key for key in set(weights.tensors) - of_targets if not only_trains(weights, key)}


def _full(weights: AdapterWeights) -> set[str]:
    """Those of them that were trained, and play instead of the base model's."""
    return {key for key in _extra(weights) if not _is_copy(key)}


def _is_copy(key: str) -> bool:
    """Whether a tensor is a copy of the base model's own, which PEFT saves along when embeddings are adapted."""
    return key.endswith(".base_layer.weight")


def _extras(parts: Sequence[AdapterWeights]) -> dict[str, torch.Tensor]:
    """The full weights of the one that brings some, and the copies of the base model's own of all.

    Raises:
        ValueError: two hold different copies, so that they are for different base models.
    """
    found: dict[str, torch.Tensor] = {}
    owners: dict[str, str] = {}
    for weights in parts:
        for key in sorted(_extra(weights)):
            tensor = weights.tensors[key]
            if key in found and not _same(found[key], tensor):
                raise ValueError(
                    f"{owners[key]!r} and {weights.name!r} hold different copies of the base model's {key}: they were "
                    "trained on different models; load both into one model, and combine them there"
                )
            found.setdefault(key, tensor)
            owners.setdefault(key, weights.name)
    return found


def _same(one: torch.Tensor, other: torch.Tensor) -> bool:
    """Whether two copies differ by no more than the rounding of a 16-bit number."""
    return one.shape == other.shape and torch.allclose(one.float(), other.float(), rtol=2**-7, atol=1e-6)


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


def _rank_for(parts: Sequence[AdapterWeights]) -> int:
    return max(target.rank for weights in parts for target in weights.targets)


def _draft(
    parts: Sequence[AdapterWeights],
    mix: Mix,
    targets: Mapping[str, list[tuple[AdapterWeights, Target]]],
    done: Mapping[str, tuple[torch.Tensor, torch.Tensor]],
    uniform: bool,
) -> Draft:
    experts = {name: Piece.of(*members[0], 1.0).experts for name, members in targets.items()}
    ranks = {name: a.shape[0] // experts[name] for name, (a, _) in done.items()}
    rank = max(ranks.values())
    tensors: dict[str, torch.Tensor] = {}
    biases: dict[str, torch.Tensor] = {}
    for name, (a, b) in done.items():
        members = targets[name]
        key_a, key_b = members[0][0].pair(members[0][1])
        factor = 1.0 if uniform else ranks[name] / rank  # PEFT will multiply by alpha / rank of the target
        b = b if factor == 1 else times(b, factor, name)
        tensors[key_a], tensors[key_b] = stacked([(a, b, ranks[name])], rank if uniform else ranks[name])
        for weights, target in members:
            key = weights.roles[name].get("lora_B.bias")
            if key is not None:
                bias = times(weights.tensors[key].detach().cpu(), mix.gain(target) * target.scaling * factor, name)
                biases[key] = biases[key] + bias if key in biases else bias
    if biases:
        for key, value in tensors.items():
            if key.endswith(".lora_B.weight"):
                biases.setdefault(key.removesuffix("weight") + "bias", value.new_zeros(value.shape[0]))
    keeper = next((weights for weights in parts if _full(weights)), None)
    extra = _extras(parts)
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
        **{field: keeper.config.get(field, usual) if keeper else usual for field, usual in _OF_FULL_WEIGHTS.items()},
        "init_lora_weights": True,
        **describe_targets(parts, set(targets)),
    }
    silent = sum(all(mix.gain(target) == 0 for _, target in members) for members in targets.values())
    return Draft(config, {**tensors, **biases, **extra}, rank, len(targets), silent)
