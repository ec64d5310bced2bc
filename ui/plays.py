"""What a column of a comparison plays: the faders as they stand, as loaded, the base, or a mix that was kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..lora_ops.mix import Mix
from .describe import describe

if TYPE_CHECKING:
    from ..lora_ops import Column, Desk
    from .panel import Panel

FADERS, AS_LOADED, BASE, KEPT = "faders", "as loaded", "base", "kept"

_NAMES = {FADERS: "The faders as they stand", AS_LOADED: "As loaded", BASE: "The base model"}


def choices(kept: str) -> list[tuple[str, str]]:
    """The choices of a column's menu: what is read, and its value. `kept` describes the mix that was kept, if any."""
    named = [(name, value) for value, name in _NAMES.items()]
    return [*named, (f"Kept: {kept}", KEPT)] if kept else named


def column(side: str, plays: str, kept: Mix | None, desk: Desk, panel: Panel) -> Column:
    """The column that a menu asks for.

    Raises:
        ValueError: a kept mix is asked for, and none was kept, or it does not fit the adapters that are loaded now.
    """
    from ..lora_ops import Column

    mixes = {FADERS: panel.effective(desk.adapters.values()), AS_LOADED: Mix(), BASE: desk.base(), KEPT: kept}
    mix = mixes[plays]
    if mix is None:
        raise ValueError(f"nothing was kept for column {side}: set the faders and press “Keep as {side}” first")
    try:
        desk.check(mix)
    except ValueError as error:
        raise ValueError(f"what was kept for column {side} does not fit any more: {error}") from error
    return Column(f"{side} · {_label(plays, mix, desk)}", mix)


def _label(plays: str, mix: Mix, desk: Desk) -> str:
    if plays in (AS_LOADED, BASE):
        return _NAMES[plays]
    heard = [name for name in desk.adapters if name in desk.playing.names()]
    return describe(mix, heard)
