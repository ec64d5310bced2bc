"""Tied modules, embeddings and `lm_head`, that share one pair of A and B: in a file of ours each has its own.

With `ensure_weight_tying` PEFT makes one pair of weights serve both modules where the base model ties them, each at its
own scaling. Two gains cannot be folded into one pair, and PEFT writes both pairs anyway: the file that is written says
that they are two. Every version of PEFT then plays the same, whether it can tie adapters or not.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..arrays import equal
from ..shelf.adapter_weights import PREFIX, AdapterWeights
from ..target import Target

_FIELD = "ensure_weight_tying"


@dataclass(frozen=True)
class Tie:
    """Two targets that PEFT may give one pair of weights.

    Attributes:
        embedding: whose A and B the other one has, the other way round.
        other: mostly `lm_head`.
        agree: whether each plays the weights that it holds: they are the same, or nothing ties them. Else the base
            model decides which of them play.
    """

    embedding: Target
    other: Target
    agree: bool


def ties(weights: AdapterWeights) -> list[Tie]:
    """The targets that this adapter ties; none where its config does not ask for it."""
    if not weights.config.get(_FIELD) or weights.method not in ("lora", "dora"):
        return []
    embeddings = [target for target in weights.targets if "lora_embedding_A" in weights.roles[target.name]]
    found = []
    for embedding in embeddings:
        a, b = (weights.tensors[key] for key in weights.pair(embedding))
        for target in weights.targets:
            if target in embeddings:
                continue
            own_a, own_b = (weights.tensors[key] for key in weights.pair(target))
            if own_a.shape == b.T.shape and own_b.shape == a.T.shape:
                agree = equal(own_a, b.T) and equal(own_b, a.T)
                # Live, or where nothing is tied, what each holds is what it plays.
                agree = agree or bool(weights.modules) or _apart(weights, embedding, target) or not _peft_ties()
                found.append(Tie(embedding, target, agree))
    return found


def untied(weights: AdapterWeights) -> dict[str, bool]:
    """Config fields with which each target plays the pair that it holds; none where that is so, or cannot be told."""
    found = ties(weights)
    return {_FIELD: False} if found and all(tie.agree for tie in found) else {}


def check_ties(weights: AdapterWeights, factors: Callable[[Target], float]) -> None:
    """Refuses to write two factors into one pair of weights.

    Args:
        weights: the adapter.
        factors: by what the weights of a target would be multiplied.

    Raises:
        ValueError: a pair differs from the one it is tied to, and so would its factor.
    """
    for tie in ties(weights):
        if not tie.agree and factors(tie.embedding) != factors(tie.other):
            raise ValueError(
                f"{weights.name!r} ties {tie.other.name} to {tie.embedding.name} ({_FIELD}), its file holds different "
                "weights for them, and their gains differ: give both one gain, bake it patterned, or load it with its "
                "base model and bake what is played then"
            )


def _peft_ties() -> bool:
    """Whether this PEFT ties adapters; 0.18 knows the field, and heeds it for full copies of modules alone."""
    try:
        from peft.tuners.lora import LoraModel
    except ImportError:  # without it: what the newest does
        return True
    return hasattr(LoraModel, "_add_targets_to_tie")


def _apart(weights: AdapterWeights, one: Target, other: Target) -> bool:
    """Whether the file shows that the base model does not tie two modules: it holds both, and they differ."""
    first, second = (weights.tensors.get(f"{PREFIX}{target.name}.base_layer.weight") for target in (one, other))
    return first is not None and second is not None and not equal(first, second)
