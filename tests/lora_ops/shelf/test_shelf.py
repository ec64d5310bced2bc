"""The shelf: what lies in a folder of adapters, in which order, and what of it is read again."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from helpers import tiny
from helpers.adapter_on_disk import names, written

from lora_mixer.lora_ops.shelf.adapter_files import CONFIG, WEIGHTS
from lora_mixer.lora_ops.shelf.shelf import Place, arranged, places, shelf, stages


def test_adapters_and_their_checkpoints_in_order(loras: Path) -> None:
    entries = shelf(loras)
    assert names(entries) == [
        "Butler",
        "pirate",
        "pirate/checkpoint-7",
        "run/checkpoint-3",
        "run/checkpoint-20",
        "run/checkpoint-100",
    ]
    assert [entry.folder for entry in entries] == [loras / entry.name for entry in entries]
    assert {entry.name: (entry.run, entry.is_checkpoint, entry.step) for entry in entries[1:4]} == {
        "pirate": ("pirate", False, None),
        "pirate/checkpoint-7": ("pirate", True, 7),
        "run/checkpoint-3": ("run", True, 3),
    }
    assert {name: place.folder for name, place in places(loras).items()} == {e.name: e.folder for e in entries}
    assert names(stages(entries, "pirate")) == ["pirate/checkpoint-7", "pirate"]
    assert names(stages(entries, "run")) == ["run/checkpoint-3", "run/checkpoint-20", "run/checkpoint-100"]


def test_the_newest_run_first_with_its_checkpoints_in_order(loras: Path) -> None:
    for at, entry in enumerate(shelf(loras)):
        os.utime(entry.folder / WEIGHTS, (0, at))
    assert names(arranged(shelf(loras), "time")) == [
        "run/checkpoint-3",
        "run/checkpoint-20",
        "run/checkpoint-100",
        "pirate",
        "pirate/checkpoint-7",
        "Butler",
    ]


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("butl", ["Butler"]),
        ("SOME/model", ["pirate"]),
        ("checkpoint 20", ["run/checkpoint-20"]),
        ("lora q_proj butler", ["Butler"]),
        ("nothing", []),
    ],
)
def test_searched_by_all_words(loras: Path, search: str, found: list[str]) -> None:
    assert names(arranged(shelf(loras), search=search)) == found


def test_damaged_ones_are_there_with_what_is_wrong(loras: Path) -> None:
    (loras / "empty").mkdir()
    (loras / "run" / "checkpoint-20" / WEIGHTS).write_bytes(b"half")
    (loras / "Butler" / CONFIG).write_text("{")
    wrong = {entry.name: entry.error for entry in shelf(loras) if entry.error}
    assert list(wrong) == ["Butler", "empty", "run/checkpoint-20"]
    assert "not JSON" in wrong["Butler"] and CONFIG in wrong["empty"] and "cut off" in wrong["run/checkpoint-20"]
    assert names(stages(shelf(loras), "run")) == ["run/checkpoint-3", "run/checkpoint-100"]


def test_a_shelf_that_is_not_there_is_empty(tmp_path: Path) -> None:
    assert shelf(tmp_path / "nothing") == [] == shelf([])
    (tmp_path / "file").touch()
    assert shelf(tmp_path / "file") == []


def test_hundreds_are_looked_at_again_without_being_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for at in range(300):
        written(tmp_path / f"adapter-{at}", weights=b"" if at else None)
        (tmp_path / f"adapter-{at}" / WEIGHTS).write_bytes((tmp_path / "adapter-0" / WEIGHTS).read_bytes())
    first = shelf(tmp_path)
    assert len(first) == 300 and not any(entry.error for entry in first)
    read: list[Any] = []
    monkeypatch.setattr(json, "loads", lambda *given: read.append(given))
    assert shelf(tmp_path) == first
    assert not read


def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the adapters whose files are read from now on."""
    read: list[str] = []
    real = Place.read

    def reading(place: Place) -> Any:
        read.append(place.name)
        return real(place)

    monkeypatch.setattr(Place, "read", reading)
    return read


def test_only_what_has_changed_is_read_again(loras: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny.llama()
    read = reads(monkeypatch)
    first = shelf(loras, model)
    assert sorted(read) == sorted(names(first))
    read.clear()
    again = shelf(loras, model)
    assert not read and all(one is other for one, other in zip(again, first, strict=True))
    written(loras / "new")
    written(loras / "Butler", r=3)
    shutil.rmtree(loras / "run" / "checkpoint-20")
    (loras / "pirate" / WEIGHTS).write_bytes(b"half")
    changed = {entry.name: entry for entry in shelf(loras, model)}
    assert sorted(read) == ["Butler", "new", "pirate"]
    assert "new" in changed and "run/checkpoint-20" not in changed and "cut off" in changed["pirate"].error
    assert changed["pirate/checkpoint-7"] is next(entry for entry in first if entry.name == "pirate/checkpoint-7")


def test_another_model_is_held_against_what_is_known_already(loras: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shelf(loras)
    read = reads(monkeypatch)
    assert all(entry.fits for entry in shelf(loras, tiny.gpt2()) if entry.files)
    assert not any(entry.fits for entry in shelf(loras)) and not read


def test_whatever_is_wrong_with_one_adapter_the_others_are_listed(
    loras: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (loras / "circle").symlink_to(loras / "circle")
    (written(loras / "inside") / CONFIG).unlink()
    (loras / "inside" / CONFIG).symlink_to(loras / "inside" / CONFIG)
    (written(loras / "folder") / WEIGHTS).unlink()
    (loras / "folder" / WEIGHTS).mkdir()
    (written(loras / "pipe") / WEIGHTS).unlink()
    os.mkfifo(loras / "pipe" / WEIGHTS)
    real = Place.read

    def reading(place: Place) -> Any:
        if place.name == "Butler":
            raise OverflowError("int too large to convert to float")
        return real(place)

    monkeypatch.setattr(Place, "read", reading)
    entries = {entry.name: entry for entry in shelf(loras)}
    assert {name for name, entry in entries.items() if entry.error} == {"inside", "folder", "pipe", "Butler"}
    assert "Butler cannot be read" in entries["Butler"].error and entries["pirate"].files
