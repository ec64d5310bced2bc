"""How far the mix that faders stand at is on its way to the server, in words."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ...mix import Mix
from .client import RankTooHigh

if TYPE_CHECKING:
    from .written_mix import Written


@dataclass(frozen=True)
class Standing:
    """What became of a mix.

    Attributes:
        mix: where the faders stand.
        on_its_way: whether it is still to be written and loaded.
        seconds: what that took; 0 where the server had it already.
        written: the adapter that it is there; None for silence, which is the base model.
        error: why the server does not play it; empty if it does.
        most_rank: the largest rank that the server takes, where that is what is in the way.
    """

    mix: Mix
    on_its_way: bool = True
    seconds: float = 0.0
    written: Written | None = None
    error: str = ""
    most_rank: int | None = None

    def arrived(self, seconds: float, written: Written | None) -> Standing:
        """The server has it."""
        return replace(self, on_its_way=False, seconds=seconds, written=written)

    def refused(self, error: Exception) -> Standing:
        """The server does not play it; what was played before still is."""
        most = error.most if isinstance(error, RankTooHigh) else None
        return replace(self, on_its_way=False, error=str(error), most_rank=most)

    def plays(self, mix: Mix) -> bool:
        """Whether the server has this very mix."""
        return self.mix == mix and not self.on_its_way and not self.error

    def told(self) -> str:
        """A sentence for people, without the full stop; empty where there is nothing to say."""
        if self.error:
            return f"not heard, the server does not play where the faders stand: {self.error}"
        if self.on_its_way:
            return "on its way to the server: what comes next hears it as soon as it is loaded"
        if self.written is None:
            return "nothing is heard of the adapters: the server plays its base model"
        took = f" in {self.seconds:.2f} s" if self.seconds else ""
        left = self.written.left_out
        lost = f"; {left:.2%} of its energy is left out" if left else ""
        return f"written and loaded{took}, an adapter of rank {self.written.rank}{lost}"
