"""What a column of a comparison plays: the faders as they stand, as loaded, the base, or a mix that was kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...lora_ops.mix import Mix
from ..desk.describe import describe
from .columns import AS_LOADED, BASE, FADERS, KEPT, Columns, Slot

if TYPE_CHECKING:
    from ...lora_ops import Column, Desk
    from ..page.panel import Panel

NAMES = {FADERS: "The faders as they stand", AS_LOADED: "As loaded", BASE: "The base model"}


def concerned(desk: Desk, mix: Mix) -> list[str]:
    """The adapters that a mix is told by: those that are heard under it, and those that are off in it though they
    play as loaded."""
    told = {*desk.chosen, *desk.heard(mix)}
    return [name for name in desk.adapters if name in told]


def kept_name(slot: Slot, desk: Desk | None) -> str:
    """The mix that was kept for a column, in a few words; empty if there is none."""
    if slot.kept is None:
        return ""
    return describe(slot.kept, concerned(desk, slot.kept) if desk else slot.kept.adapters)


def columns(setup: Columns, desk: Desk, panel: Panel) -> list[Column]:
    """What the columns are to play now, each with its name.

    Raises:
        ValueError: a mix that was kept does not fit the adapters that are loaded now; it names the column.
    """
    from ...lora_ops import Column

    made = []
    for slot in setup.slots:
        mix = mix_of(slot, desk, panel)
        try:
            desk.check(mix)
        except ValueError as error:
            raise ValueError(
                f"what was kept for column {setup.letter(slot.key)} does not fit any more: {error}"
            ) from error
        made.append(Column(name_of(slot, mix, desk), mix))
    return made


def mix_of(slot: Slot, desk: Desk, panel: Panel) -> Mix:
    """What a column plays now."""
    if slot.plays == KEPT and slot.kept is not None:
        return slot.kept
    if slot.plays == AS_LOADED:
        return desk.as_loaded()
    return desk.base() if slot.plays == BASE else panel.effective(desk.adapters.values())


def name_of(slot: Slot, mix: Mix, desk: Desk) -> str:
    """What a column is called: what its user calls it, or else after what it plays."""
    if slot.name:
        return slot.name
    return NAMES[slot.plays] if slot.plays in (AS_LOADED, BASE) else describe(mix, concerned(desk, mix))
