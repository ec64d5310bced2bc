"""What a page asks of the lab, apart from comparing itself: each order by its name, and what is answered.

An order is a JSON object with `do` and what that needs; the answer goes back to the page that asked. What is refused
is answered with `refused`: why, and beside which field (`at`) the page should say so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..page.panel import Panel
from ..page.trouble import told
from ..page.wire import FOR_PEOPLE, GARBLED, not_understood, number_of
from . import column_mixes
from .columns import KEPT, LEAST, LETTERS, MOST, Columns, Filled
from .experiment_files import export, read
from .prompts import text_of_file
from .reply_scores import surprise, tables
from .sheet import Sheet, Teller
from .sweep_charts import charts_html

if TYPE_CHECKING:
    from ...lora_ops import Desk
    from ..page.studio import Studio

Answer = dict[str, Any]
Order = Callable[["Studio", str, dict[str, Any]], Answer]


class Refused(ValueError):
    """An order that is not followed. `at` names the field of the page that the reason belongs beside."""

    def __init__(self, why: object, at: str = "") -> None:
        super().__init__(str(why))
        self.at = at


def obey(console: Studio, page: str, message: dict[str, Any]) -> Answer:
    """Does what a page says, and answers it; a page that knows an older set-up is always told the present one."""
    try:
        answer = ORDERS[message["do"]](console, page, message)
    except GARBLED as error:
        answer = {"refused": {"at": "", "why": not_understood(error)}}
    except FOR_PEOPLE as error:
        answer = {"refused": {"at": getattr(error, "at", ""), "why": told(error)}}
    return {"re": number_of(message), "setup": setup_json(console), **answer}


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
        "examples": examples(desk) if desk else [],
        "keeps": not console.host.multi_user,
    }


def examples(desk: Desk) -> list[str]:
    """Sweeps that mean something for the adapters that are loaded, as a user would type them."""
    names = desk.heard() or list(desk.adapters)
    adapter = next((desk.adapters[name] for name in names if desk.adapters[name].scalable), None)
    if adapter is None:
        return []
    front = f"{adapter.name}: " if len(names) > 1 else ""
    kind = next((kind for kind in ("down_proj", "q_proj") if kind in adapter.kinds), adapter.kinds[-1])
    sweeps = ["master 0 to 2 in 0.25", "master 0, 0.5, 1, 1.5", f"{kind} 0, 1"]
    if len(adapter.kinds) in range(2, MOST):
        sweeps.append("each kind off")
    if len(adapter.layers) > 1:
        half = adapter.layers[len(adapter.layers) // 2 - 1]
        sweeps.append(f"layers {adapter.layers[0]}-{half} off")
    return [front + sweep for sweep in sweeps]


def _look(console: Studio, page: str, message: dict[str, Any]) -> Answer:
    """All there is to show, for a page that has just come, or has missed something."""
    sheet = console.lab.sheet(page)
    if sheet is None:
        return {"sheet": None}
    return {"sheet": sheet.head(), **Teller(sheet).news(), "measured": tables(sheet)}


def _change(change: Callable[[Studio, Columns, dict[str, Any]], Columns]) -> Order:
    def order(console: Studio, page: str, message: dict[str, Any]) -> Answer:
        console.lab.change(change(console, console.lab.setup, message))
        console.revision += 1
        return {}

    return order


def _rename(console: Studio, setup: Columns, message: dict[str, Any]) -> Columns:
    return setup.rename(message["key"], message["name"])


def _play(console: Studio, setup: Columns, message: dict[str, Any]) -> Columns:
    return setup.play(message["key"], message["plays"])


def _keep(console: Studio, setup: Columns, message: dict[str, Any]) -> Columns:
    desk = _desk(console, "There is no adapter yet whose faders could be kept.")
    return setup.keep(message["key"], console.panel.effective(desk.adapters.values()))


def _play_profile(console: Studio, setup: Columns, message: dict[str, Any]) -> Columns:
    """A column plays what a profile holds now, and has its name."""
    from ..desk.profiles import mix_of_profile

    name = str(message["name"])
    mix = mix_of_profile(console, _desk(console, "There is no adapter yet that a profile could play."), name)
    return setup.keep(message["key"], mix).rename(message["key"], name)


def _move(console: Studio, setup: Columns, message: dict[str, Any]) -> Columns:
    return setup.move(message["key"], int(message["by"]))


def _add(console: Studio, setup: Columns, message: dict[str, Any]) -> Columns:
    """One more column that keeps the faders as they stand: what one adds is what one has just found."""
    desk = console.desk()
    return setup.add() if desk is None else setup.add(KEPT, "", console.panel.effective(desk.adapters.values()))


def _remove(console: Studio, setup: Columns, message: dict[str, Any]) -> Columns:
    return setup.remove(message["key"])


def _start_over(console: Studio, setup: Columns, message: dict[str, Any]) -> Columns:
    """The faders against the base model, as in the beginning."""
    first = Columns.first()
    slots = tuple(replace(slot, key=setup.last_key + slot.key) for slot in first.slots)
    return Columns(slots, last_key=setup.last_key + len(slots))


def _collect(console: Studio, page: str, message: dict[str, Any]) -> Answer:
    """The mix of a column that was compared as one more column, to compare again."""
    column = _sheet(console, page).columns[int(message["column"])]
    setup = console.lab.setup
    name = column.label.partition(" · ")[2] or column.label
    for slot in setup.slots:
        if slot.kept == column.mix and slot.plays == KEPT:
            return {"said": f"Column {setup.letter(slot.key)} plays this already."}
    console.lab.change(setup.add(KEPT, name, column.mix))
    console.revision += 1
    return {"said": f"Kept as column {LETTERS[len(console.lab.setup.slots) - 1]}."}


def _fill(console: Studio, page: str, message: dict[str, Any]) -> Answer:
    """Columns out of a sweep, instead of those that there are."""
    from ...lora_ops.lab.sweep import parse_axis, sweep

    desk = _desk(console, "There is no adapter to sweep.")
    base = console.panel.effective(desk.adapters.values())
    text = {at: str(message.get(at) or "").strip() for at in ("x", "y")}
    with _beside("x"):
        x = parse_axis(text["x"], desk, base)
    with _beside("y"):
        y = parse_axis(text["y"], desk, base) if text["y"] else None
    with _beside("y" if y else "x"):
        columns = sweep(base, x, y)
    filled = Filled(
        x=text["x"],
        y=text["y"],
        x_title=x.label,
        x_labels=tuple(label for label, _ in x.settings),
        y_title=y.label if y else "",
        y_labels=tuple(label for label, _ in y.settings) if y else (),
    )
    console.lab.change(console.lab.setup.fill([(column.label, column.mix) for column in columns], filled))
    console.revision += 1
    return {}


@contextmanager
def _beside(field: str) -> Iterator[None]:
    """Has a page say what is wrong beside the field that it is wrong in."""
    try:
        yield
    except ValueError as error:
        raise Refused(error, field) from error


def _reference(console: Studio, page: str, message: dict[str, Any]) -> Answer:
    """Holds the columns against another one."""
    sheet = _sheet(console, page)
    at = int(message["column"])
    if not 0 <= at < len(sheet.columns):
        raise Refused("there is no such column")
    sheet.reference = at
    return {"reference": at, **Teller(sheet).news()}


def _surprise(console: Studio, page: str, message: dict[str, Any]) -> Answer:
    """Every token's probability under the mix of one column."""
    sheet, judge = _sheet(console, page), int(message["column"])
    if not 0 <= judge < len(sheet.columns):
        raise Refused("there is no such column")
    return {"surprise": {"judge": judge, "key": sheet.key, "cells": surprise(console, sheet, judge)}}


def _put_on_the_desk(console: Studio, page: str, message: dict[str, Any]) -> Answer:
    """The faders where a column's were: mute, solo and bypass are lifted, for they are in the mix already."""
    column = _sheet(console, page).columns[int(message["column"])]
    desk = _desk(console, "There is no adapter to put it on.")
    try:
        desk.check(column.mix)
    except ValueError as error:
        raise Refused(f"this mix does not fit the adapters that are loaded now: {error}") from error
    console.move(Panel(column.mix))
    return {"said": f"The desk stands where {column.label} stood."}


def _prompts(console: Studio, page: str, message: dict[str, Any]) -> Answer:
    """A file of prompts as text for the text box."""
    return {"text": text_of_file(message["data"], str(message["name"]))}


def _save(console: Studio, page: str, message: dict[str, Any]) -> Answer:
    """The experiment that the page shows as a file."""
    sheet = _sheet(console, page)
    charts = charts_html(sheet) if message["form"] == "html" else ""
    return {"file": export(sheet, message["form"], charts)}


def _read(console: Studio, page: str, message: dict[str, Any]) -> Answer:
    """An experiment from a file, shown as it was."""
    try:
        sheet = read(console, message["data"])
    except ValueError as error:
        raise Refused(f"{message['name']}: {error}") from error
    console.lab.show(page, sheet)
    return _look(console, page, message)


def _stop(console: Studio, page: str, message: dict[str, Any]) -> Answer:
    console.stop_comparing()
    return {}


def _desk(console: Studio, why: str) -> Desk:
    desk = console.desk()
    if desk is None:
        raise Refused(why)
    return desk


def _sheet(console: Studio, page: str) -> Sheet:
    sheet = console.lab.sheet(page)
    if sheet is None:
        raise Refused("there is nothing compared yet")
    return sheet


ORDERS: dict[str, Order] = {
    "look": _look,
    "nothing": lambda console, page, message: {},
    "rename": _change(_rename),
    "play": _change(_play),
    "keep": _change(_keep),
    "profile": _change(_play_profile),
    "move": _change(_move),
    "add": _change(_add),
    "remove": _change(_remove),
    "start over": _change(_start_over),
    "fill": _fill,
    "collect": _collect,
    "reference": _reference,
    "surprise": _surprise,
    "put on the desk": _put_on_the_desk,
    "prompts": _prompts,
    "save": _save,
    "read": _read,
    "stop": _stop,
}
