"""What several adapters add at one target, put together: side by side, by svd, or by PEFT's ways to combine."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..arrays import Array, as_type, at_hand, axes, float64, is_finite, joined, wide_enough
from ..components import components, singular_values
from ..optional_packages import needed
from ..shelf.adapter_weights import AdapterWeights
from .fold import stacked, times
from .ways import Recipe

if TYPE_CHECKING:
    from ..target import Target


@dataclass(frozen=True)
class Piece:
    """What one adapter has to add at one target: `scaling * b @ a`, the gain included."""

    adapter: str
    a: Array
    b: Array
    rank: int
    scaling: float
    name: str

    @classmethod
    def of(cls, weights: AdapterWeights, target: Target, gain: float) -> Piece:
        a, b = (at_hand(weights.tensors[key]) for key in weights.pair(target))
        return cls(weights.name, a, b, target.rank, gain * target.scaling, target.name)

    @property
    def experts(self) -> int:
        return self.a.shape[0] // self.rank

    @property
    def scaled_b(self) -> Array:
        return times(self.b, self.scaling, self.name)


def side_by_side(pieces: Sequence[Piece]) -> tuple[Array, Array]:
    heard = [piece for piece in pieces if piece.scaling != 0] or pieces[:1]
    dtype = wide_enough([piece.b for piece in heard])
    stack = [(as_type(piece.a, dtype), as_type(piece.scaled_b, dtype), piece.rank) for piece in heard]
    return stacked(stack, sum(piece.rank for piece in heard))


def nearest(pieces: Sequence[Piece], rank: int) -> tuple[Array, Array, tuple[float, float]]:
    """The nearest matrices of that rank, and the squared norms of what they hold and of the whole.

    The sum is B A with few columns and rows: two QR decompositions leave a small matrix to decompose.
    """
    if any(len(piece.a.shape) != 2 or piece.experts != 1 for piece in pieces):
        raise ValueError(f"{pieces[0].name} is no matrix: concatenate instead")
    a, b = side_by_side(pieces)
    left, values, right = components(b, a)
    size = min(rank, len(values))
    dtype = wide_enough([piece.b for piece in pieces])
    new_b, new_a = left[:, :size] * values[:size], right[:size]
    energy = [value * value for value in values.tolist()]
    return as_type(new_a, dtype), as_type(new_b, dtype), (sum(energy[:size]), sum(energy))


def values_of_sum(pieces: Sequence[Piece]) -> list[float]:
    """The singular values of a sum, descending, in float64; those of experts together."""
    return sorted((value for values in singular_values(*summed(pieces)).tolist() for value in values), reverse=True)


def summed(pieces: Sequence[Piece]) -> tuple[Array, Array]:
    """B and A of the sum, in float64, with experts in front."""
    experts = pieces[0].experts
    a = joined([float64(piece.a).reshape(experts, piece.rank, -1) for piece in pieces], 1)
    b = joined([piece.scaling * axes(_by_expert(piece), 2, 0, 1) for piece in pieces], 2)
    if not (is_finite(a) and is_finite(b)):
        raise ValueError(f"{pieces[0].name}: its weights hold numbers that are none (NaN) or infinite")
    return b, a


def _by_expert(piece: Piece) -> Array:
    """B as (out, rank, experts), in float64."""
    return float64(piece.b).reshape(len(piece.b), piece.rank, piece.experts)


def by_peft(pieces: Sequence[Piece], recipe: Recipe, names: Sequence[str], rank: int) -> tuple[Array, Array]:
    """PEFT's `add_weighted_adapter` on a model of this one target, whose scaling has the gain in it.

    A second module that all adapters have lets PEFT see all of them, also where only one has the target itself.
    """
    needed("peft", f"combining by {recipe.combination}")
    import torch
    from peft import LoraConfig
    from peft.tuners.lora import LoraModel

    a, b = pieces[0].a, pieces[0].b
    if a.dim() != 2 or pieces[0].experts != 1:
        raise ValueError(f"{pieces[0].name} is no matrix: concatenate instead")
    by_name = {piece.adapter: piece for piece in pieces}
    ranks = {piece.rank for piece in pieces}
    if not recipe.combination.endswith("svd") and len(ranks) > 1:
        raise ValueError(
            f"{pieces[0].name} has rank {' and '.join(map(str, sorted(ranks)))} in different adapters, and "
            f"{recipe.combination} needs one rank: choose cat, svd or {recipe.combination}_svd"
        )
    rank = min(rank, a.shape[1], b.shape[0])  # no matrix of this size has more
    slots = {name: f"a{at}" for at, name in enumerate(names)}
    host = torch.nn.ModuleDict(
        {
            "target": torch.nn.utils.skip_init(torch.nn.Linear, a.shape[1], b.shape[0], bias=False),
            "beside": torch.nn.utils.skip_init(torch.nn.Linear, 1, 1, bias=False),
        }
    )
    common = next(iter(ranks))
    with warnings.catch_warnings(), torch.random.fork_rng(devices=[]), torch.no_grad():
        warnings.simplefilter("ignore")
        torch.manual_seed(recipe.seed)
        model: Any = None
        for name, slot in slots.items():
            piece = by_name.get(name)
            modules = ["target", "beside"] if piece else ["beside"]
            config = LoraConfig(r=piece.rank if piece else common, target_modules=modules, init_lora_weights=False)
            if model is None:
                model = LoraModel(host, {slot: config}, slot)
            else:
                model.peft_config[slot] = config
                model.inject_adapter(host, slot)
            if piece is not None:
                layer: Any = host["target"]
                # PEFT takes the root of the scaling; its sign goes into A, where newer versions put it.
                # (Where it takes the whole product, it goes into A whole: 0.18 multiplies by the scaling twice.)
                sign, size = (-1.0 if piece.scaling < 0 else 1.0), abs(piece.scaling)
                if recipe.combination.endswith("svd"):
                    sign, size = piece.scaling, 1.0
                layer.lora_A[slot].weight.data = piece.a.float() * sign
                layer.lora_B[slot].weight.data = piece.b.float()
                layer.scaling[slot] = size
        options: dict[str, Any] = {"density": recipe.density, "majority_sign_method": recipe.majority_sign}
        if recipe.combination.endswith("svd"):
            options |= {"svd_rank": rank, "svd_full_matrices": False}
        known = inspect.signature(model.add_weighted_adapter).parameters
        options = {key: value for key, value in options.items() if key in known}
        model.add_weighted_adapter(list(slots.values()), [1.0] * len(slots), "sum", recipe.combination, **options)
    made: Any = host["target"]
    dtype = wide_enough([piece.b for piece in pieces])
    new_a, new_b = made.lora_A["sum"].weight, made.lora_B["sum"].weight
    return new_a.detach().to(dtype), new_b.detach().to(dtype)
