"""Experiments are kept trial by trial, and what cannot be kept costs no reply."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from helpers import tiny
from helpers.compared import compared
from helpers.shelved import opened, shelf_host

from lora_mixer.ui.page import experiments
from lora_mixer.ui.page.studio import Studio


def test_each_row_is_there_as_soon_as_it_has_ended_and_once(console: Studio) -> None:
    sheet = compared(console, "Ahoy\nHello", seeds=2)
    records = console.experiments.records
    assert records is not None and sheet.kept is not None
    kept = records.load(sheet.kept)
    assert kept == sheet.record and len(kept.trials) == len(sheet.rows) == 4
    console.experiments.keep(sheet)
    assert records.load(sheet.kept) == kept
    for at, trial in enumerate(kept.trials):
        assert [reply.text for reply in trial.replies] == [one.text for one in sheet.results[at].columns]


def test_where_strangers_share_the_host_nothing_is_written_and_that_is_said(tmp_path: Path) -> None:
    console = opened(shelf_host(tmp_path, tiny.pirate(), multi_user=True))
    sheet = compared(console)
    assert sheet.kept is None and experiments.NOT_KEPT in sheet.notes and sheet.results
    assert list(tmp_path.rglob("*.sqlite")) == []


def test_a_disk_that_is_full_costs_no_reply_and_is_said_once(console: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise OSError("the disk is full")

    records = console.experiments.records
    monkeypatch.setattr(type(records), "add", full)
    sheet = compared(console, "Ahoy\nHello")
    assert len(sheet.results) == 2 and sheet.record is not None and len(sheet.record.trials) == 2
    assert [note for note in sheet.notes if "disk is full" in note] == ["This is not kept: the disk is full"]


def test_the_files_of_adapters_are_known_by_their_content_and_what_is_gone_by_nothing(
    console: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny.pirate().save_pretrained(tmp_path / "saved")
    folders: dict[str, Path | None] = {"pirate": tmp_path / "saved" / "pirate"}
    monkeypatch.setattr(type(console.host), "loaded_adapters", lambda self: folders)
    record = compared(console).record
    assert record is not None
    [one] = console.experiments.hashed(record.adapters)
    assert one.hash and record.adapters == (one,)
    folders["pirate"] = tmp_path / "gone"
    assert console.experiments.hashed(record.adapters)[0].hash == ""
