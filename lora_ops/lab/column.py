"""A column, and what came of it: plain data, for whoever shows or keeps a comparison without running one."""

from __future__ import annotations

from dataclasses import dataclass

from ..mix import Mix
from .reply import Finish

#: How many columns can be compared at once.
MAX_COLUMNS = 16


@dataclass(frozen=True)
class Column:
    """One of the things compared."""

    label: str
    mix: Mix


@dataclass(frozen=True)
class ColumnResult:
    """What a column said.

    Attributes:
        text: the reply, without end token or stop string.
        token_ids: the tokens of it; the end token is not among them.
        finish: why it ended: "end" (an end token), "stop string", "length" (or another limit that the generation
            settings set), or "stopped" by the user.
        seconds: how long it took, from the start of the batch that it was part of until it had ended itself.
    """

    label: str
    mix: Mix
    text: str
    token_ids: tuple[int, ...]
    finish: Finish
    seconds: float

    @property
    def tokens_per_second(self) -> float:
        """The pace of this column."""
        return len(self.token_ids) / self.seconds if self.seconds else 0.0


@dataclass(frozen=True)
class Result:
    """A finished comparison.

    Attributes:
        columns: in the order they were asked for.
        seed: what the dice were seeded with.
        seconds: from the first prompt token to the last reply token, without waiting for the model.
        batched: whether columns ran together as rows of a batch: all of them, or as many as memory held.
        why_not_batched: why they did not, for people; empty if they did.
        batches: how many rows each batch had, in the order in which they ran; those of a column alone count too.
        note: what to tell about that, for people: "ran as 2 batches of 8: memory did not hold 16"; mostly empty.
    """

    columns: tuple[ColumnResult, ...]
    seed: int
    seconds: float
    batched: bool
    why_not_batched: str
    batches: tuple[int, ...] = ()
    note: str = ""
