"""An adapter, or several together, written at a smaller rank: the strongest components of what every target adds.

No other matrix of that rank is nearer (Eckart and Young 1936), and how far it is off is known before anything is
written: the energy that is left out is the sum of the squares of the singular values that are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import energy as measures
from ..arrays import as_type, axes, count, is_finite, wide_enough
from ..components import components
from ..mix import Mix, heard
from ..mix_check import check_mix
from ..shelf.adapter_weights import AdapterWeights
from .combine import Sum, added_up, check_addable, union
from .draft import Draft
from .place import Place
from .plan import refuse_fades
from .publish import publish
from .start import start_of
from .summing import Piece, summed
from .ways import MOST_RANK
from .writing import AS_USUAL, Writing
from .written import Baked, Compared, without_desk

if TYPE_CHECKING:
    from ..desk import Desk

WAY = "resized"


@dataclass(frozen=True)
class Keep:
    """Which components are kept: so many of every target, or as many of each as hold a share of its energy.

    Attributes:
        rank: at most so many.
        energy: the share of the squared norm of what a target adds, above 0 and up to 1. At 1, all but those that are
            nothing. Of both, what is fewer holds.
        uniform: pad smaller ranks with zeros to the largest, so that one rank holds for all targets, as vLLM before
            0.32 needs it. Without it each target has its own, in `rank_pattern`.

    Raises:
        ValueError: neither of the two is given, or what is given is no rank or no share.
    """

    rank: int | None = None
    energy: float | None = None
    uniform: bool = False

    def __post_init__(self) -> None:
        if self.rank is None and self.energy is None:
            raise ValueError("say what to keep: a rank, or a share of the energy (0.95 keeps 95 % of each target)")
        if self.energy is not None:
            measures.check_share(self.energy)
        whole = isinstance(self.rank, int) and not isinstance(self.rank, bool)
        if self.rank is not None and not (whole and 0 < self.rank <= MOST_RANK):
            raise ValueError(f"a rank is a whole number from 1 to {MOST_RANK}, not {self.rank!r}")

    def count(self, values: Sequence[float]) -> int:
        """How many of these, descending, are kept: one at least, since PEFT knows no rank 0."""
        count = len(values) if self.rank is None else min(self.rank, len(values))
        return max(1, count if self.energy is None else min(count, measures.needed(values, self.energy)))

    def check(self, parts: Sequence[AdapterWeights]) -> None:
        """Refuses a rank that these adapters do not have, together.

        Raises:
            ValueError: naming them, and the rank that they have.
        """
        most = max(sum(target.rank for _, target in members) for members in union(parts).values())
        if self.rank is not None and self.rank > most:
            who = ", ".join(repr(weights.name) for weights in parts)
            raise ValueError(
                f"there is no rank {self.rank} to keep: {who} {'is' if len(parts) == 1 else 'are together'} of rank "
                f"{most} at most"
            )

    @classmethod
    def of(cls, mix: Mix, names: Sequence[str], keep: Keep | None, kept: Mapping[str, Any]) -> Keep:
        """What is to be kept of these adapters: what is said, or else what is heard in the mix.

        Raises:
            ValueError: it is said twice, or not at all.
        """
        if keep is not None and kept:
            raise ValueError(f"say what is kept once: as a Keep, or as {' and '.join(kept)}")
        said = keep is not None or not {"rank", "energy"}.isdisjoint(kept)
        if not said and len(names) == 1:
            kept = {"rank": mix[names[0]].rank, "energy": mix[names[0]].energy, **kept}
        elif part := next((name for name in names if not mix[name].whole), None):
            raise ValueError(
                f"only a part of {part!r} is heard in the mix ({heard(mix[part])}): resize it by itself, with no other "
                "rank and no other share; or have all of it heard"
            )
        return keep or cls(**kept)


@dataclass(frozen=True, kw_only=True)
class Resized(Baked):
    """An adapter that was written at another rank.

    Attributes:
        ranks: of each target.
        alone: whether it was made of one adapter.
        parameters_before: how many numbers its sources hold together.
        size_before: of those, in bytes.
    """

    ranks: Mapping[str, int] = field(default_factory=dict)
    alone: bool = True
    parameters_before: int = 0
    size_before: int = 0

    @property
    def exact(self) -> bool:
        """Whether the desk that it was compared with left out the same; a sum of several is compared with the whole."""
        return self.alone

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
    keep: Keep | None = None,
    writing: Writing = AS_USUAL,
    **kept: Any,
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
        keep: what is kept of every target; what is heard in the mix (`Faders.rank` and `energy`) if not given.
        writing: how it gets to disk.
        **kept: instead of `keep`, what that is made of: `rank=4`, or `energy=0.95`, and `uniform=True`.

    Raises:
        ValueError: no rank and no share, or one that they do not have, or an adapter that has no such components; the
            message says why.
        FileExistsError: there is something of that name already.
        OSError: it cannot be written; a full disk is named.
        Cancelled: it was called off.
    """
    names = [adapter] if isinstance(adapter, str) else list(adapter)
    desk.check(mix)
    keep = Keep.of(mix, names, keep, kept)
    refuse_fades(mix, names)
    place = Place.free(folder, name, writing.overwrite)
    start = start_of(desk, mix, names, writing, _heard(mix, names, keep))
    return _written(start.parts, start.mix, keep, place, writing, start.compare)


def resize_weights(
    parts: Sequence[AdapterWeights],
    mix: Mix,
    folder: Path,
    name: str,
    keep: Keep | None = None,
    writing: Writing = AS_USUAL,
    **kept: Any,
) -> Resized:
    """`resize` from the adapters' folders alone (`read_weights`): no base model is needed, and nothing is compared.

    Raises:
        As `resize`; also two adapters of one name.
    """
    names = [weights.name for weights in parts]
    check_mix(mix, {weights.name: weights.adapter for weights in parts})
    keep = Keep.of(mix, names, keep, kept)
    refuse_fades(mix, names)
    place = Place.free(folder, name, writing.overwrite)
    return _written(parts, mix, keep, place, writing, without_desk)


def _heard(mix: Mix, names: Sequence[str], keep: Keep) -> Mix:
    """What is to be heard of what was written: of one adapter the very components; of several, the whole sum."""
    if len(names) > 1:
        return mix
    only = replace(mix[names[0]], rank=keep.rank, energy=keep.energy)
    return Mix({**mix.adapters, names[0]: only})


def _written(
    parts: Sequence[AdapterWeights],
    mix: Mix,
    keep: Keep,
    place: Place,
    writing: Writing,
    compare: Callable[[Path], Compared],
) -> Resized:
    ranks: list[int] = []
    draft = resized(parts, mix, keep, writing, ranks.append).stored_as(writing.dtype)
    baked = publish(draft, parts, mix, place, compare)
    tensors = [tensor for weights in parts for tensor in weights.tensors.values()]
    return Resized(
        **vars(baked),
        alone=len(parts) == 1,
        ranks=dict(zip(union(parts), ranks, strict=True)),
        parameters_before=sum(map(count, tensors)),
        size_before=sum(count(tensor) * tensor.dtype.itemsize for tensor in tensors),
    )


def resized(
    parts: Sequence[AdapterWeights],
    mix: Mix,
    keep: Keep,
    writing: Writing = AS_USUAL,
    rank_told: Callable[[int], None] = lambda rank: None,
) -> Draft:
    """The new adapter before it is written.

    Args:
        parts, mix, keep, writing: as `resize_weights` takes them.
        rank_told: told the rank of each target, in the order of `union`.

    Raises:
        ValueError, Cancelled: as `resize`.
    """
    check_resizable(parts, mix)
    keep.check(parts)

    def cut(pieces: Sequence[Piece]) -> Sum:
        a, b, energies = strongest(pieces, keep)
        rank_told(len(a) // pieces[0].experts)
        return a, b, energies

    return added_up(parts, mix, cut, WAY, keep.uniform, writing)


def check_resizable(parts: Sequence[AdapterWeights], mix: Mix) -> None:
    """Refuses adapters whose components cannot be told apart.

    Raises:
        ValueError: naming the adapter, and why.
    """
    for weights in parts:
        if weights.method != "lora":
            raise ValueError(f"{weights.name!r} is {weights.method}: only LoRA adapters can be resized")
        if special := next((trait for trait in weights.traits if trait.meaning.keeps_rank), None):
            raise ValueError(f"{weights.name!r} cannot be resized ({special.sentence}): its rank is part of what it is")
    check_addable(parts, mix)


def strongest(pieces: Sequence[Piece], keep: Keep) -> Sum:
    """A and B of the strongest components of a sum, and the energy of those and of all.

    The experts of one parameter are decomposed each by itself, and all keep the same number.
    """
    first, experts = pieces[0], pieces[0].experts
    b, a = summed(pieces)
    left, values, right = components(b, a)
    joint = [measures.energy(one) for one in zip(*values.tolist(), strict=True)]
    kept = keep.count([one**0.5 for one in joint])
    # Half of a value on either side: both keep within what 16 bits tell apart.
    root = values[:, :kept] ** 0.5
    new_a, new_b = root[:, :, None] * right[:, :kept], left[:, :, :kept] * root[:, None, :]
    dtype = wide_enough([piece.b for piece in pieces])
    new_a = as_type(new_a.reshape(experts * kept, *first.a.shape[1:]), dtype)
    new_b = as_type(axes(new_b, 1, 2, 0).reshape(len(first.b), kept * experts, *first.b.shape[2:]), dtype)
    if not (is_finite(new_a) and is_finite(new_b)):
        raise ValueError(f"{first.name}: at this gain its weights are too large for {dtype}")
    return new_a, new_b, (sum(joint[:kept]), sum(joint))
