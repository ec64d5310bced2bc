"""The experiments that are kept: listed, opened, saved as files, deleted, and voted on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ...lora_ops.results.record import ColumnRecord
from ...lora_ops.sentence import sentence
from ..lab.columns import LEAST, MOST
from ..lab.experiment_files import Form, export, sheet_of
from . import standings
from .resume import planned

if TYPE_CHECKING:
    from ...lora_ops import Record
    from ...lora_ops.results.records import Records
    from ...lora_ops.results.summaries import Summary
    from ..lab.sheet import Sheet
    from ..page.experiments import Experiments
    from ..page.studio import Studio

#: So many are listed; older ones are kept all the same.
LISTED = 300
NOT_HERE = "Nothing is kept here: strangers share this host."


def listed(experiments: Experiments) -> dict[str, Any]:
    """The newest experiments, a line each.

    Raises:
        RecordsError, MissingPackage: they cannot be read.
    """
    kept = experiments.records
    if kept is None:
        return {"past": [], "keeps": False}
    found = kept.list(LISTED + 1)
    return {"past": [_line(one) for one in found[:LISTED]], "more": len(found) > LISTED, "keeps": True}


def open_sheet(experiments: Experiments, id: int) -> Sheet:
    """A kept experiment as the compare page shows it."""
    record = _records(experiments).load(id)
    sheet = sheet_of(record)
    sheet.kept = id
    sheet.places = {at: at for at in range(len(record.trials))}
    sheet.notes.append(f"Kept: {record.model}, {record.time.astimezone():%Y-%m-%d %H:%M}.")
    return sheet


def as_file(experiments: Experiments, id: int, form: Form) -> dict[str, str]:
    """A kept experiment as a file; a page of one that was voted on has the charts of its votes."""
    record = _records(experiments).load(id)
    return export(sheet_of(record), form, _charts(record) if form == "html" else "")


def use_columns(console: Studio, id: int) -> str:
    """Sets the columns of the compare page up as those of a kept experiment; what was done, for people.

    Raises:
        ValueError: it has too few or too many.
    """
    record = _records(console.experiments).load(id)
    if not LEAST <= len(record.columns) <= MOST:
        raise ValueError(f"it has {len(record.columns)} columns, and a comparison has {LEAST} to {MOST}")
    console.lab.change(console.lab.setup.fill([(column.label, column.mix) for column in record.columns]))
    console.revision += 1
    return f"The columns of the Mix tab are now those of this experiment ({_names(record.columns)})."


def delete(experiments: Experiments, id: int) -> None:
    """Forgets an experiment with its votes."""
    _records(experiments).delete(id)


def standing(experiments: Experiments, model: str | None, chosen: Sequence[str] | None) -> dict[str, Any]:
    """What all votes add up to, or those between chosen mixes.

    Args:
        experiments: those that were voted on.
        model: votes about this one count alone; None for any.
        chosen: mixes by their ids; None for all.
    """
    from ...lora_ops.results.tally import tally

    kept = experiments.records
    damaged: list[str] = []
    duels = kept.votes(model, damaged.append) if kept is not None else ()
    counted = duels if chosen is None else standings.among(duels, chosen)
    added = standings.standing(tally(counted))
    if damaged:
        more = f" So it is with {len(damaged) - 1} more." if len(damaged) > 1 else ""
        added["note"] = f"{added['note']} {sentence(damaged[0])}{more}".strip()
    return {
        "all": {
            "competitors": standings.competitors(duels),
            "chosen": chosen,
            "model": model,
            "standing": added,
        }
    }


def _records(experiments: Experiments) -> Records:
    kept = experiments.records
    if kept is None:
        raise ValueError(NOT_HERE)
    return kept


def _charts(record: Record) -> str:
    from ...lora_ops.results.tally import tally
    from ..lab.charts import html, ranking, win_rates

    if not record.votes:
        return ""
    found = tally(record.duels)
    charts = [win_rates(found)] if found.votes else []
    return html([*charts, *([ranking(found)] if len(found.standings) > 2 else [])]) if charts else ""


def _line(one: Summary) -> dict[str, Any]:
    return {
        "id": one.id,
        "time": one.time.isoformat(),
        "model": one.model,
        "labels": list(one.labels),
        "trials": one.trials,
        "planned": planned(one.settings),
        "votes": one.votes,
        "first": " ".join(one.first.split())[:160] if not one.problem else f"Damaged: {one.problem}.",
    }


def _names(columns: tuple[ColumnRecord, ...]) -> str:
    names = [column.label for column in columns[:4]]
    return ", ".join(names) + (f" and {len(columns) - 4} more" if len(columns) > 4 else "")
