"""What a page asks of the lab, apart from comparing itself: each order by its name, and what is answered.

A page that knows an older set-up is always told the present one.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from ...hosts.protocol import HostError
from ...lora_ops.mix import Faders
from ...lora_ops.mix_check import why_not_rank
from ..page.messages import File, Name, Words
from ..page.orders import Answer, OpenPage, Orders, Refused
from ..page.panel import Panel
from . import column_mixes
from .columns import KEPT, LEAST, MOST, Columns, Filled, Plays, letter
from .experiment_files import Form, export, read
from .prompts import text_of_file
from .reply_scores import surprise, tables
from .sheet import Sheet, Teller
from .sweep_charts import charts_html

if TYPE_CHECKING:
    from ...lora_ops import Column, Desk
    from ...lora_ops.mix import Mix
    from ..page.studio import Studio


def setup_json(console: Studio) -> Answer:
    """The columns as they are set up, as a page draws them."""
    lab = console.lab
    desk = console.desk()
    trouble = console.trouble if desk is None else None
    filled = lab.setup.filled
    return {
        "rev": lab.revision,
        "columns": [
            {
                "key": slot.key,
                "letter": lab.setup.letter(slot.key),
                "name": slot.name,
                "plays": slot.plays,
                "kept": column_mixes.kept_name(slot, desk),
            }
            for slot in lab.setup.slots
        ],
        "least": LEAST,
        "most": MOST,
        "filled": filled and {"x": filled.x, "y": filled.y},
        "trouble": f"{trouble.title}: {trouble.advice}" if trouble else "",
        "examples": examples(desk, crossfades=console.crossfader is not None) if desk else [],
        "keeps": not console.host.multi_user,
    }


def examples(desk: Desk, crossfades: bool = False) -> list[str]:
    """Sweeps that mean something for the adapters that are loaded, as a user would type them."""
    names = desk.heard() or list(desk.adapters)
    adapter = next((desk.adapters[name] for name in names if desk.adapters[name].scalable), None)
    if adapter is None:
        return []
    front = f"{adapter.name}: " if len(names) > 1 else ""
    kind = next((kind for kind in ("down_proj", "q_proj") if kind in adapter.kinds), adapter.kinds[-1])
    sweeps = ["master 0 to 2 in 0.25", "master 0, 0.5, 1, 1.5", f"{kind} 0, 1"]
    if not desk.engine.why_not("rank") and not why_not_rank(adapter, Faders(rank=1)):
        largest = max(target.rank for target in adapter.scalable)
        ranks = [rank for rank in (1, 2, 4, 8, 16, 32, 64, 128) if rank < largest]
        sweeps.append(f"rank {', '.join(map(str, [*ranks, largest]))}")
        sweeps.append("energy 0.5 to 1 in 0.1")
    if len(adapter.kinds) in range(2, MOST):
        sweeps.append("each kind off")
    if len(adapter.layers) > 1:
        half = adapter.layers[len(adapter.layers) // 2 - 1]
        sweeps.append(f"layers {adapter.layers[0]}-{half} off")
    return [front + sweep for sweep in sweeps] + (["crossfade 0 to 1 in 0.25"] if crossfades else [])


def _look(page: OpenPage) -> Answer:
    """All there is to show, for a page that has just come, or has missed something."""
    sheet = page.console.lab.sheet(page.id)
    if sheet is None:
        return {"sheet": None}
    return {"sheet": sheet.head(), **Teller(sheet).news(), "measured": tables(sheet)}


def _nothing(page: OpenPage) -> Answer:
    """Answered when all orders before it have been."""
    return {}


def _changed(page: OpenPage, setup: Columns) -> Answer:
    """The columns are set up anew; every page looks again."""
    page.console.lab.change(setup)
    page.console.revision += 1
    return {}


def _rename(page: OpenPage, *, key: int, name: Words) -> Answer:
    return _changed(page, page.console.lab.setup.rename(key, name))


def _play(page: OpenPage, *, key: int, plays: Plays) -> Answer:
    return _changed(page, page.console.lab.setup.play(key, plays))


def _keep(page: OpenPage, *, key: int) -> Answer:
    _desk(page, "There is no adapter yet whose faders could be kept.")
    return _changed(page, page.console.lab.setup.keep(key, _heard(page)))


def _play_profile(page: OpenPage, *, key: int, name: Name) -> Answer:
    """A column plays what a profile holds now, and has its name."""
    from ..desk.profiles import mix_of_profile

    mix = mix_of_profile(page.console, _desk(page, "There is no adapter yet that a profile could play."), name)
    return _changed(page, page.console.lab.setup.keep(key, mix).rename(key, name))


def _move(page: OpenPage, *, key: int, by: int) -> Answer:
    return _changed(page, page.console.lab.setup.move(key, by))


def _add(page: OpenPage) -> Answer:
    """One more column that keeps the faders as they stand: what one adds is what one has just found."""
    setup = page.console.lab.setup
    return _changed(page, setup.add() if page.console.desk() is None else setup.add(KEPT, "", _heard(page)))


def _remove(page: OpenPage, *, key: int) -> Answer:
    return _changed(page, page.console.lab.setup.remove(key))


def _start_over(page: OpenPage) -> Answer:
    """The faders against the base model, as in the beginning."""
    first, last_key = Columns.first(), page.console.lab.setup.last_key
    slots = tuple(replace(slot, key=last_key + slot.key) for slot in first.slots)
    return _changed(page, Columns(slots, last_key=last_key + len(slots)))


def _collect(page: OpenPage, *, column: int) -> Answer:
    """The mix of a column that was compared as one more column, to compare again."""
    _, compared = _compared(page, column)
    setup = page.console.lab.setup
    for slot in setup.slots:
        if slot.kept == compared.mix and slot.plays == KEPT:
            return {"said": f"Column {setup.letter(slot.key)} plays this already."}
    _changed(page, setup.add(KEPT, compared.label, compared.mix))
    return {"said": f"Kept as column {letter(len(setup.slots))}."}


def _fill(page: OpenPage, *, x: Words, y: Words = "") -> Answer:
    """Columns out of a sweep, instead of those that there are."""
    from ...lora_ops.lab.sweep import parse_axis, sweep

    desk, base = _desk(page, "There is no adapter to sweep."), _heard(page)
    fader = page.console.crossfader
    sides = (fader.a.mix, fader.b.mix) if fader else None
    text = {"x": x.strip(), "y": y.strip()}
    with _beside("x"):
        across = parse_axis(text["x"], desk, base, sides)
    with _beside("y"):
        down = parse_axis(text["y"], desk, base, sides) if text["y"] else None
    with _beside("y" if down else "x"):
        columns = sweep(base, across, down)
    filled = Filled(
        x=text["x"],
        y=text["y"],
        x_title=across.label,
        x_labels=tuple(label for label, _ in across.settings),
        y_title=down.label if down else "",
        y_labels=tuple(label for label, _ in down.settings) if down else (),
        sides=sides,
    )
    return _changed(page, page.console.lab.setup.fill([(column.label, column.mix) for column in columns], filled))


@contextmanager
def _beside(field: str) -> Iterator[None]:
    """Has a page say what is wrong beside the field that it is wrong in."""
    try:
        yield
    except ValueError as error:
        raise Refused(error, field) from error


def _reference(page: OpenPage, *, column: int) -> Answer:
    """Holds the columns against another one."""
    sheet, _ = _compared(page, column)
    sheet.reference = column
    return {"reference": column, **Teller(sheet).news()}


def _surprise(page: OpenPage, *, column: int) -> Answer:
    """Every token's probability under the mix of one column."""
    sheet, _ = _compared(page, column)
    return {"surprise": {"judge": column, "key": sheet.key, "cells": surprise(page.console, sheet, column)}}


def _put_on_the_desk(page: OpenPage, *, column: int) -> Answer:
    """The faders where a column's were: mute, solo and bypass are lifted, for they are in the mix already."""
    sheet, compared = _compared(page, column)
    desk = _desk(page, "There is no adapter to put it on.")
    try:
        desk.check(compared.mix)
    except ValueError as error:
        raise Refused(f"this mix does not fit the adapters that are loaded now: {error}") from error
    page.console.move(Panel(compared.mix))
    return {"said": f"The desk stands where {sheet.title(column)} stood."}


def _prompts(page: OpenPage, *, name: Name, data: File) -> Answer:
    """A file of prompts as text for the text box."""
    return {"text": text_of_file(data, name)}


def _save(page: OpenPage, *, form: Form) -> Answer:
    """The experiment that the page shows as a file."""
    sheet = _sheet(page)
    return {"file": export(sheet, form, charts_html(sheet) if form == "html" else "")}


def _read(page: OpenPage, *, name: Name, data: File) -> Answer:
    """An experiment from a file, shown as it was."""
    try:
        sheet = read(page.console.experiments, data)
    except ValueError as error:
        raise Refused(f"{name}: {error}") from error
    page.console.lab.show(page.id, sheet)
    return _look(page)


def _stop(page: OpenPage) -> Answer:
    page.console.stop_comparing()
    return {}


def _use(page: OpenPage, *, column: int) -> Answer:
    """A reply goes into the chat."""
    console, sheet = page.console, page.console.lab.sheet(page.id)
    if sheet is None or sheet.to_chat is None:
        raise HostError("There is no reply yet: compare first.")
    if console.host.prompt_again(page.chat) != sheet.to_chat:
        raise HostError("The chat has moved on since these replies were written: compare again to use one.")
    _compared(page, column)
    return {"chat": list(console.host.use_reply(sheet.shown(0, column), page.chat))}


def _desk(page: OpenPage, why: str) -> Desk:
    desk = page.console.desk()
    if desk is None:
        raise Refused(why)
    return desk


def _heard(page: OpenPage) -> Mix:
    """What is heard now."""
    desk = page.console.desk()
    return page.console.panel.effective(desk.adapters.values() if desk is not None else ())


def _sheet(page: OpenPage) -> Sheet:
    sheet = page.console.lab.sheet(page.id)
    if sheet is None:
        raise Refused("there is nothing compared yet")
    return sheet


def _compared(page: OpenPage, column: int) -> tuple[Sheet, Column]:
    """What the page shows, and one of its columns."""
    sheet = _sheet(page)
    if not 0 <= column < len(sheet.columns):
        raise Refused("there is no such column")
    return sheet, sheet.columns[column]


def _setup(page: OpenPage) -> Answer:
    return {"setup": setup_json(page.console)}


ORDERS = Orders(
    {
        "look": _look,
        "nothing": _nothing,
        "rename": _rename,
        "play": _play,
        "keep": _keep,
        "profile": _play_profile,
        "move": _move,
        "add": _add,
        "remove": _remove,
        "start over": _start_over,
        "fill": _fill,
        "collect": _collect,
        "reference": _reference,
        "surprise": _surprise,
        "put on the desk": _put_on_the_desk,
        "prompts": _prompts,
        "save": _save,
        "read": _read,
        "stop": _stop,
    },
    always=_setup,
)
#: It changes what stands in the chat.
USES = Orders({"use": _use}, always=_setup)
