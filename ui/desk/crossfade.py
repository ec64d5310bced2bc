"""The crossfade as a page asks for it: which two mixes it is between. Where it stands comes with the panel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...hosts.protocol import HostError
from ...lora_ops.fade import Fade
from ...lora_ops.mix import Mix
from ..lab.column_mixes import NAMES, mix_of, name_of
from ..lab.columns import AS_LOADED, BASE, FADERS, Slot
from ..page.crossfader import Crossfader, Side
from ..page.jobs import News
from ..page.messages import Name
from ..page.orders import OpenPage, Refused
from .profiles import mix_of_profile

if TYPE_CHECKING:
    from ...lora_ops import Desk
    from ..page.studio import Studio

_COLUMN, _PROFILE = "column:", "profile:"


def choose(page: OpenPage, *, a: Name | None = None, b: Name | None = None) -> News:
    """Chooses what it is between; an end that is not spoken of stays. Nothing is moved on the desk."""
    console = page.console
    desk = console.desk()
    if desk is None:
        raise HostError("There is no adapter on the desk.")
    now = console.crossfader
    ends = {"a": a or (AS_LOADED if now is None else ""), "b": b or (BASE if now is None else "")}
    sides: dict[str, Side] = {}
    for end, source in ends.items():
        try:
            sides[end] = _side(console, desk, source) if source else getattr(now, end)
            desk.check(sides[end].mix)
        except ValueError as error:
            raise Refused(error, end) from error
    try:
        desk.check(desk.between(sides["a"].mix, sides["b"].mix, 0.5))
    except ValueError as error:
        raise Refused(error, "a" if a else "b") from error
    console.fade_between(Crossfader(sides["a"], sides["b"]))
    return {}


def over(page: OpenPage, *, points: Name) -> News:
    """Has it go from the one mix to the other while a reply is written, as points say; without any it stands still."""
    console = page.console
    if points.strip():
        try:
            console.crossfade(console.panel, Fade.parse(points))
        except ValueError as error:
            raise Refused(error, "points") from error
        return {"said": f"It moves over every reply: {console.crossfader.over if console.crossfader else ''}."}
    console.crossfade(console.panel, console.crossfader.t if console.crossfader else 0.0)
    return {"said": "It stands still."}


def _side(console: Studio, desk: Desk, source: str) -> Side:
    """What was chosen, as it is now.

    Raises:
        ValueError: there is no such thing (any more).
    """
    if source.startswith(_PROFILE):
        name = source.removeprefix(_PROFILE)
        title, mix = name, mix_of_profile(console, desk, name)
    elif source.startswith(_COLUMN) and (key := source.removeprefix(_COLUMN)).isdecimal() and len(key) < 10:
        setup = console.lab.setup
        slot = setup.slot(int(key))
        mix = mix_of(slot, desk, console.panel)
        title = f"{setup.letter(slot.key)} · {name_of(slot, mix, desk)}"
    elif source in (FADERS, AS_LOADED, BASE):
        title = "Where the faders stood" if source == FADERS else NAMES[source]
        mix = mix_of(Slot(0, source), desk, console.panel)
    else:
        raise ValueError("there is no such mix")
    return Side(source, title, Mix({**desk.as_loaded().adapters, **mix.adapters}))
