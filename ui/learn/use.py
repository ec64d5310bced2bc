"""What is done with a mix that was learned: heard on the desk, compared, kept as a profile."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ...hosts.protocol import HostError
from ...lora_ops.mix import Mix
from ..desk.profiles import keep_mix
from ..lab.columns import AS_LOADED, BASE, KEPT, MOST, Columns, Slot
from ..page.jobs import News
from ..page.messages import Name
from ..page.orders import OpenPage, Refused
from ..page.panel import Panel
from .told import misfit

if TYPE_CHECKING:
    from ...lora_ops import Desk
    from .attempt import Attempt

LEARNED = "Learned"
#: So many questions of replies that were held out are asked at once.
_ASKED = 3


def put(page: OpenPage, *, place: int | None = None) -> News:
    """Puts what was learned on the desk, or a mix on the way there."""
    attempt, _ = _there(page)
    page.console.move(Panel(attempt.mix_at(place)))
    if place is None or place == attempt.best:
        return {"said": "The mix that was learned is on the desk: the next token obeys it."}
    return {"said": "The mix where learning began is on the desk." if place == 0 else f"Mix {place} is on the desk."}


def columns(page: OpenPage) -> News:
    """Sets the comparison up: as learned, as loaded, the base; columns whose mix was kept stay behind these.

    `ask` is what to ask them: questions whose replies were held out, as far as they are known.
    """
    attempt, _ = _there(page)
    mix, lab = attempt.mix_at(None), page.console.lab
    kept = [slot for slot in lab.setup.slots if slot.plays == KEPT and slot.kept != mix and slot.name != LEARNED]
    key = lab.setup.last_key
    first = (Slot(key + 1, KEPT, LEARNED, mix), Slot(key + 2, AS_LOADED), Slot(key + 3, BASE))
    lab.change(Columns((*first, *kept[: MOST - len(first)]), last_key=key + len(first)))
    page.console.revision += 1
    held = attempt.found.held_out if attempt.found is not None else ()
    chats = [attempt.chats[at] for at in held if at in attempt.chats][:_ASKED]
    return {
        "said": "The columns of the Mix tab are as learned, as loaded, and the base model.",
        "ask": "\n".join(json.dumps({"messages": list(chat)}, ensure_ascii=False) for chat in chats),
    }


def keep(page: OpenPage, *, name: Name, overwrite: bool = False) -> News:
    """Keeps what was learned as a profile."""
    attempt, desk = _there(page)
    what = "votes" if attempt.source == "votes" else "replies"
    note = f"Learned from {attempt.count:,} {what}."
    return keep_mix(page.console, desk, name, attempt.mix_at(None), note, overwrite=overwrite)


def learned_mix(page: OpenPage) -> Mix:
    """What was learned, for whoever bakes it.

    Raises:
        ValueError: nothing was, or it does not fit what is loaded.
    """
    attempt, _ = _there(page)
    return attempt.mix_at(None)


def _there(page: OpenPage) -> tuple[Attempt, Desk]:
    """The last attempt, whose mixes fit what is loaded."""
    attempt, desk = page.console.classrooms.of(page.id).attempt, page.console.desk()
    if attempt is None:
        raise Refused("nothing was learned yet")
    if why := misfit(page.console, desk, attempt):
        raise Refused(why)
    if desk is None:
        raise HostError("There is no adapter on the desk.")
    return attempt, desk
