"""What gains are learned for, as losses that torch can follow back: likely replies, an unchanged rest, votes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import torch

if TYPE_CHECKING:
    from ..lesson import Lesson

#: How many numbers of the base's distributions are kept between steps: 128 MiB; more are worked out anew.
_MOST_KEPT = 2**25


@dataclass(frozen=True)
class Sheet:
    """Some lessons as one batch, padded on the right, where no token of a lesson looks.

    Attributes:
        ids, attention: shape (rows, tokens).
        first: the first position that says something about a reply.
        replies: the token that each position from there on is about, shape (rows, positions); -1 where it is of no
            reply.
    """

    ids: torch.Tensor
    attention: torch.Tensor
    first: int
    replies: torch.Tensor

    @classmethod
    def of(cls, lessons: Sequence[Lesson], device: Any) -> Sheet:
        """The batch of these lessons, in their order."""
        length, first = max(map(len, lessons)), min(len(lesson.prompt) for lesson in lessons) - 1
        ids = torch.zeros((len(lessons), length), dtype=torch.long)
        attention, replies = torch.zeros_like(ids), torch.full_like(ids, -1)
        for row, lesson in enumerate(lessons):
            end = len(lesson)
            ids[row, :end] = torch.tensor([*lesson.prompt, *lesson.reply])
            attention[row, :end] = 1
            replies[row, len(lesson.prompt) - 1 : end - 1] = torch.tensor(lesson.reply)
        return cls(ids.to(device), attention.to(device), first, replies[:, first:-1].to(device))

    def logprobs(self, logits: torch.Tensor) -> torch.Tensor:
        """Of each reply's tokens, shape (rows, positions); 0 where there is none. `logits`: of those positions."""
        flat = torch.nn.functional.cross_entropy(
            logits.float().flatten(0, 1), self.replies.flatten(), ignore_index=-1, reduction="none"
        )
        return -flat.view(self.replies.shape)


class Aim(Protocol):
    """A loss that is the sum of what groups of lessons add to it."""

    @property
    def groups(self) -> Sequence[tuple[Lesson, ...]]:
        """Lessons that must be read in one batch."""

    @property
    def count(self) -> int:
        """Of how many tokens, or votes, the loss is the mean."""

    def prepare(self, at: Sequence[int], sheet: Sheet) -> None:
        """Called before the gains play that `loss` is about."""

    def loss(self, at: Sequence[int], sheet: Sheet, read: Callable[[], torch.Tensor]) -> torch.Tensor:
        """What the groups at these places add; `read` gives the logits of a sheet that holds them in this order."""


class Likely:
    """The mean surprise of the replies' tokens, in nats."""

    def __init__(self, lessons: Sequence[Lesson]) -> None:
        self.groups = [(lesson,) for lesson in lessons]
        self.count = sum(len(lesson.reply) for lesson in lessons)

    def prepare(self, at: Sequence[int], sheet: Sheet) -> None:
        """Nothing is needed."""

    def loss(self, at: Sequence[int], sheet: Sheet, read: Callable[[], torch.Tensor]) -> torch.Tensor:
        return -sheet.logprobs(read()).sum() / self.count


class Unchanged:
    """The mean of KL(base || now) over the tokens of texts that are to stay as likely as the base makes them, in nats.

    Args:
        base: reads a sheet as the base model does, without gradients.
    """

    def __init__(self, lessons: Sequence[Lesson], base: Callable[[Sheet], torch.Tensor]) -> None:
        self.groups = [(lesson,) for lesson in lessons]
        self.count = sum(len(lesson.reply) for lesson in lessons)
        self._base = base
        self._kept: dict[tuple[int, ...], torch.Tensor] = {}
        self._room = _MOST_KEPT
        self._reference: torch.Tensor | None = None

    def prepare(self, at: Sequence[int], sheet: Sheet) -> None:
        self._reference = self._found(tuple(at), sheet)

    def loss(self, at: Sequence[int], sheet: Sheet, read: Callable[[], torch.Tensor]) -> torch.Tensor:
        reference = self._reference
        assert reference is not None, "prepared before"
        there = sheet.replies >= 0
        now = read()[there].float().log_softmax(-1)
        # What the base rules out counts for nothing, whatever the other says about it.
        chance = reference.exp()
        return torch.where(chance > 0, chance * (reference - now), 0.0).sum() / self.count

    def _found(self, at: tuple[int, ...], sheet: Sheet) -> torch.Tensor:
        if at in self._kept:
            return self._kept[at]
        found = self._base(sheet)[sheet.replies >= 0].float().log_softmax(-1)
        if found.numel() <= self._room:
            self._room -= found.numel()
            self._kept[at] = found
        return found


class Preferred:
    """How surprising votes are: the mean of -log of how likely the better of two replies is preferred.

    Under Bradley and Terry's model of choices with the reward that a policy implies (Rafailov et al. 2023, "Direct
    Preference Optimization", arXiv:2305.18290, equation 7): the chance is sigmoid(beta x ((log p - log p0)(better) -
    (log p - log p0)(worse))), where p is how likely a whole reply is under the gains and p0 how likely it is under the
    mix that one starts from. There it is one half, and the loss log 2.

    Args:
        pairs: the better reply and the worse one, after the same prompt.
        reference: log p0 of both, for each pair.
        beta: how far from p0 one vote may pull; the paper's 0.1.
    """

    def __init__(
        self,
        pairs: Sequence[tuple[Lesson, Lesson]],
        reference: Sequence[tuple[float, float]],
        beta: float = 0.1,
    ) -> None:
        self.groups, self.count = list(pairs), len(pairs)
        self._reference, self._beta = reference, beta

    def prepare(self, at: Sequence[int], sheet: Sheet) -> None:
        """Nothing is needed."""

    def loss(self, at: Sequence[int], sheet: Sheet, read: Callable[[], torch.Tensor]) -> torch.Tensor:
        whole = sheet.logprobs(read()).sum(1).view(-1, 2)
        ahead = whole - torch.tensor([self._reference[place] for place in at], device=whole.device)
        return -torch.nn.functional.logsigmoid(self._beta * (ahead[:, 0] - ahead[:, 1])).sum() / self.count
