"""The shelf: what lies in a folder of adapters, in which order, and what one writes about it."""

from __future__ import annotations

import json
import os
import shutil
import time
from pathlib import Path
from typing import Any

import pytest
from helpers import tiny
from helpers.adapter_on_disk import written

from lora_mixer.lora_ops.shelf.adapter_files import CONFIG, WEIGHTS
from lora_mixer.lora_ops.shelf.shelf import NotesError, Place, ShelfNotes, arranged, places, shelf, stages


@pytest.fixture
def loras(tmp_path: Path) -> Path:
    folder = tmp_path / "loras"
    written(folder / "pirate", base_model_name_or_path="some/model")
    written(folder / "Butler")
    for step in (100, 20, 3):
        written(folder / "run" / f"checkpoint-{step}")
    written(folder / "pirate" / "checkpoint-7")
    (folder / ".pirate.x.part").mkdir()
    (folder / "put-loras-here.txt").touch()
    return folder


def names(entries: Any) -> list[str]:
    return [entry.name for entry in entries]


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


def test_links_to_folders_are_followed_and_those_of_files_are_not(loras: Path, tmp_path: Path) -> None:
    written(tmp_path / "elsewhere" / "secret")
    written(tmp_path / "elsewhere" / "secret" / "checkpoint-1")
    (loras / "link").symlink_to(tmp_path / "elsewhere" / "secret")
    (loras / "inside").symlink_to(loras / "pirate")
    (loras / "nowhere").symlink_to(tmp_path / "nothing")
    (loras / "run" / "checkpoint-9").symlink_to(tmp_path / "elsewhere" / "secret")
    written(loras / "taken")
    (loras / "taken" / WEIGHTS).rename(tmp_path / "weights")
    (loras / "taken" / WEIGHTS).symlink_to(tmp_path / "weights")
    entries = {entry.name: entry for entry in shelf(loras)}
    for name in ("link", "link/checkpoint-1", "run/checkpoint-9", "inside"):
        assert entries[name].files and not entries[name].error
    assert "by a symbolic link" in entries["taken"].error and "nowhere" not in entries


def test_several_folders_make_one_shelf(loras: Path, tmp_path: Path) -> None:
    other = written(tmp_path / "other" / "pirate")
    entries = shelf([tmp_path / "missing", loras, other])
    there = places([loras, other])
    assert (there["pirate"].folder, there["pirate-2"].folder) == (loras / "pirate", other)
    assert names(entries)[-4:] == ["pirate-2", "run/checkpoint-3", "run/checkpoint-20", "run/checkpoint-100"]


def test_a_shelf_that_is_not_there_is_empty(tmp_path: Path) -> None:
    assert shelf(tmp_path / "nothing") == [] == shelf([])
    (tmp_path / "file").touch()
    assert shelf(tmp_path / "file") == []


def test_what_cannot_fit_the_loaded_model_says_why(tmp_path: Path) -> None:
    model = tiny.pirate()
    model.save_pretrained(tmp_path)
    fit = {}
    for name, other in (
        ("same", model),
        ("base", tiny.llama()),
        ("experts", tiny.mixtral()),
        ("4-bit", tiny.quantised(4)),
        ("wide", tiny.llama(hidden_size=64)),
        ("flat", tiny.llama(num_hidden_layers=1)),
        ("gpt2", tiny.gpt2()),
    ):
        (entry,) = shelf(tmp_path, other)
        fit[name] = entry.fits
    assert fit["same"] == fit["base"] == ""
    assert "in this model" in fit["4-bit"] and "in this model" in fit["wide"]
    assert "this model has 1" in fit["flat"]
    assert "another architecture" in fit["gpt2"]
    assert "model.layers.0.mlp" in fit["experts"]


#: All that PEFT saves: it refuses to save a mixed model, and an injected adapter belongs to transformers.
SAVED = [kind for kind in tiny.KINDS if "injected" not in kind.name and "same layers" not in kind.name]


@pytest.mark.parametrize("kind", SAVED, ids=str)
def test_every_kind_of_adapter_fits_the_model_that_it_came_from(kind: tiny.Kind, tmp_path: Path) -> None:
    kind.build().save_pretrained(tmp_path)
    entries = shelf(tmp_path, kind.build())
    assert entries and not any(entry.fits or entry.error for entry in entries)


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


def test_an_adapter_whose_overwriting_was_killed_is_back_when_somebody_looks(loras: Path) -> None:
    (loras / "pirate").rename(loras / ".pirate.0a1b2c3d.lora-mixer.old")
    written(loras / ".pirate.0a1b2c3d.lora-mixer.part")
    written(loras / ".poet.0a1b2c3e.lora-mixer.part")
    assert "pirate" in names(shelf(loras)) and not names(shelf(loras)).count("poet")
    assert not list(loras.glob(".*.lora-mixer*"))
    assert places(loras)["pirate"].read()


def test_a_shelf_that_nobody_may_write_to_is_listed(loras: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (loras / "pirate").rename(loras / ".pirate.0a1b2c3d.lora-mixer.old")
    real = os.open

    def read_only(path: Any, flags: int, *given: Any, **options: Any) -> int:
        if flags & os.O_CREAT and str(path).startswith(str(loras)):
            raise OSError(30, "Read-only file system", str(path))
        return real(path, flags, *given, **options)

    monkeypatch.setattr(os, "open", read_only)
    assert "Butler" in names(shelf(loras))
    assert (loras / ".pirate.0a1b2c3d.lora-mixer.old").is_dir()


# -- notes and collections


@pytest.fixture
def notes(tmp_path: Path) -> ShelfNotes:
    return ShelfNotes(tmp_path / "mine" / "shelf.json")


def test_notes_stay(notes: ShelfNotes, tmp_path: Path) -> None:
    assert notes.note("pirate") == "" and dict(notes.collections) == {}
    notes.write("pirate", " too loud in q_proj \n")
    notes.write("run/checkpoint-3", "é <b>")
    again = ShelfNotes(tmp_path / "mine" / "shelf.json")
    assert dict(again.notes) == {"pirate": "too loud in q_proj", "run/checkpoint-3": "é <b>"}
    again.write("pirate", " ")
    assert list(notes.notes) == ["run/checkpoint-3"]
    assert json.loads((tmp_path / "mine" / "shelf.json").read_text("utf-8"))["version"] == 1


def test_collections_come_and_go(notes: ShelfNotes) -> None:
    notes.collect(" voices ", ["pirate", "butler"])
    notes.collect("voices", ["poet", "pirate"])
    assert dict(notes.collections) == {"voices": ["pirate", "butler", "poet"]}
    notes.discard("voices", ["butler"])
    assert notes.collections["voices"] == ["pirate", "poet"]
    notes.discard("voices")
    assert dict(notes.collections) == {}
    with pytest.raises(NotesError, match="no collection"):
        notes.discard("voices")
    with pytest.raises(NotesError, match="name"):
        notes.collect("  ", ["pirate"])


@pytest.mark.parametrize("content", ["{", "[]", '{"version": 2}', '{"notes": {"a": 1}}', '{"more": 1}', "\x00"])
def test_a_damaged_file_is_told_and_kept(notes: ShelfNotes, tmp_path: Path, content: str) -> None:
    path = tmp_path / "mine" / "shelf.json"
    path.parent.mkdir()
    path.write_text(content)
    with pytest.raises(NotesError, match=r"shelf\.json"):
        notes.note("pirate")
    with pytest.raises(NotesError, match=r"shelf\.json"):
        notes.write("pirate", "x")
    assert path.read_text() == content
    path.unlink()
    notes.write("pirate", "x")


def test_nothing_is_written_where_others_share_the_page() -> None:
    notes = ShelfNotes(None)
    assert dict(notes.notes) == {}
    with pytest.raises(NotesError, match="share"):
        notes.write("pirate", "x")


def test_a_full_disk_leaves_the_notes_that_were_there(notes: ShelfNotes, monkeypatch: pytest.MonkeyPatch) -> None:
    notes.write("pirate", "one")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="the disk is full"):
        notes.write("pirate", "two")
    monkeypatch.undo()
    assert notes.note("pirate") == "one"
    started = time.monotonic()
    notes.write("pirate", "three")  # and nobody holds the lock any more
    assert time.monotonic() - started < 5
