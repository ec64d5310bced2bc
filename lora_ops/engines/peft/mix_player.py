"""Turns the knobs of a model to where mixes stand: one mix for all rows of a batch, or one for each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from ...mix import Faders, Mix
from .knob import turn, turn_rows
from .ranks import Strongest

if TYPE_CHECKING:
    from ...target import Target
    from .inventory import Inventory
    from .knob import Knob
    from .playing import Playing

_SILENT = Faders(on=False)
#: All components are heard: no rank, and no share.
_WHOLE: tuple[int | None, float | None] = (None, None)


def named(mixes: Iterable[Mix]) -> dict[str, None]:
    """The adapters that one of these mixes names and has on: those are to be heard."""
    return {name: None for mix in mixes for name, faders in mix.adapters.items() if faders.on}


class MixPlayer:
    """What the knobs of a model play, and where they stand right now.

    Args:
        inventory: the adapters, and their knobs.
        playing: who takes part as loaded.
    """

    def __init__(self, inventory: Inventory, playing: Playing) -> None:
        self._inventory, self._playing = inventory, playing
        #: The components of adapters of which not all are heard, and whether any knob may hold such a part.
        self.strongest: dict[str, Strongest] = {}
        self._in_part = True
        #: One mix for all rows or one for each, and where those stand right now.
        self._mixes: tuple[Mix, ...] = ()
        self._stands: tuple[Mix, ...] = ()

    def take(self, mixes: Sequence[Mix]) -> None:
        """From the next turn on these are played."""
        self._mixes, self._stands = tuple(mixes), ()

    def doubt(self) -> None:
        """The knobs may be others than those that were turned: nothing is known of where they stand."""
        self._in_part, self._stands = True, ()

    def turn(self, token: int) -> None:
        """Turns the knobs to where the mixes stand at this token of the reply, unless they stand there."""
        stands = tuple(mix.at(token) for mix in self._mixes)
        if stands == self._stands:
            return
        self._stands = ()  # in case it fails half way
        self._hear_ranks(stands)
        gains = [self._gains(mix, stands) for mix in stands]
        if len(gains) == 1:
            turn(self._inventory.knobs, gains[0])
        else:
            turn_rows(self._inventory.knobs, gains)
        self._stands = stands

    def differing(self, mixes: Sequence[Mix]) -> list[tuple[Target, Knob]]:
        """The targets that are heard, and not alike in all of these mixes, at any token."""
        courses = [self._courses(mix, mixes) for mix in mixes]
        playing = {*self._playing.as_loaded, *named(mixes)}
        rows = zip(self._inventory.targets, self._inventory.knobs, *courses, strict=True)
        return [(target, knob) for target, knob, *row in rows if len(set(row)) > 1 and target.adapter in playing]

    def why_not_ranks(self, mixes: Sequence[Mix]) -> str:
        """Why these mixes cannot play side by side, as to the components that they let be heard; empty if they can."""
        for name in self._inventory.adapters:
            if len(self._ranks(name, mixes)) > 1:
                return (
                    f"not the same components of {name!r} are heard in all of them, and the others are left out of its "
                    "weights, which the whole batch shares"
                )
        return ""

    def _gains(self, mix: Mix, mixes: Sequence[Mix]) -> list[float]:
        adapters = self._inventory.adapters.values()
        return [gain for one in adapters for gain in self._faders(one.name, mix, mixes).gains(one.scalable)]

    def _courses(self, mix: Mix, mixes: Sequence[Mix]) -> list[Any]:
        adapters = self._inventory.adapters.values()
        return [course for one in adapters for course in self._faders(one.name, mix, mixes).courses(one.scalable)]

    def _faders(self, adapter: str, mix: Mix, mixes: Sequence[Mix]) -> Faders:
        """Its faders in one of the mixes that play side by side.

        Who does not play as loaded is heard in those alone that name it.
        """
        as_loaded = self._playing.as_loaded
        silent = adapter not in mix.adapters and adapter not in as_loaded and adapter in named(mixes)
        return _SILENT if silent else mix[adapter]

    def _hear_ranks(self, mixes: Sequence[Mix]) -> None:
        """Has so many components of each adapter heard as the mixes say, which agree on it."""
        adapters = self._inventory.adapters
        asked = {name: found for name in adapters if (found := self._ranks(name, mixes)) != {_WHOLE}}
        if not asked and not self._in_part:
            return
        self._in_part = True
        before, self.strongest = self.strongest, {}
        for name, adapter in adapters.items():
            knobs = self._inventory.knobs_of(name)
            if name not in asked:
                for knob in knobs:
                    knob.restore_b()
                continue
            known = before.get(name)
            if known is None or known.stale(knobs):
                known = Strongest(knobs, [target.rank for target in adapter.scalable])
            self.strongest[name] = known
            known.hear(*asked[name].pop())
        self._in_part = bool(asked)

    def _ranks(self, adapter: str, mixes: Sequence[Mix]) -> set[tuple[int | None, float | None]]:
        """How many components of an adapter are heard in those of the mixes that play side by side that let it be."""
        faders = [self._faders(adapter, mix, mixes) for mix in mixes]
        heard = [one for one in faders if one.on] or faders[:1]  # who is off may be back in a moment
        return {_WHOLE if one.whole else (one.rank, one.energy) for one in heard}
