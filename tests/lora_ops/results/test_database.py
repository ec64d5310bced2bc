"""The file of experiments: older schemas are migrated; newer, damaged and strange files are named and left alone."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest
from helpers import kept

from lora_mixer.lora_ops import ColumnRecord, Faders, Mix, Records, RecordsError, ReplyRecord, TrialRecord, Vote
from lora_mixer.lora_ops import optional_packages as needs
from lora_mixer.lora_ops.results import database, tables
from lora_mixer.lora_ops.results import records as records_module


def test_an_older_schema_is_migrated(path):
    kept.old_table(path)
    records = Records(path)
    record = records.load(1)
    assert record.columns == (ColumnRecord("A", Mix({"pirate": Faders(master=0.5)})), ColumnRecord("B", Mix()))
    assert [(a.name, a.method, a.rank, a.alpha, a.hash) for a in record.adapters] == [("pirate", "lora", 4, 8.0, "")]
    assert [(t.prompt, t.seed, t.question, t.seconds) for t in record.trials] == [
        ("Ahoy", 7, 0, 1.6),
        ("Ahoy", 8, 0, 1.7),
    ]
    assert record.trials[1].replies == (ReplyRecord("Aye", (), "end", 1.5), ReplyRecord("Hi", (), "end", 1.5))
    assert [(v.trial, v.left, v.right, v.verdict, v.blind, v.source) for v in record.votes] == [
        (1, 1, 0, "right", True, "blind"),
        (0, 0, 1, "tie", True, "blind"),
    ]
    assert (record.settings, record.model, record.time.isoformat()) == (
        {"max_new_tokens": 8},
        "tiny",
        "2026-01-02T03:04:05+00:00",
    )
    assert records.load(4).trials[0].replies[0].text == "y"
    assert len(records.votes()) == 2 and len({summary.uid for summary in records.list()}) == 2
    assert records.add(kept.record()) == 5


def test_every_schema_on_the_way_is_migrated(path):
    kept.old_table(path)
    database.migrate(path, "0002")
    assert kept.query(path, "SELECT version_num FROM alembic_version") == [("0002",)]
    assert Records(path).load(1).trials[0].replies[0].text == "Arr"


def test_a_newer_schema_is_refused_and_left_alone(records, path):
    records.add(kept.record(trials=1))
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '0099'")
    before = path.read_bytes()
    with pytest.raises(
        RecordsError, match="written by a newer LoRA Mixer \\(schema 0099; this one knows up to 0003\\)"
    ):
        Records(path).list()
    assert path.read_bytes() == before


# Bad files


def _damage(content: bytes) -> dict[str, bytes]:
    middle = len(content) // 2
    return {
        "no database": b"this is a shopping list, and not a short one " * 40,
        "cut off": content[:middle],
        "overwritten": content[:4096] + b"\xa5" * (len(content) - 4096),
        "a broken first page": content[:100] + b"\xff" * 900 + content[1000:],
    }


@pytest.mark.parametrize("kind", ["no database", "cut off", "overwritten", "a broken first page"])
def test_a_damaged_file_is_named_and_left_alone(records, path, kind):
    records.add(kept.record(columns=16, trials=8))
    path.write_bytes(_damage(path.read_bytes())[kind])
    before = path.read_bytes()
    for attempt in (lambda: Records(path).list(), lambda: Records(path).add(kept.record())):
        with pytest.raises(RecordsError, match="is damaged, or is no table of experiments") as refusal:
            attempt()
        assert str(path) in str(refusal.value)
    assert path.read_bytes() == before
    assert sorted(path.parent.iterdir()) == [path]


def test_somebody_elses_database_is_left_alone(path):
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE recipes (name TEXT)")
    before = path.read_bytes()
    with pytest.raises(RecordsError, match="it holds other tables"):
        Records(path).list()
    assert path.read_bytes() == before


def test_an_empty_file_is_a_new_table(path):
    path.parent.mkdir()
    path.touch()
    assert Records(path).list() == ()


def test_a_file_that_was_moved_away_is_begun_anew(records, path):
    records.add(kept.record())
    path.rename(path.with_suffix(".old"))
    assert records.list() == ()
    assert records.add(kept.record()) == 1
    assert len(Records(path.with_suffix(".old")).list()) == 1


def test_a_row_that_makes_no_sense_is_named(records, path):
    id = records.add(kept.record(trials=1))
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE replies SET finish = 'bored'")
    with pytest.raises(RecordsError, match="experiment 1 in .* cannot be read: trials.0.replies.0.finish"):
        records.load(id)


def damage(path: Path, *statements: str) -> None:
    """Writes into the file what no LoRA Mixer would."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("PRAGMA foreign_keys = OFF")
        for statement in statements:
            connection.execute(statement)


DAMAGED = {
    "time": "UPDATE experiments SET time = 'soon' WHERE id = 2",
    "settings": "UPDATE experiments SET settings = '{{{' WHERE id = 2",
    "settings that are a number": "UPDATE experiments SET settings = 7 WHERE id = 2",
    "a name that is no text": "UPDATE experiments SET model = x'ff00fe' WHERE id = 2",
    "a name of broken text": "UPDATE experiments SET model = CAST(x'ff00fe' AS TEXT) WHERE id = 2",
    "mix": 'UPDATE columns SET mix = \'{"adapters": {"pirate": {"master": "loud"}}}\' WHERE experiment_id = 2',
    "mix that is no JSON": "UPDATE columns SET mix = '[' WHERE experiment_id = 2",
    "mix too deep": f"UPDATE columns SET mix = '{'[' * 90_000}' WHERE experiment_id = 2",
    "columns that are gone": "DELETE FROM columns WHERE experiment_id = 2",
    "label": "UPDATE columns SET label = x'00ff' WHERE experiment_id = 2",
    "seed": "UPDATE trials SET seed = 'x' WHERE experiment_id = 2",
    "scores": "UPDATE trials SET scores = '[' WHERE experiment_id = 2",
    "messages": "UPDATE trials SET messages = '[' WHERE experiment_id = 2",
    "reply": "UPDATE replies SET token_ids = '{' WHERE trial_id = 2",
    "replies that are gone": "DELETE FROM replies WHERE trial_id = 2",
    "verdict": "UPDATE votes SET verdict = 'best' WHERE experiment_id = 2",
    "side": 'UPDATE votes SET "left" = 99 WHERE experiment_id = 2',
    "side that is a text": "UPDATE votes SET \"left\" = 'A' WHERE experiment_id = 2",
    "time of a vote": "UPDATE votes SET time = x'ff' WHERE experiment_id = 2",
    "time without a zone": "UPDATE votes SET time = '2026-01-01T00:00:00' WHERE experiment_id = 2",
}


@pytest.mark.parametrize("what", DAMAGED)
def test_what_is_damaged_hides_no_other_experiment_and_can_be_deleted(records, path, what):
    voted = [kept.record(trials=1).and_vote(Vote(0, 0, 1, "left")) for _ in range(3)]
    for record in voted:
        records.add(record)
    damage(path, DAMAGED[what])
    told: list[str] = []
    assert sorted(summary.id for summary in records.list()) == [1, 2, 3]
    duels = records.votes(told=told.append)
    assert {duel.experiment for duel in duels} >= {1, 3} and duels.count(duels[0]) == 1
    assert len(duels) == 3 or "experiment 2" in told[0]
    assert [records.load(id) for id in (1, 3)] == [voted[0], voted[2]]
    try:
        records.load(2)
    except RecordsError as refusal:
        assert "experiment 2" in str(refusal) and len(str(refusal)) < 2000
    records.delete(2)
    assert sorted(summary.id for summary in records.list()) == [1, 3]


def test_the_list_says_what_is_damaged(records, path):
    records.add(kept.record(trials=1))
    assert records.list()[0].problem == ""
    damage(path, "UPDATE experiments SET time = 'soon', settings = '{'", "DELETE FROM columns")
    assert records.list()[0].problem == "its columns are gone, its time is no time, its settings are no JSON"


def test_what_is_broken_elsewhere_in_the_file_does_not_keep_an_experiment_from_being_read(records, path):
    good = kept.record(trials=1)
    records.add(good)
    records.add(kept.record(columns=16, trials=40))
    with closing(sqlite3.connect(path)) as connection:
        [(size,)] = connection.execute("PRAGMA page_size")
        [(root,)] = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'one_experiment_a_uid' OR "
                                       "sql IS NULL AND tbl_name = 'experiments' LIMIT 1")  # fmt: skip
    content = bytearray(path.read_bytes())
    content[(root - 1) * size : root * size] = b"\xa5" * size
    path.write_bytes(content)
    afresh = Records(path)
    assert len(afresh.list()) == 2 and afresh.load(1) == good
    with pytest.raises(RecordsError, match="is damaged"):
        afresh.add(kept.record())
    assert path.read_bytes() == content


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of its own with room for little."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = shutil.which("mount") and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)], capture_output=True, check=False
    ).returncode == 0  # fmt: skip
    if not mounted:
        pytest.skip("nothing can be mounted here")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_a_disk_that_is_really_full_loses_nothing(small_disk):
    records, record = Records(small_disk / "records.sqlite"), kept.record(trials=1)
    id = records.add(record)
    (small_disk / "rest").write_bytes(b"")
    with pytest.raises(OSError, match="No space"), (small_disk / "rest").open("wb", buffering=0) as rest:
        for size in (65536, 512):
            while rest.write(b"x" * size):
                pass
    for reading in (records, Records(records.path)):
        assert [summary.id for summary in reading.list()] == [id] and reading.load(id) == record
        assert reading.votes() == ()
        with pytest.raises(RecordsError, match="the disk is full"):
            reading.add_trial(id, kept.trial(1))
    (small_disk / "rest").unlink()
    assert records.add_trial(id, kept.trial(1)) == 1


def test_a_disk_that_is_really_read_only_is_read(small_disk):
    records, record = Records(small_disk / "records.sqlite"), kept.record(trials=1)
    id = records.add(record)
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    for reading in (records, Records(records.path)):
        assert [summary.id for summary in reading.list()] == [id] and reading.load(id) == record
        with pytest.raises(RecordsError, match="cannot be written: is it, or its folder, read-only"):
            reading.vote(id, Vote(0, 0, 1, "left"))


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(RecordsError, match="file"):
        Records(tmp_path / "file" / "records.sqlite").list()


def test_a_full_disk_loses_nothing(records, path):
    id = records.add(kept.record(trials=1))
    pages = kept.query(path, "PRAGMA page_count")[0][0]
    engine = records._opened()

    @tables.sa.event.listens_for(engine, "connect")
    def full(connection, _):
        connection.execute(f"PRAGMA max_page_count = {pages + 1}")  # SQLite then says what it says when a disk is full

    with pytest.raises(RecordsError, match="the disk is full: nothing was written to .*records.sqlite"):
        records.add(kept.record(columns=16, trials=30))
    with pytest.raises(RecordsError, match="the disk is full"):
        records.add_trial(id, TrialRecord("x" * 100_000, 0, (ReplyRecord("a"), ReplyRecord("b"))))
    assert len(records.list()) == 1 and len(Records(path).load(id).trials) == 1
    assert records.add_trial(id, kept.trial(1)) == 1, "what still fits is still written"


def test_another_writer_is_waited_for_only_so_long(records, path, monkeypatch):
    monkeypatch.setattr(database, "PATIENCE", 0.1)
    id = records.add(kept.record())
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        with pytest.raises(RecordsError, match="in use by another program"):
            records.add_trial(id, kept.trial(0))
        assert len(records.list()) == 1, "readers do not wait"


def test_what_cannot_be_written_is_named_and_still_read(records, path):
    id = records.add(kept.record(trials=1))
    engine = records._opened()

    @tables.sa.event.listens_for(engine, "connect")
    def read_only(connection, _):
        # SQLite then says what it says when the file, or its folder, is read-only; and it does so for every user.
        connection.execute("PRAGMA query_only = ON")

    for attempt in (lambda: records.add(kept.record()), lambda: records.delete(id)):
        with pytest.raises(RecordsError, match="records.sqlite cannot be written: is it, or its folder, read-only"):
            attempt()
    assert len(records.load(id).trials) == 1 and len(Records(path).list()) == 1


def test_a_folder_in_the_place_of_the_file_is_named(path):
    path.mkdir(parents=True)
    with pytest.raises(RecordsError, match="records.sqlite cannot be written"):
        Records(path).add(kept.record())
    assert path.is_dir() and list(path.parent.iterdir()) == [path]


def test_without_alembic_the_message_helps(path, monkeypatch):
    monkeypatch.setitem(sys.modules, "alembic", None)
    with pytest.raises(needs.MissingPackage, match="keeping experiments needs the package alembic"):
        Records(path).list()


def test_nothing_is_read_or_written_before_it_is_used(path):
    Records(path)
    assert not path.parent.exists()
    assert records_module.Records is Records


@pytest.mark.parametrize(
    ("free", "said"), [(0, "the disk is full"), (4096, "the disk is full"), (10**9, "disk I/O error")]
)
def test_a_disk_without_room_for_the_log_is_called_full(path, monkeypatch, free, said):
    """SQLite then calls it an I/O error, which it may be too."""
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=free))
    with pytest.raises(RecordsError, match=said), database.telling(path):
        raise sqlite3.OperationalError("disk I/O error")
