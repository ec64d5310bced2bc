"""An adapter, or several together, written at a smaller rank: the strongest components of what every target adds.

No other matrix of that rank is nearer (Eckart and Young 1936), and how far it is off is known before anything is
written: the energy that is left out is the sum of the squares of the singular values that are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from ..engines.engine import Cancelled
from ..engines.peft.components import components
from ..measure import energy as measures
from ..mix import Mix
from ..shelf.adapter_weights import AdapterWeights, loaded_weights
from .bake import Baked, check_mix, publish, refuse_fades
from .combine import Progress
from .combine import _check as combinable
from .combine import _draft as draft_of_sum
from .combine import _union as union
from .fold import Draft
from .summing import MOST_RANK, Piece
from .verify import Checker

if TYPE_CHECKING:
    from ..desk import Desk

WAY = "resized"


@dataclass(frozen=True)
class Keep:
    """Which components are kept: so many of every target, or as many of each as hold a share of its energy.

    Attributes:
        rank: at most so many.
        energy: the share of the squared norm of what a target adds, above 0 and up to 1. At 1, all but those that are
            nothing.
        uniform: pad smaller ranks with zeros to the largest, so that one rank holds for all targets, as vLLM before
            0.32 needs it. Without it each target has its own, in `rank_pattern`.

    Raises:
        ValueError: neither of the two is given, or both, or what is given is no rank or no share.
    """

    rank: int | None = None
    energy: float | None = None
    uniform: bool = False

    def __post_init__(self) -> None:
        if (self.rank is None) == (self.energy is None):
            raise ValueError("say what to keep: a rank, or a share of the energy (0.95 keeps 95 % of each target)")
        if self.energy is not None:
            measures.check_share(self.energy)
        elif isinstance(self.rank, bool) or not isinstance(self.rank, int) or not 0 < self.rank <= MOST_RANK:
            raise ValueError(f"a rank is a whole number from 1 to {MOST_RANK}, not {self.rank!r}")

    def count(self, values: Sequence[float]) -> int:
        """How many of these, descending, are kept: one at least, since PEFT knows no rank 0."""
        if self.rank is not None:
            return min(self.rank, len(values))
        assert self.energy is not None
        return max(1, measures.needed(values, self.energy))


@dataclass(frozen=True, kw_only=True)
class Resized(Baked):
    """An adapter that was written at another rank.

    Attributes:
        ranks: of each target.
        parameters_before: how many numbers its sources hold together.
        size_before: of those, in bytes.
    """

    ranks: Mapping[str, int] = field(default_factory=dict)
    parameters_before: int = 0
    size_before: int = 0

    @property
    def error(self) -> float:
        """The Frobenius norm of what is left out of all targets, against that of the whole."""
        return max(0.0, 1 - (1.0 if self.kept is None else self.kept)) ** 0.5

    def to_dict(self) -> dict[str, Any]:
        """Plain data that survives JSON."""
        return {**super().to_dict(), "ranks": dict(self.ranks), "error": self.error}


def resize(
    desk: Desk,
    mix: Mix,
    adapter: str | Sequence[str],
    folder: Path,
    name: str,
    *,
    rank: int | None = None,
    energy: float | None = None,
    uniform: bool = False,
    overwrite: bool = False,
    sources: Mapping[str, Path] | None = None,
    dtype: torch.dtype | None = None,
    check: bool = True,
    input_ids: torch.Tensor | None = None,
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Resized:
    """Writes loaded LoRA adapters, at their gains in `mix`, as one adapter of a smaller rank in `folder / name`.

    The result is folded (alpha = r); the live model is as it was afterwards.

    >>> resize(desk, desk.mix, "pirate", shelf_folder, "pirate-small", energy=0.95)

    Args:
        desk: the desk.
        mix: the gains.
        adapter: which of the loaded ones; several are added up, exactly, before components are left out.
        folder: where adapters are kept.
        name: of the new one.
        rank, energy, uniform: what is kept (`Keep`).
        overwrite: whether an adapter of that name may be replaced.
        sources: the folders that they were loaded from, by name.
        dtype: of the weights; as they are loaded if not given.
        check: whether stock PEFT reads it once, and its logits are compared with the desk's.
        input_ids: the text to compare on, shape (rows, tokens).
        progress: told how far it is.
        cancelled: asked between targets, and while waiting for the lock.

    Raises:
        ValueError: no rank and no share, or one that they do not have, or an adapter that has no such components; the
            message says why.
        FileExistsError: there is something of that name already.
        OSError: it cannot be written; a full disk is named.
        Cancelled: it was called off.
    """
    keep = Keep(rank, energy, uniform)
    names = [adapter] if isinstance(adapter, str) else list(adapter)
    desk.check(mix)
    refuse_fades(mix, names)
    parts = [loaded_weights(desk, one, (sources or {}).get(one)) for one in names]
    made = resized(parts, mix, keep, progress, cancelled)
    checker = Checker(desk, mix, names, input_ids, cancelled) if check else None
    return _published(parts, mix, made, folder, name, overwrite=overwrite, dtype=dtype, checker=checker)


def resize_weights(
    parts: Sequence[AdapterWeights],
    mix: Mix,
    folder: Path,
    name: str,
    *,
    rank: int | None = None,
    energy: float | None = None,
    uniform: bool = False,
    overwrite: bool = False,
    dtype: torch.dtype | None = None,
    progress: Progress | None = None,
) -> Resized:
    """`resize` from the adapters' folders alone (`read_weights`): no base model is needed, and nothing is compared.

    Raises:
        As `resize`; also two adapters of one name.
    """
    keep = Keep(rank, energy, uniform)
    check_mix(mix, parts)
    made = resized(parts, mix, keep, progress)
    return _published(parts, mix, made, folder, name, overwrite=overwrite, dtype=dtype)


def resized(
    parts: Sequence[AdapterWeights],
    mix: Mix,
    keep: Keep,
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> tuple[Draft, dict[str, int], float | None]:
    """The new adapter before it is written, the rank of each target, and which share of all energy is in it."""
    for weights in parts:
        if weights.method != "lora":
            raise ValueError(f"{weights.name!r} is {weights.method}: only LoRA adapters can be resized")
        if special := next((trait for trait in weights.traits if trait.meaning.keeps_rank), None):
            raise ValueError(f"{weights.name!r} cannot be resized ({special.sentence}): its rank is part of what it is")
    combinable(parts, mix)
    targets = union(parts)
    most = max(sum(target.rank for _, target in members) for members in targets.values())
    if keep.rank is not None and keep.rank > most:
        raise ValueError(f"there is no rank {keep.rank} to keep: {_who(parts)} of rank {most} at most")
    done: dict[str, tuple[torch.Tensor, torch.Tensor]] = {}
    ranks: dict[str, int] = {}
    kept = whole = 0.0
    for at, (name, members) in enumerate(targets.items()):
        if cancelled is not None and cancelled():
            raise Cancelled
        pieces = [Piece.of(weights, target, mix.gain(target)) for weights, target in members]
        a, b, energies = strongest(pieces, keep)
        done[name], ranks[name] = (a, b), len(a) // pieces[0].experts
        kept, whole = kept + energies[0], whole + energies[1]
        if progress is not None:
            progress(at + 1, len(targets))
    draft = draft_of_sum(parts, mix, targets, done, keep.uniform)
    return draft, ranks, kept / whole if whole else None


@torch.no_grad()
def strongest(pieces: Sequence[Piece], keep: Keep) -> tuple[torch.Tensor, torch.Tensor, tuple[float, float]]:
    """A and B of the strongest components of a sum, and the energy of those and of all.

    The experts of one parameter are decomposed each by itself, and all keep the same number.
    """
    first, experts = pieces[0], pieces[0].experts
    a = torch.cat([piece.a.double().reshape(experts, piece.rank, -1) for piece in pieces], dim=1)
    b = torch.cat(
        [
            piece.scaling * piece.b.double().reshape(len(piece.b), piece.rank, experts).permute(2, 0, 1)
            for piece in pieces
        ],
        dim=2,
    )
    if not (a.isfinite().all() and b.isfinite().all()):
        raise ValueError(f"{first.name}: its weights hold numbers that are none (NaN) or infinite")
    left, values, right = components(b, a)
    joint = values.square().sum(0)
    count = keep.count(joint.sqrt().tolist())
    # Half of a value on either side: both keep within what 16 bits tell apart.
    root = values[:, :count].sqrt()
    new_a, new_b = root[:, :, None] * right[:, :count], left[:, :, :count] * root[:, None, :]
    dtype = first.b.dtype
    for piece in pieces[1:]:
        dtype = torch.promote_types(dtype, piece.b.dtype)
    new_a = new_a.reshape(experts * count, *first.a.shape[1:]).to(dtype)
    new_b = new_b.permute(1, 2, 0).reshape(len(first.b), count * experts, *first.b.shape[2:]).to(dtype)
    if not (new_a.isfinite().all() and new_b.isfinite().all()):
        raise ValueError(f"{first.name}: at this gain its weights are too large for {dtype}")
    return new_a, new_b, (float(joint[:count].sum()), float(joint.sum()))


def _published(
    parts: Sequence[AdapterWeights],
    mix: Mix,
    made: tuple[Draft, dict[str, int], float | None],
    folder: Path,
    name: str,
    **options: Any,
) -> Resized:
    draft, ranks, kept = made
    baked = publish(parts, mix, draft, WAY, folder, name, kept=kept, **options)
    tensors = [tensor for weights in parts for tensor in weights.tensors.values()]
    return Resized(
        **vars(baked),
        ranks=ranks,
        parameters_before=sum(tensor.numel() for tensor in tensors),
        size_before=sum(tensor.numel() * tensor.element_size() for tensor in tensors),
    )


def _who(parts: Sequence[AdapterWeights]) -> str:
    names = ", ".join(repr(weights.name) for weights in parts)
    return f"{names} is" if len(parts) == 1 else f"{names} are together"
