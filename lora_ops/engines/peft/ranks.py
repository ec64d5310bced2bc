"""The strongest components of an adapter alone are heard: of each target so many, or as many as hold a share.

B A is the sum of its components. With U the left singular vectors of the strongest of them, (U U') B stands in the
place of B: times A that is their sum (Eckart and Young 1936), in matrices of the shapes that they have. A stays as it
is, so that there is one write for a target, and no moment in which a pass meets half of it. What the components are is
worked out once, and forgotten when all are heard again: until then U and U' B are kept, and B as loaded, and room for
two others, which is twice the adapter's memory or so. With all components heard B is the very tensor that was loaded.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch

from ...arrays import float64
from ...components import components
from ...energy import needed

if TYPE_CHECKING:
    from .knob import Knob

#: So many numbers of B and A are decomposed together.
_AT_ONCE = 2**22


@dataclass(frozen=True)
class _Alike:
    """Targets whose matrices have the same shapes, and lie on one device.

    Attributes:
        places: of their knobs in the list.
        left: U, shape (targets, experts, out, components), in float32 at least.
        inner: U' B, shape (targets, experts, components, rank).
        rooms: for what stands in the place of B, in turns: fresh memory would take longer than the sums, and a pass
            that is under way may still read what was put there last.
    """

    places: list[int]
    left: torch.Tensor
    inner: torch.Tensor
    rooms: list[torch.Tensor] = field(default_factory=list)

    def room(self) -> torch.Tensor:
        """The one of the two that was not used last, shape (targets x experts, out, rank)."""
        if len(self.rooms) < 2:
            self.rooms.append(self.left.new_empty(*self.left.shape[:3], self.inner.shape[3]).flatten(0, 1))
        else:
            self.rooms.reverse()
        return self.rooms[-1]


class Strongest:
    """The components of one adapter's targets.

    Args:
        knobs: of plain LoRA, each with the rank of its target; nothing is written.

    Raises:
        ValueError: there is a target whose components cannot be told or heard by themselves; the message says why.
    """

    @torch.no_grad()
    def __init__(self, knobs: Sequence[Knob], ranks: Sequence[int]) -> None:
        self.knobs = list(knobs)
        #: How strong the k-th component of each target is, descending; that of all experts together.
        self.values: list[Sequence[float]] = [()] * len(self.knobs)
        self._groups: list[_Alike] = []
        #: A and B as they stand in the layers, and what changes when somebody loads other weights into them.
        self._weights = [_weights(knob) for knob in self.knobs]
        self._versions = [(a._version, b._version) for a, b in self._weights]
        if len({id(b) for _, b in self._weights}) < len(self._weights):
            raise ValueError(
                f"two modules share the matrices of {self.knobs[0].adapter!r} (tied embeddings): its components can "
                "only be heard all together"
            )
        pairs = [_pair(knob, rank) for knob, rank in zip(self.knobs, ranks, strict=True)]
        alike: dict[Any, list[int]] = {}
        for at, (a, b) in enumerate(pairs):
            alike.setdefault((a.shape, b.shape, a.device, b.dtype), []).append(at)
        for places in alike.values():
            a, b = pairs[places[0]]
            step = max(1, _AT_ONCE // (a.numel() + b.numel()))
            for start in range(0, len(places), step):
                self._decompose(places[start : start + step], pairs)

    def stale(self, knobs: Sequence[Knob]) -> bool:
        """Whether these are other knobs, or somebody has loaded other weights since."""
        if len(knobs) != len(self.knobs) or any(a is not b for a, b in zip(knobs, self.knobs, strict=True)):
            return True
        seen = zip(self._weights, self._versions, strict=True)
        return any((a._version, b._version) != version for (a, b), version in seen)

    @torch.no_grad()
    def hear(self, rank: int | None, share: float | None) -> None:
        """Has at most `rank` components of each target heard, and no more than hold `share` of its energy."""
        counts = [self._count(values, rank, share) for values in self.values]
        for group in self._groups:
            own = [counts[at] for at in group.places]
            most = max(own)
            inner = group.inner[:, :, :most]
            if min(own) < most:
                kept = torch.arange(most)[None] < torch.tensor(own)[:, None]
                inner = inner * kept.to(inner)[:, None, :, None]
            b = torch.bmm(group.left[..., :most].flatten(0, 1), inner.flatten(0, 1), out=group.room())
            b = b.view(*group.left.shape[:3], -1).permute(0, 2, 3, 1)
            for at, one in zip(group.places, b.unbind(), strict=True):
                if counts[at] >= len(self.values[at]):
                    self.knobs[at].restore_b()
                else:
                    self.knobs[at].put_b(self._weights[at][1], one)

    def _count(self, values: Sequence[float], rank: int | None, share: float | None) -> int:
        count = len(values) if rank is None else min(rank, len(values))
        return count if share is None or share == 1 else min(count, needed(values, share))

    def _decompose(self, places: list[int], pairs: Sequence[tuple[torch.Tensor, torch.Tensor]]) -> None:
        b = float64(torch.stack([pairs[at][1] for at in places]))
        a = float64(torch.stack([pairs[at][0] for at in places]))
        if not (a.isfinite().all() and b.isfinite().all()):
            raise ValueError(
                f"the weights of {self.knobs[0].adapter!r} hold numbers that are none (NaN) or infinite: its "
                "components cannot be told apart"
            )
        left, values, _ = components(b, a)
        like = pairs[places[0]][1]
        kept = torch.promote_types(like.dtype, torch.float32)
        inner = left.mT @ b
        self._groups.append(_Alike(places, left.to(like.device, kept), inner.to(like.device, kept)))
        for at, of in zip(places, values.square().sum(1).sqrt().tolist(), strict=True):
            self.values[at] = of


def _weights(knob: Knob) -> tuple[torch.Tensor, torch.Tensor]:
    found = knob.weights()
    if found is None:
        raise ValueError(f"{knob.adapter!r} has a target that is no product of A and B")
    return found


def _pair(knob: Knob, rank: int) -> tuple[torch.Tensor, torch.Tensor]:
    """A of (experts, rank, in) and B of (experts, out, rank), as loaded; convolutions flattened."""
    a, b = _weights(knob)
    a, b = a.detach().flatten(1), knob.as_loaded(b).detach().flatten(1)
    if len(a) % rank or len(a) != b.shape[1]:
        raise ValueError(
            f"{knob.adapter!r} has a target whose A has {len(a)} rows and whose B has {b.shape[1]} columns, which is "
            f"no product of rank {rank}"
        )
    experts = len(a) // rank  # PEFT keeps them outermost in A and innermost in B
    return a.reshape(experts, rank, -1), b.reshape(len(b), rank, experts).permute(2, 0, 1)
