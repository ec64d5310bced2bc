"""What a page is told of learning: the examples, how far it is, and what came of it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from ...lora_ops.mix import Mix
from ...lora_ops.sentence import sentence
from ..page.jobs import News
from ..page.orders import OpenPage
from .sentences import behind, headline

if TYPE_CHECKING:
    from ...lora_ops import Desk
    from ...lora_ops.learning.learned import Point
    from ..page.studio import Studio
    from .attempt import Attempt
    from .classroom import Classroom

#: So many examples are listed, and so many letters of each.
LISTED, LETTERS = 200, 280
#: So many faders are named that went down, or up.
_NAMED = 8


def look(page: OpenPage, *, seen: int = 0) -> News:
    """All there is to show, unless the page has seen it."""
    return {} if page.console.classrooms.of(page.id).rev == seen else news(page)


def news(page: OpenPage) -> News:
    """All there is to show."""
    console, room = page.console, page.console.classrooms.of(page.id)
    return {"learning": {"rev": room.rev, **_basket(room), "attempt": _attempt(console, room.attempt)}}


def _basket(room: Classroom) -> News:
    listed = [
        {"key": key, "prompt": _short(one.question), "reply": _short(_text(one.example.reply)), "source": one.source}
        for key, one in list(room.basket)[:LISTED]
    ]
    return {"examples": listed, "count": len(room.basket)}


def _attempt(console: Studio, attempt: Attempt | None) -> News | None:
    if attempt is None:
        return None
    desk = console.desk()
    told: dict[str, Any] = {
        "key": attempt.key,
        "source": attempt.source,
        "count": attempt.count,
        "running": attempt.running,
        "step": attempt.step,
        "of": attempt.of,
        "points": [_point(point) for point in attempt.points],
        "best": attempt.best,
        "failed": attempt.failed,
        "misfit": misfit(console, desk, attempt),
        "base": attempt.base,
        "found": None,
    }
    if attempt.found is not None:
        found = attempt.found
        low, high = found.interval
        told["found"] = {
            "learned": found.learned,
            "complete": found.complete,
            "headline": headline(found, attempt.source),
            "lines": behind(found, attempt.source),
            "before": _known(found.before),
            "after": _known(found.after),
            "low": _known(low),
            "high": _known(high),
            "gains": gains(desk, attempt) if desk is not None and found.learned else {},
            "moved": moved(attempt.start, found.mix),
        }
    return told


def misfit(console: Studio, desk: Desk | None, attempt: Attempt) -> str:
    """Why what was learned cannot be heard on what is loaded now; empty if it can."""
    if desk is None:
        return "There is no adapter on the desk."
    if console.host.model_name != attempt.model:
        return f"This was learned with the model {attempt.model}, and {console.host.model_name} is loaded."
    try:
        for point in attempt.points[:1]:
            desk.check(point.mix)
        if attempt.mix is not None:
            desk.check(attempt.mix)
    except ValueError as error:
        return sentence(f"this does not fit what is loaded now: {error}")
    return ""


def gains(desk: Desk, attempt: Attempt) -> News:
    """Of each adapter that moved, the gain of every target before and after, in the order in which a page has them."""
    found, told = attempt.mix, {}
    if found is None or any(name not in desk.adapters for name in found.adapters):
        return {}
    for adapter in desk.adapters.values():
        pairs = [(attempt.start.gain(target), found.gain(target)) for target in adapter.scalable]
        if any(before != after for before, after in pairs):
            told[adapter.name] = {"before": [one for one, _ in pairs], "after": [other for _, other in pairs]}
    return told


def moved(start: Mix, found: Mix) -> News:
    """The faders that moved most, down and up: each with its name, where it stood, and where it stands."""
    every = []
    for name, now in found.adapters.items():
        was = start[name]
        every.append((f"{name}: master", was.master, now.master))
        for group in ("kinds", "layers", "modules"):
            one, other = getattr(was, group), getattr(now, group)
            for key in [*one, *(key for key in other if key not in one)]:
                label = f"{name}: layer {key}" if group == "layers" else f"{name}: {key}"
                every.append((label, one.get(key, 1.0), other.get(key, 1.0)))
    every = [(label, before, after) for label, before, after in every if before != after]
    down = sorted((one for one in every if one[2] < one[1]), key=lambda one: one[2] - one[1])
    up = sorted((one for one in every if one[2] > one[1]), key=lambda one: one[1] - one[2])
    return {"down": down[:_NAMED], "up": up[:_NAMED], "count": [len(down), len(up)]}


def _point(point: Point) -> News:
    return {
        "level": point.level,
        "numbers": point.numbers,
        "seen": _known(point.seen),
        "unseen": _known(point.unseen),
        "changed": None if point.changed is None else _known(point.changed),
    }


def _known(number: float) -> float | None:
    return number if math.isfinite(number) else None


def _text(reply: str | tuple[int, ...]) -> str:
    return reply if isinstance(reply, str) else f"{len(reply)} tokens"


def _short(text: str) -> str:
    return text if len(text) <= LETTERS else f"{text[:LETTERS]}…"
