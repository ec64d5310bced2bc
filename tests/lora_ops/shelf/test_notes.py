"""Notes on a shelf: kept by several at once, read again as they were written, and refused in few words."""

from __future__ import annotations

import json
import os
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from helpers import together
from hypothesis import given, settings
from hypothesis import strategies as st

from lora_mixer.lora_ops.shelf.notes import MOST_NAME, MOST_OF_ONE, MOST_TEXT, MOST_TITLE, NotesError, ShelfNotes


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "mine" / "shelf.json"


def test_two_pages_that_write_at_once_lose_nothing(path: Path) -> None:
    def write(page: int) -> None:
        for at in range(15):
            ShelfNotes(path).describe(f"{page}-{at}", "loud", [f"of {page}", "all"])

    threads = [threading.Thread(target=write, args=(page,)) for page in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    written = ShelfNotes(path).look()
    assert len(written.notes) == len(written.collections["all"]) == 120
    assert all(len(written.collections[f"of {page}"]) == 15 for page in range(8))


def test_processes_that_write_at_once_lose_nothing(path: Path) -> None:
    said = together.at_once("notes", path.parent, "abc", 20)
    written = ShelfNotes(path).look()
    assert sorted(written.notes) == sorted(name for names in said.values() for name in names)
    assert len(written.collections["all"]) == 60


names = st.text(max_size=6) | st.text(min_size=MOST_NAME - 1, max_size=MOST_NAME + 2) | st.just("\ud800")
texts = st.text(max_size=20) | st.builds(str.__mul__, st.text(min_size=1, max_size=1), st.integers(0, MOST_TEXT + 2))
titles = st.lists(st.text(max_size=6) | st.builds("c".__mul__, st.integers(0, MOST_TITLE + 2)), max_size=4)


@given(st.lists(st.tuples(names, texts, titles), max_size=4))
@settings(max_examples=60, deadline=None)
def test_what_is_kept_is_read_again_and_what_is_refused_changes_nothing(
    orders: list[tuple[str, str, list[str]]],
) -> None:
    with tempfile.TemporaryDirectory() as home:
        notes = ShelfNotes(Path(home) / "shelf.json")
        for name, text, wanted in orders:
            before = notes.look()
            try:
                notes.describe(name, text, wanted)
            except NotesError as error:
                assert len(str(error)) < 2000
                assert notes.look() == before
            else:
                after = notes.look()
                assert after.notes.get(name, "") == text.strip()
                assert set(after.of(name)) == {title.strip() for title in wanted if title.strip()}


MANY = 300_000
WRONG: dict[str, str] = {
    "notes": json.dumps({"notes": dict.fromkeys(map(str, range(MANY)), 1)}),
    "collections": json.dumps({"collections": {"a": [1] * MANY}}),
    "names of collections": json.dumps({"collections": dict.fromkeys(map(str, range(MANY)), "x")}),
    "fields": json.dumps(dict.fromkeys(map(str, range(MANY)), 1)),
    "deep": "[" * 200_000,
    "twice": '{"notes": {"a": "1", "a": "2"}}',
    "half a character": '{"notes": {"a": "\\ud800"}}',
    "a zero": "\x00",
    "digits": '{"version": ' + "1" * 5000 + "}",
    "too long": json.dumps({"notes": {"a": "x" * (17 * 2**20)}}),
    "a long note": json.dumps({"notes": {"a": "x" * (MOST_TEXT + 1)}}),
}


@pytest.mark.parametrize("text", WRONG.values(), ids=WRONG)
def test_a_file_that_is_wrong_many_times_over_is_told_at_once_in_few_words_and_kept(path: Path, text: str) -> None:
    path.parent.mkdir()
    path.write_text(text)
    started = time.process_time()
    for attempt in (lambda: ShelfNotes(path).look(), lambda: ShelfNotes(path).write("a", "x")):
        with pytest.raises(NotesError) as refused:
            attempt()
        assert str(path) in str(refused.value) and len(str(refused.value)) < 2000
    assert time.process_time() - started < 5
    assert path.read_text() == text


@pytest.mark.parametrize(
    "change",
    [
        lambda notes: notes.write("n" * (MOST_NAME + 1), "x"),
        lambda notes: notes.write("\udc80", "x"),
        lambda notes: notes.write("a", "x\ud800"),
        lambda notes: notes.describe("a", "new", ["c" * (MOST_TITLE + 1)]),
        lambda notes: notes.describe("a", "new", map(str, range(MOST_OF_ONE + 1))),
        lambda notes: notes.collect("\ud800", ["a"]),
        lambda notes: notes.collect("a", ["n" * (MOST_NAME + 1)]),
    ],
)
def test_what_could_not_be_read_again_is_not_written(path: Path, change: Any) -> None:
    notes = ShelfNotes(path)
    notes.describe("a", "old", ["one"])
    before = path.read_bytes()
    with pytest.raises(NotesError):
        change(notes)
    assert path.read_bytes() == before


def test_notes_never_grow_beyond_what_is_read(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lora_mixer.lora_ops.shelf.notes.MOST_NOTES", 1_000)
    notes = ShelfNotes(path)
    notes.write("a", "x" * 500)
    with pytest.raises(NotesError, match="cannot be kept"):
        notes.write("b", "x" * 500)
    assert dict(notes.notes) == {"a": "x" * 500}


def test_a_folder_or_a_pipe_where_the_notes_should_be_is_told(path: Path) -> None:
    path.mkdir(parents=True)
    with pytest.raises(NotesError, match=r"shelf\.json cannot be read"):
        ShelfNotes(path).look()
    with pytest.raises(NotesError, match=r"shelf\.json cannot be read"):
        ShelfNotes(path).write("a", "x")


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
