"""From an adapter's weights and a gain for each target to a new adapter: tensors and config, nothing on disk yet.

*Folded*, the gains are in the weights: one rank and one alpha hold for every target, and alpha = r. Where something
hangs on rank or scaling besides the sound (what PEFT takes off the base model, say), both stay as they are.
*Patterned*, the weights are as they were, and `alpha_pattern` holds what differs.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..arrays import Array, is_finite, joined, multiplied, zeros
from ..limits import LOUDEST
from ..shelf.adapter_weights import PREFIX, AdapterWeights
from ..shelf.lora_fields import Effect
from ..target import Target
from .draft import Draft
from .target_patterns import describe_targets, patterns
from .tied_modules import check_ties
from .ways import FOLDED, Form

_ONE_FACTOR = ("hada_w1_a", "lokr_w1", "lokr_w1_b")


def draft_of(weights: AdapterWeights, gain: Callable[[Target], float], form: Form) -> Draft:
    """One adapter at these gains, in this form, before it is written.

    Raises:
        ValueError: as `fold` and `pattern`.
    """
    return fold(weights, gain, form) if form.way == "folded" else pattern(weights, gain)


def fold(weights: AdapterWeights, gain: Callable[[Target], float], form: Form = FOLDED) -> Draft:
    """The gains, and whatever scaling the adapter has, in the weights; alpha = r, no patterns, no rank stabilisation.

    Args:
        weights: the adapter.
        gain: of each target.
        form: whether smaller ranks are padded, and silent targets left out.

    Raises:
        ValueError: DoRA away from gain 1 without the base model, a gain too large for the weights' type, every target
            left out, or one of them where what is left would play otherwise.
    """
    gains = checked_gains(weights, gain)
    check_ties(weights, lambda target: gains[target.name] * target.scaling)
    silent = [target for target in weights.targets if gains[target.name] == 0]
    kept = [target for target in weights.targets if not (form.drop_silent and gains[target.name] == 0)]
    if not kept:
        raise ValueError(f"every target of {weights.name!r} is at gain 0: nothing would be left of it")
    special = next((trait for trait in weights.traits if trait.meaning.keeps_rank or trait.field == "bias"), None)
    if special and len(kept) < len(weights.targets):
        raise ValueError(
            f"{weights.name!r} is more than its targets ({special.sentence}): none of them can be left out; bake the "
            "silent ones along"
        )
    if special and special.meaning.keeps_rank:
        return _fold_in_place(weights, gains, len(silent))
    rank = max(target.rank for target in kept)
    padded = form.uniform and weights.method in ("lora", "dora") and any(target.rank != rank for target in kept)
    tensors = {key: tensor for key, tensor in weights.tensors.items() if not only_trains(weights, key)}
    for target in weights.targets:
        if target not in kept:
            for key in weights.roles[target.name].values():
                del tensors[key]
            tensors.pop(f"{PREFIX}{target.name}.base_layer.weight", None)
            continue
        # What PEFT will multiply by is alpha / rank of the target: 1, unless its rank stays smaller.
        factor = gains[target.name] * target.scaling * (1.0 if padded else target.rank / rank)
        tensors.update(_scaled(weights, target, factor))
        tensors.update(_magnitude(weights, target, gains[target.name]))
        if padded:
            a, b = weights.pair(target)
            tensors[a], tensors[b] = stacked([(tensors[a], tensors[b], target.rank)], rank)
    ranks = {} if padded else {target.name: target.rank for target in kept if target.rank != rank}
    config = {
        **weights.config,
        "r": rank,
        _alpha_field(weights): rank,
        "rank_pattern": patterns(ranks, kept),
        "alpha_pattern": {},
        **({"use_rslora": False} if weights.method in ("lora", "dora") else {}),
        **as_plain(weights),
        **describe_targets([weights], {target.name for target in kept}),
    }
    return Draft("folded", config, tensors, rank, len(kept), len(silent), dropped=len(kept) < len(weights.targets))


def _fold_in_place(weights: AdapterWeights, gains: Mapping[str, float], silent: int) -> Draft:
    """The gains in B, and nothing else as it was not: rank and scaling of every target stay those of the config.

    So PEFT does to the base model what it does for the source.
    """
    tensors = dict(weights.tensors)
    for target in weights.targets:
        by_config = weights.by_config(target)
        tensors.update(
            _scaled(weights, target, gains[target.name] * (target.scaling / by_config if by_config else 1.0))
        )
        tensors.update(_magnitude(weights, target, gains[target.name]))
    rank = max(target.rank for target in weights.targets)
    config = {**weights.config, **describe_targets([weights], {target.name for target in weights.targets})}
    return Draft("folded", config, tensors, rank, len(weights.targets), silent)


def pattern(weights: AdapterWeights, gain: Callable[[Target], float]) -> Draft:
    """The weights untouched, and the gains in alpha: one for all where that is enough, else in `alpha_pattern`.

    DoRA's magnitudes move with the gain and are written anew.

    Raises:
        ValueError: DoRA away from gain 1 without the base model; or a gain at which loading the adapter would make
            another base model of it, or break it.
    """
    gains = checked_gains(weights, gain)
    tensors = dict(weights.tensors)
    alphas = {}
    for target in weights.targets:
        alphas[target.name] = _number(_alpha(weights, target, gains[target.name]))
        _check_alpha(weights, target, alphas[target.name])
        tensors.update(_magnitude(weights, target, gains[target.name]))
    usual = max(alphas.values(), key=list(alphas.values()).count)
    others = {name: alpha for name, alpha in alphas.items() if alpha != usual}
    ranks = {target.name: target.rank for target in weights.targets if target.rank != weights.config.get("r")}
    config = {
        **weights.config,
        _alpha_field(weights): usual,
        "rank_pattern": patterns(ranks, weights.targets),
        "alpha_pattern": patterns(others, weights.targets),
        **describe_targets([weights], set(alphas)),
    }
    rank = max(target.rank for target in weights.targets)
    silent = sum(gain == 0 for gain in gains.values())
    return Draft("patterned", config, tensors, rank, len(weights.targets), silent)


def _alpha(weights: AdapterWeights, target: Target, gain: float) -> float:
    """The alpha at which PEFT plays a target as the mix does."""
    if target.scaling == weights.by_config(target):
        return gain * target.alpha
    return gain * target.scaling * (math.sqrt(target.rank) if weights.config.get("use_rslora") else target.rank)


def _check_alpha(weights: AdapterWeights, target: Target, alpha: float) -> None:
    if not (special := weights.changes_base):
        return
    if special.effect is Effect.BASE_BY_SCALING and alpha != target.alpha:
        raise ValueError(
            f"{weights.name!r} cannot be baked patterned at a gain other than 1: {special.sentence}, by its scaling, "
            "so that another alpha would be another base model; bake it folded"
        )
    if special.meaning.divides and alpha <= 0 < target.alpha:
        raise ValueError(
            f"{weights.name!r} cannot be baked patterned at a gain of 0 or below: {special.sentence}, and divides by "
            "its scaling; bake it folded"
        )


def checked_gains(weights: AdapterWeights, gain: Callable[[Target], float]) -> dict[str, float]:
    """The gain of each target.

    Raises:
        ValueError: an adapter that has no gains of its own, or a gain at which a target's scaling is more than the
            numbers of a model hold.
    """
    if router := next((trait for trait in weights.traits if trait.effect is Effect.ROUTER), None):
        raise ValueError(f"{weights.name!r} cannot be written: {router.sentence}")
    gains = {target.name: gain(target) for target in weights.targets}
    for target in weights.targets:
        if not abs(gains[target.name] * target.scaling) <= LOUDEST:
            raise ValueError(
                f"{target.name} of {weights.name!r}: a gain of {gains[target.name]:g} makes its scaling larger than "
                f"{LOUDEST:.3g}, which no number of a model holds: lower its faders"
            )
    return gains


def as_plain(weights: AdapterWeights) -> dict[str, Any]:
    """Config fields with which an adapter that differed in training alone is read as plain LoRA, by every reader."""
    plain: dict[str, Any] = {}
    for trait in weights.traits:
        if trait.effect is Effect.TRAINING:
            plain[trait.field] = True if trait.field == "init_lora_weights" else None
    if isinstance(weights.config.get("init_lora_weights"), str) and not weights.changes_base:
        # Where training began says nothing any more; "orthogonal" would refuse ranks that are odd.
        plain |= {"init_lora_weights": True}
        plain |= {field: None for field in ("eva_config", "lora_ga_config") if weights.config.get(field)}
    return plain


def only_trains(weights: AdapterWeights, key: str) -> bool:
    """Whether a tensor of its file is of no use once it is trained."""
    leaves = [name for trait in weights.traits for name in trait.meaning.leaves]
    return any(f".{name}" in key for name in leaves)


def stacked(parts: Sequence[tuple[Array, Array, int]], rank: int) -> tuple[Array, Array]:
    """Several pairs of A and B in one, whose product is the sum of theirs, padded with zeros to `rank`.

    Args:
        parts: A, B and the rank of each. A is (experts x r, in …), B is (out, r x experts …): PEFT keeps the experts
            of one parameter outermost in A and innermost in B. Everything else has one "expert".
        rank: of the result, at least the sum of theirs.
    """
    first_a, first_b, first_rank = parts[0]
    experts = first_a.shape[0] // first_rank
    a = [a.reshape(experts, own, *a.shape[1:]) for a, _, own in parts]
    b = [b.reshape(b.shape[0], own, experts, *b.shape[2:]) for _, b, own in parts]
    missing = rank - sum(own for _, _, own in parts)
    if missing:
        a.append(zeros(a[0], experts, missing, *first_a.shape[1:]))
        b.append(zeros(b[0], first_b.shape[0], missing, experts, *first_b.shape[2:]))
    return (
        joined(a, 1).reshape(experts * rank, *first_a.shape[1:]),
        joined(b, 1).reshape(first_b.shape[0], rank * experts, *first_b.shape[2:]),
    )


def times(tensor: Array, factor: float, what: str) -> Array:
    """`tensor * factor` in its own type, computed in float32 at least.

    Raises:
        ValueError: a number becomes too large for that type.
    """
    product = multiplied(tensor, factor)
    if not is_finite(product):
        raise ValueError(f"{what}: at this gain its weights are too large for {tensor.dtype}")
    return product


# One target


def _scaled(weights: AdapterWeights, target: Target, factor: float) -> dict[str, Array]:
    """The tensors of a target that change when what it adds is multiplied by `factor`."""
    roles = weights.roles[target.name]
    if weights.method in ("lora", "dora"):
        names = [weights.pair(target)[1], *(roles[role] for role in ("lora_B.bias",) if role in roles)]
    else:
        names = [roles[role] for role in _ONE_FACTOR if role in roles][:1]
    return {name: times(weights.tensors[name], factor, target.name) for name in names}


def _magnitude(weights: AdapterWeights, target: Target, gain: float) -> dict[str, Array]:
    """DoRA's magnitude at this gain, by its name in the file; nothing where the target has none."""
    key = weights.roles[target.name].get("lora_magnitude_vector")
    if key is None:
        return {}
    stored = weights.tensors[key]
    if weights.magnitude is not None:
        moved = weights.magnitude(target, gain).detach().reshape(stored.shape)
        if not moved.isfinite().all():
            raise ValueError(f"{target.name}: at this gain its magnitudes are too large for {moved.dtype}")
        if gain == 0 and not moved.all():
            raise ValueError(
                f"{target.name}: a row of the base weight is all zeros, and stock PEFT divides by its norm where DoRA "
                "is silent; leave silent targets out (drop_silent), or turn this one up a little"
            )
        return {key: moved}
    if gain == 1:
        return {key: stored}
    raise ValueError(
        f"{weights.name!r} is DoRA: at a gain other than 1 its magnitudes depend on the base model's weights; name the "
        "base model too"
    )


def _alpha_field(weights: AdapterWeights) -> str:
    return "lora_alpha" if weights.method in ("lora", "dora") else "alpha"


def _number(alpha: float) -> float | int:
    """A whole alpha as an integer, as people write it."""
    return int(alpha) if alpha == int(alpha) else alpha
