"""Experiments as files: a page, a table, JSONL; and JSONL read back as it was. The page's script saves and reads them,
so that nothing is written on the server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from ...lora_ops.lab.batches import Question
from ...lora_ops.mix import Mix
from ..page.experiments import SWEEP
from .columns import Filled
from .prompts import decoded
from .replies import seeds, shorten
from .sheet import Line, Row, Sheet

if TYPE_CHECKING:
    from ...lora_ops.results.record import Record, TrialRecord
    from ..page.experiments import Experiments

Form = Literal["html", "csv", "jsonl"]
FORMS: dict[Form, str] = {"html": "text/html", "csv": "text/csv", "jsonl": "application/x-ndjson"}


def export(sheet: Sheet, form: Form, charts: str = "") -> dict[str, str]:
    """The experiment as a file: its name, its type and its text.

    Args:
        sheet: what is exported.
        form: one of `FORMS`.
        charts: for a page, HTML with charts in it.

    Raises:
        ValueError: there is nothing to export yet.
        MissingPackage: what the form needs is not installed.
    """
    record = sheet.record
    if record is None or not record.trials:
        raise ValueError("there is no reply to save yet: compare first")
    return {"name": f"{_name(record)}.{form}", "type": FORMS[form], "text": _written(record, form, charts, sheet)}


def _written(record: Record, form: str, charts: str, sheet: Sheet) -> str:
    from ...lora_ops.results import export as files

    if form == "html":
        return files.to_html(record, charts, sheet.reference)
    return files.to_csv(record) if form == "csv" else files.to_jsonl(record)


def _name(record: Record) -> str:
    """A file's name after model and time, of characters that every system takes."""
    model = "".join(letter if letter.isalnum() and letter.isascii() else "-" for letter in record.model)[:40].strip("-")
    return f"lora-mixer-{model or 'model'}-{record.time:%Y-%m-%d-%H%M%S}"


def read(experiments: Experiments, data: str) -> Sheet:
    """The experiment in a JSONL file (the last one, if it holds several), as a page shows it.

    Args:
        experiments: where it is kept, unless it is already.
        data: the file as base64.

    Raises:
        ValueError: it is something else, damaged, or of a newer LoRA Mixer; the message names the line and the field.
    """
    from ...lora_ops.results.export import from_jsonl

    found = from_jsonl(decoded(data))
    record = found[-1]
    sheet = sheet_of(record)
    sheet.notes.append(f"Read from a file: {record.model}, {record.time:%Y-%m-%d %H:%M} UTC.")
    if len(found) > 1:
        sheet.notes.append(f"It holds {len(found)} experiments; this is the last one.")
    experiments.keep_whole(sheet)
    return sheet


def sheet_of(record: Record) -> Sheet:
    """A record as a page shows it."""
    from ...lora_ops import Column

    columns = tuple(Column(column.label, column.mix or Mix()) for column in record.columns)
    rows = tuple(_row(trial) for trial in record.trials)
    limit = record.settings.get("max_new_tokens")
    sheet = Sheet(columns, rows, filled=_sweep(record), limit=limit if isinstance(limit, int) else None, record=record)
    for at, trial in enumerate(record.trials):
        sheet.finish(at, _result(sheet, trial))
        sheet.places[at] = at
        if trial.scores is not None:
            sheet.scores[at] = trial.scores
    seconds = sum(trial.seconds for trial in record.trials)
    notes = list(dict.fromkeys(trial.note for trial in record.trials if trial.note))
    said = [
        f"{len(rows)} rows" if len(rows) > 1 else "",
        # Rows that ran together took their time together: how long that was nobody has kept.
        f"{seconds:.1f} s" if len(rows) == 1 else "",
        *notes[:2],
        seeds([row.seed for row in rows]) if rows else "No reply was finished.",
    ]
    sheet.line = Line(" · ".join(part for part in said if part))
    return sheet


def _sweep(record: Record) -> Filled | None:
    """The sweep that the columns were, as `Experiments.begun` kept it among the settings."""
    told = record.settings.get(SWEEP)
    if not isinstance(told, dict):
        return None
    try:
        filled = Filled.from_dict(told)
    except (TypeError, ValueError):
        return None
    fits = len(filled.x_labels) * max(len(filled.y_labels), 1) == len(record.columns)
    return filled if fits else None


def _row(trial: TrialRecord) -> Row:
    messages = tuple({"role": one.role, "content": one.content} for one in trial.messages)
    asked = Question(trial.label or shorten(trial.prompt), trial.prompt, (), messages=messages)
    return Row(asked, trial.seed, trial.question)


def _result(sheet: Sheet, trial: TrialRecord) -> Any:
    from ...lora_ops import ColumnResult, Result

    said = tuple(
        ColumnResult(column.label, column.mix, reply.text, reply.token_ids, reply.finish, reply.seconds)
        for column, reply in zip(sheet.columns, trial.replies, strict=True)
    )
    return Result(said, trial.seed, trial.seconds, batched=not trial.note, why_not_batched="", note=trial.note)
