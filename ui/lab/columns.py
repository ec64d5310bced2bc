"""The columns of a comparison as they are set up: two to sixteen, each with a name and what it plays. Plain data.

One console serves all pages, so there is one set of columns, as there is one set of faders. Nothing here changes in
place: every function gives new columns.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Literal

from ...lora_ops.mix import Mix

Plays = Literal["faders", "as loaded", "base", "kept"]
FADERS: Plays = "faders"
AS_LOADED: Plays = "as loaded"
BASE: Plays = "base"
KEPT: Plays = "kept"
LEAST, MOST = 2, 16
_LETTERS = "ABCDEFGHIJKLMNOP"
_LONGEST_NAME = 80


@dataclass(frozen=True)
class Slot:
    """One column as it is set up.

    Attributes:
        key: what a page calls it, wherever it stands.
        plays: what it plays.
        name: what its user calls it; empty for a name after what it plays.
        kept: the mix that was kept for it, if any.
    """

    key: int
    plays: Plays
    name: str = ""
    kept: Mix | None = None


@dataclass(frozen=True)
class Filled:
    """What sweep the columns came from.

    Attributes:
        x: what was typed for the first axis.
        y: what was typed for the second, or empty.
        x_title: what the first axis moves: "pirate · master".
        x_labels: its values.
        y_title: what the second moves, or empty.
        y_labels: its values; empty without a second axis.
        sides: the mixes that a crossfade was between when the columns were filled.
    """

    x: str
    y: str
    x_title: str
    x_labels: tuple[str, ...]
    y_title: str = ""
    y_labels: tuple[str, ...] = ()
    sides: tuple[Mix, Mix] | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain data that survives JSON."""
        told = {field.name: getattr(self, field.name) for field in fields(self)}
        return {**told, "sides": self.sides and [side.to_dict() for side in self.sides]}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Filled:
        """What `to_dict` wrote, whoever changed it since.

        Raises:
            TypeError, ValueError: it is none.
        """
        told = dict(data)
        sides = told.pop("sides", None)
        plain: dict[str, Any] = {
            key: tuple(map(str, value)) if isinstance(value, list | tuple) else str(value)
            for key, value in told.items()
        }
        if sides is None:
            return cls(**plain)
        a, b = sides
        return cls(**plain, sides=(Mix.from_dict(a), Mix.from_dict(b)))


@dataclass(frozen=True)
class Columns:
    """All columns, in their order, and the sweep that they are, as long as they are one."""

    slots: tuple[Slot, ...]
    filled: Filled | None = None
    #: Keys that are taken: none is given twice, so that a page never means another column than Python does.
    last_key: int = 0

    @classmethod
    def first(cls) -> Columns:
        """The two that a page starts with: the faders against the base model."""
        return cls((Slot(1, FADERS), Slot(2, BASE)), last_key=2)

    def slot(self, key: int) -> Slot:
        """Raises ValueError when there is no such column (any more)."""
        for slot in self.slots:
            if slot.key == key:
                return slot
        raise ValueError("this column is gone: another page has removed it")

    def letter(self, key: int) -> str:
        """What a column is called after its place: A, B, …"""
        return letter(self.slots.index(self.slot(key)))

    def rename(self, key: int, name: str) -> Columns:
        """Calls a column `name`; an empty one for a name after what it plays."""
        return replace(self, slots=self._with(key, lambda slot: replace(slot, name=tidy(name))))

    def play(self, key: int, plays: Plays) -> Columns:
        """Has a column play something else.

        Raises:
            ValueError: there is no such column, or nothing was kept for it.
        """
        if plays == KEPT and self.slot(key).kept is None:
            raise ValueError("nothing was kept for this column: set the faders, and keep them for it first")
        return Columns(self._with(key, lambda slot: replace(slot, plays=plays)), None, self.last_key)

    def keep(self, key: int, mix: Mix) -> Columns:
        """Keeps `mix` for a column, and has it play that."""
        slots = self._with(key, lambda slot: replace(slot, plays=KEPT, kept=mix))
        return Columns(slots, None, self.last_key)

    def add(self, plays: Plays = FADERS, name: str = "", kept: Mix | None = None) -> Columns:
        """One more column, after the others.

        Raises:
            ValueError: there are as many as there can be.
        """
        if len(self.slots) >= MOST:
            raise ValueError(f"there can be no more than {MOST} columns: remove one first")
        key = self.last_key + 1
        return Columns((*self.slots, Slot(key, plays, tidy(name), kept)), None, key)

    def remove(self, key: int) -> Columns:
        """Takes a column away.

        Raises:
            ValueError: there are as few as there can be, or there is no such column.
        """
        gone = self.slot(key)
        if len(self.slots) <= LEAST:
            raise ValueError(f"a comparison needs {LEAST} columns: add one before you remove this")
        return Columns(tuple(slot for slot in self.slots if slot is not gone), None, self.last_key)

    def move(self, key: int, by: int) -> Columns:
        """Moves a column up (negative) or down by some places, as far as there are."""
        slots = list(self.slots)
        at = slots.index(self.slot(key))
        to = min(max(at + by, 0), len(slots) - 1)
        slots.insert(to, slots.pop(at))
        return self if to == at else Columns(tuple(slots), None, self.last_key)

    def fill(self, mixes: Sequence[tuple[str, Mix]], filled: Filled | None = None) -> Columns:
        """New columns with these names and mixes, instead of all that there were.

        Raises:
            ValueError: too few or too many.
        """
        if not LEAST <= len(mixes) <= MOST:
            raise ValueError(f"there can be {LEAST} to {MOST} columns, not {len(mixes)}")
        key = self.last_key
        slots = tuple(Slot(key + at, KEPT, tidy(name), mix) for at, (name, mix) in enumerate(mixes, 1))
        return Columns(slots, filled, key + len(slots))

    def _with(self, key: int, change: Callable[[Slot], Any]) -> tuple[Slot, ...]:
        wanted = self.slot(key)
        return tuple(change(slot) if slot is wanted else slot for slot in self.slots)


def letter(at: int) -> str:
    """What a column is called after its place, from 0: A, B, …"""
    return _LETTERS[at] if at < len(_LETTERS) else str(at + 1)


def tidy(name: str) -> str:
    """A name on one line, not too long to read."""
    return " ".join(str(name).split())[:_LONGEST_NAME]
