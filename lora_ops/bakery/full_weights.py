"""What an adapter brings besides its targets: full weights that were trained, and copies of the base model's own.

No gain moves either. Of several adapters one alone may bring weights that were trained.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..arrays import Array, float32, near
from ..shelf.adapter_weights import AdapterWeights
from ..shelf.lora_fields import is_set
from .fold import only_trains

#: Config fields that go with full weights, whoever brings them, and what they are without.
_FIELDS = {"modules_to_save": None, "trainable_token_indices": None, "ensure_weight_tying": False}


def keeper_of(parts: Sequence[AdapterWeights]) -> AdapterWeights | None:
    """The one of these adapters that brings full weights of its own, if there is one.

    Raises:
        ValueError: more than one does, or one replaces biases of the base model beside others.
    """
    biased = next((weights for weights in parts if is_set(weights.config.get("bias"))), None)
    if biased is not None and len(parts) > 1:
        raise ValueError(
            f"{biased.name!r} replaces biases of the base model (bias is {biased.config['bias']!r}), which no gain "
            "moves: it cannot be added to others; bake it by itself"
        )
    keepers = [weights for weights in parts if _trained(weights)]
    if len(keepers) > 1:
        what = ", ".join(f"{weights.name} ({sorted(_trained(weights))[0]})" for weights in keepers)
        raise ValueError(f"more than one brings full weights of its own, of which only one can be kept: {what}")
    return keepers[0] if keepers else None


def fields_of(keeper: AdapterWeights | None) -> dict[str, Any]:
    """The config fields that say which modules have full weights."""
    return {field: keeper.config.get(field, usual) if keeper else usual for field, usual in _FIELDS.items()}


def brought_along(parts: Sequence[AdapterWeights]) -> dict[str, Array]:
    """The full weights of the one that brings some, and the copies of the base model's own of all.

    Raises:
        ValueError: two hold different copies, so that they are for different base models.
    """
    found: dict[str, Array] = {}
    owners: dict[str, str] = {}
    for weights in parts:
        for key in sorted(_besides_targets(weights)):
            tensor = weights.tensors[key]
            if key in found and not _same(found[key], tensor):
                raise ValueError(
                    f"{owners[key]!r} and {weights.name!r} hold different copies of the base model's {key}: they were "
                    "trained on different models; load both into one model, and combine them there"
                )
            found.setdefault(key, tensor)
            owners.setdefault(key, weights.name)
    return found


def _besides_targets(weights: AdapterWeights) -> set[str]:
    """The names of tensors that belong to no target: modules_to_save, biases, copies of the base model's own."""
    of_targets = {key for roles in weights.roles.values() for key in roles.values()}
    return {key for key in set(weights.tensors) - of_targets if not only_trains(weights, key)}


def _trained(weights: AdapterWeights) -> set[str]:
    """Those of them that play instead of the base model's; PEFT saves copies along when embeddings are adapted."""
    return {key for key in _besides_targets(weights) if not key.endswith(".base_layer.weight")}


def _same(one: Array, other: Array) -> bool:
    """Whether two copies differ by no more than the rounding of a 16-bit number."""
    return one.shape == other.shape and near(float32(one), float32(other), 2**-7, 1e-6)
