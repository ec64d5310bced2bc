"""How far the mix that faders stand at is on its way to whatever plays it, where that takes a while."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..mix import Mix


@dataclass(frozen=True)
class Standing:
    """What became of a mix.

    Attributes:
        mix: where the faders stand.
        on_its_way: whether it is still to be written and loaded.
        seconds: what that took; 0 where it was there already.
        rank: of the adapter that it is there; None where nothing is heard, so that the base model plays.
        left_out: the share of its energy that a limit on the rank leaves out.
        error: why it is not played; empty if it is.
        most_rank: the largest rank that is taken, where that is what is in the way.
    """

    mix: Mix
    on_its_way: bool = True
    seconds: float = 0.0
    rank: int | None = None
    left_out: float = 0.0
    error: str = ""
    most_rank: int | None = None

    def arrived(self, seconds: float, rank: int | None, left_out: float) -> Standing:
        """It can be heard."""
        return replace(self, on_its_way=False, seconds=seconds, rank=rank, left_out=left_out)

    def refused(self, error: Exception, most_rank: int | None = None) -> Standing:
        """It is not played; what was played before still is."""
        return replace(self, on_its_way=False, error=str(error), most_rank=most_rank)

    def plays(self, mix: Mix) -> bool:
        """Whether this very mix can be heard."""
        return self.mix == mix and not self.on_its_way and not self.error

    def told(self) -> str:
        """A sentence for people, without the full stop."""
        if self.error:
            return f"not heard: {self.error}"
        if self.on_its_way:
            return "on its way to the server: what is said next hears it as soon as it is loaded"
        if self.rank is None:
            return "no adapter is heard: the server plays its base model"
        took = f", written and loaded in {self.seconds:.2f} s" if self.seconds else ""
        lost = f"; {self.left_out:.2%} of its energy is left out" if self.left_out else ""
        return f"the server has this mix as an adapter of rank {self.rank}{took}{lost}"
