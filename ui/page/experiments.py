"""Keeps every experiment in the host's user data, trial by trial, so that a crash loses at most what was not said yet.

Where strangers share the host nothing is written. What cannot be kept (a full disk, a damaged file, a package that is
missing) never costs a reply: the page says so beside the results.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from .trouble import reason

if TYPE_CHECKING:
    from pathlib import Path

    from ...hosts.protocol import Host
    from ...lora_ops import Column, Desk
    from ...lora_ops.results.record import AdapterRecord, Record, TrialRecord
    from ...lora_ops.results.records import Records
    from ..lab.columns import Filled
    from ..lab.sheet import Sheet

FILE = "records.sqlite"
#: Among the settings of an experiment: the sweep that its columns are.
SWEEP = "sweep"
NOT_KEPT = "Nothing of this is kept: strangers share this host. Export what you want to have."


class Experiments:
    """The experiments of one host.

    Args:
        host: whose they are; it says where they may be kept.
    """

    def __init__(self, host: Host) -> None:
        self._host = host
        self._records: Records | None = None

    @property
    def records(self) -> Records | None:
        """Where they are kept; None where nothing may be."""
        folder = self._host.user_data
        if folder is None:
            return None
        if self._records is None or self._records.path != (folder / FILE).absolute():
            from ...lora_ops.results.records import Records

            self._records = Records(folder / FILE)
        return self._records

    def begun(
        self, desk: Desk, columns: Sequence[Column], settings: Mapping[str, Any], filled: Filled | None = None
    ) -> Record:
        """The record of an experiment that begins now."""
        from ...lora_ops.results.record import Record

        if filled is not None:
            settings = {**settings, SWEEP: filled.to_dict()}
        model, name = self._host.model_name, self._host.name
        return Record.of(columns, model=model, host=name, adapters=desk.adapters.values(), settings=settings)

    def keep(self, sheet: Sheet) -> None:
        """Adds rows that have ended to the record of a sheet, and to what is kept.

        Never fails: the sheet says why not.
        """
        for row in [row for row in sheet.results if row not in sheet.places]:
            if sheet.record is None:
                return
            if not sheet.record.trials:
                sheet.record = replace(sheet.record, adapters=self.hashed(sheet.record.adapters))
            trial = trial_of(sheet, row)
            sheet.record = sheet.record.and_trial(trial)
            sheet.places[row] = len(sheet.record.trials) - 1
            self._try(sheet, trial)

    def keep_whole(self, sheet: Sheet) -> None:
        """Keeps an experiment that came whole, as from a file, unless it is kept already."""
        try:
            if sheet.record is not None and (kept := self.records) is not None:
                sheet.kept = kept.add(sheet.record)
        except (RuntimeError, ValueError, OSError) as error:
            sheet.kept = getattr(error, "id", None)  # `AlreadyKept` says where
            if sheet.kept is None:
                _lose(sheet, f"This is not kept: {reason(error)}")

    def keep_scores(self, sheet: Sheet, row: int) -> None:
        """Adds what was measured of a row."""
        if sheet.record is None or row not in sheet.places:
            return
        at = sheet.places[row]
        scored = sheet.scores[row]
        trials = list(sheet.record.trials)
        trials[at] = replace(trials[at], scores=scored)
        sheet.record = replace(sheet.record, trials=tuple(trials))
        try:
            if (kept := self.records) is not None and sheet.kept is not None:
                kept.put_scores(sheet.kept, at, scored)
        except (RuntimeError, ValueError, OSError) as error:
            _lose(sheet, f"What was measured is not kept: {reason(error)}")

    def hashed(self, adapters: Sequence[AdapterRecord]) -> tuple[AdapterRecord, ...]:
        """The same with the hashes of their files, as far as the host knows where they lie."""
        from ...lora_ops.shelf.adapter_files import read_adapter

        def hash_of(folder: Path | None) -> str:
            try:
                return read_adapter(folder).content_hash() if folder is not None else ""
            except (OSError, ValueError):
                return ""  # it is gone by now, or was never a folder of its own

        folders = self._host.loaded_adapters()
        return tuple(replace(one, hash=hash_of(folders.get(one.name))) for one in adapters)

    def _try(self, sheet: Sheet, trial: TrialRecord) -> None:
        if sheet.lost:
            return  # why was said already
        try:
            kept = self.records
            if kept is None:
                _lose(sheet, NOT_KEPT)
            elif sheet.kept is None:
                assert sheet.record is not None
                sheet.kept = kept.add(sheet.record)
            else:
                kept.add_trial(sheet.kept, trial)
        except (RuntimeError, ValueError, OSError) as error:
            _lose(sheet, f"This is not kept: {reason(error)}")


def trial_of(sheet: Sheet, row: int) -> TrialRecord:
    """What is kept of one row: its replies with what they begin with."""
    from ...lora_ops.results.record import TrialRecord

    asked, result = sheet.rows[row].asked, sheet.results[row]
    whole = replace(
        result, columns=tuple(replace(column, text=asked.opening + column.text) for column in result.columns)
    )
    return TrialRecord.of(
        whole, asked.prompt, question=sheet.rows[row].question, label=asked.label, messages=asked.messages
    )


def _lose(sheet: Sheet, why: str) -> None:
    sheet.lost = True
    if why not in sheet.notes:
        sheet.notes.append(why)
