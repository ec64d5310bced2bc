"""Experiments and votes in SQLite: what goes in comes out, through crashes, migrations and bad files."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import kept
import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from hypothesis import HealthCheck, given, settings

from lora_mixer.lora_ops import (
    Adapter,
    AdapterRecord,
    AlreadyKept,
    Column,
    ColumnRecord,
    ColumnResult,
    Faders,
    MessageRecord,
    Mix,
    Record,
    Records,
    RecordsError,
    ReplyRecord,
    Result,
    ScoresRecord,
    Target,
    TrialRecord,
    Vote,
    needs,
)
from lora_mixer.lora_ops.results import database, tables
from lora_mixer.lora_ops.results import records as records_module

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a folder of 100%" / "records.sqlite"


@pytest.fixture
def records(path: Path) -> Records:
    return Records(path)


def query(path: Path, sql: str) -> list:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(sql).fetchall()


# In and out


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(record=kept.records())
def test_what_goes_in_comes_out(records, record):
    id = records.add(record)
    loaded = records.load(id)
    assert loaded == record
    assert loaded.id == id
    assert (record.uid, len(record.trials)) in {(summary.uid, summary.trials) for summary in records.list()}


def test_trials_and_votes_come_one_by_one(records):
    whole = kept.record(trials=3).and_vote(Vote(2, 1, 0, "tie", blind=False, source="chat"))
    id = records.add(replace(whole, trials=(), votes=()))
    assert [records.add_trial(id, trial) for trial in whole.trials] == [0, 1, 2]
    records.vote(id, whole.votes[0])
    assert records.load(id) == whole
    assert Records(records.path).load(id) == whole


def test_scores_may_follow(records):
    id = records.add(kept.record(trials=2))
    scores = ScoresRecord(((1.0, float("inf")), (2.0, 1.0)), ((0.0, 0.5), (float("nan"), 0.0)))
    records.put_scores(id, 1, scores)
    assert [trial.scores for trial in records.load(id).trials] == [None, scores]
    with pytest.raises(RecordsError, match="has no trial 2"):
        records.put_scores(id, 2, scores)
    with pytest.raises(ValueError, match="perplexity: must have a row and a column for each of the 2"):
        records.put_scores(id, 1, ScoresRecord(((1.0,),), ((1.0,),)))


def test_the_list_is_newest_first_and_short(records):
    for at in range(3):
        records.add(kept.record(columns=at + 2, trials=at))
    newest, *_ = records.list(limit=2)
    assert (newest.id, newest.labels, newest.trials, newest.votes) == (
        3,
        ("gain 0", "gain 1", "gain 2", "gain 3"),
        2,
        0,
    )
    assert newest.first == "question 0"
    assert [summary.id for summary in records.list()] == [3, 2, 1]
    assert [summary.id for summary in records.list(limit=2)] == [3, 2]


def test_deleting_takes_all_of_it(records, path):
    first = records.add(kept.record(trials=2).and_vote(Vote(0, 0, 1, "left")))
    other = records.add(kept.record(trials=1))
    records.delete(first)
    assert [summary.id for summary in records.list()] == [other]
    assert query(path, "SELECT count(*) FROM trials") == [(1,)] and query(path, "SELECT count(*) FROM votes") == [(0,)]
    assert query(path, "SELECT count(*) FROM replies") == [(2,)]
    assert records.add(kept.record()) == 3, "a number is never given twice"
    for gone in (
        lambda: records.load(first),
        lambda: records.delete(first),
        lambda: records.vote(9, Vote(0, 0, 1, "tie")),
    ):
        with pytest.raises(RecordsError, match="there is no experiment"):
            gone()


def test_votes_come_with_their_mixes(records):
    assert records.votes() == ()
    one = kept.record(trials=1).and_vote(Vote(0, 1, 0, "left"))
    other = replace(kept.record(trials=1), model="another").and_vote(Vote(0, 0, 1, "bad"))
    ids = [records.add(one), records.add(other)]
    assert records.votes() == tuple(
        replace(duel, experiment=id) for id, record in zip(ids, (one, other), strict=True) for duel in record.duels
    )
    (duel,) = records.votes(model="another")
    assert (duel.left, duel.right_label, duel.verdict, duel.model) == (kept.mix(0.0), "gain 1", "bad", "another")


def test_the_same_experiment_is_kept_once(records):
    record = kept.record(trials=1)
    id = records.add(record)
    with pytest.raises(AlreadyKept, match="number 1") as refusal:
        records.add(record)
    assert refusal.value.id == id
    assert len(records.list()) == 1


# What does not fit


@pytest.mark.parametrize(
    ("vote", "message"),
    [
        (Vote(1, 0, 1, "left"), "there is no trial 1: the experiment has 1"),
        (Vote(0, 0, 2, "left"), "there is no column 2: the experiment has 2"),
        (Vote(0, 1, 1, "left"), "column 1 stands on both sides"),
    ],
)
def test_a_vote_on_nothing_is_refused(records, vote, message):
    id = records.add(kept.record(trials=1))
    with pytest.raises(ValueError, match=message):
        records.vote(id, vote)
    with pytest.raises(ValueError, match=message):
        kept.record(trials=1).and_vote(vote)
    assert records.votes() == ()


def test_a_trial_needs_a_reply_a_column(records):
    id = records.add(kept.record(columns=3))
    with pytest.raises(ValueError, match="2 replies for 3 columns"):
        records.add_trial(id, kept.trial(0, columns=2))
    assert records.load(id).trials == ()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Record(model="m", columns=()), "columns"),
        (lambda: ColumnRecord("A", {"adapters": {"x": {"master": "loud"}}}), "this is no mix: adapters.x.master"),  # type: ignore[arg-type]
        (lambda: TrialRecord(prompt="", seed=2**64, replies=()), "seed"),
        (lambda: ReplyRecord("", finish="bored"), "finish"),  # type: ignore[arg-type]
        (lambda: Vote(trial=0, left=0, right=1, verdict="both"), "verdict"),  # type: ignore[arg-type]
        (lambda: Vote(trial=0, left=-1, right=1, verdict="tie"), "left"),
    ],
)
def test_wrong_fields_are_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_half_a_character_does_not_stop_a_record(records):
    id = records.add(kept.record().and_trial(TrialRecord("\ud83d", 0, (ReplyRecord("a\udfff"), ReplyRecord("🙂")))))
    trial = records.load(id).trials[0]
    assert (trial.prompt, trial.replies[0].text, trial.replies[1].text) == ("\ufffd", "a\ufffd", "🙂")


def test_settings_keep_what_json_can_hold():
    given = {"a": 1, "b": [0.5, float("inf")], 3: {"c": None}, "processor": object(), "ids": {2}}
    record = Record.of([Column("A", Mix())], model="m", settings=given)
    assert record.settings == {"a": 1, "b": [0.5, "inf"], "3": {"c": None}, "processor": "object", "ids": [2]}


def test_a_record_is_begun_from_what_the_desk_knows():
    targets = tuple(
        Target("pirate", f"layers.{at}.q_proj", at, "q_proj", rank, 2.0 * rank, 2.0, True)
        for at, rank in enumerate((4, 16))
    )
    adapter = Adapter("pirate", "lora", targets, 100, 0.01)
    said = tuple(
        ColumnResult(label, kept.mix(0.5), text, (1, 2), "end", 0.5) for label, text in (("A", "Arr"), ("B", ""))
    )
    result = Result(said, 7, 0.6, True, "", note="ran as 2 batches")
    record = Record.of(
        [Column(one.label, one.mix) for one in said], model="m", host="h", adapters=[adapter], hashes={"pirate": "f00"}
    ).and_trial(
        TrialRecord.of(result, "Ahoy", question=2, label="greeting", messages=[{"role": "user", "content": "Ahoy"}])
    )
    assert record.adapters == (AdapterRecord("pirate", "lora", 16, 32.0, "f00"),)
    trial = record.trials[0]
    assert (trial.question, trial.label, trial.seed, trial.note, trial.seconds) == (
        2,
        "greeting",
        7,
        "ran as 2 batches",
        0.6,
    )
    assert trial.replies == (ReplyRecord("Arr", (1, 2), "end", 0.5), ReplyRecord("", (1, 2), "end", 0.5))
    assert trial.messages == (MessageRecord("user", "Ahoy"),)


# Crashes


_WRITER = """
import os, sys
sys.path.insert(0, {tests!r})
import conftest, kept
from lora_mixer.lora_ops import Records
from lora_mixer.lora_ops.results import records
store = Records({path!r})
id = store.add(kept.record(trials=1))
print(id, flush=True)
{body}
"""


def writer(path: Path, body: str) -> subprocess.Popen:
    program = _WRITER.format(tests=str(ROOT / "tests"), path=str(path), body=body)
    return subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_dying_in_the_middle_of_a_write_leaves_what_was_there(path):
    body = """
insert = records._insert_trial
def dies(connection, *rest):
    insert(connection, *rest)                      # written, not committed
    connection.exec_driver_sql("PRAGMA cache_spill = ON")
    os._exit(9)
records._insert_trial = dies
store.add_trial(id, kept.trial(1))
"""
    process = writer(path, body)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 9, errors
    records = Records(path)
    assert records.load(1) == replace(kept.record(trials=1), uid=records.load(1).uid, time=records.load(1).time)
    assert records.add_trial(1, kept.trial(1)) == 1
    assert len(records.load(1).trials) == 2


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="Windows ends processes in another way")
def test_killed_at_any_moment_every_trial_is_all_there(path):
    body = """
while True:
    store.add_trial(id, kept.trial(store.add_trial(id, kept.trial(5)) + 1))
"""
    for run in range(3):
        process = writer(path, body)
        assert process.stdout.readline().strip() == str(run + 1), process.stderr.read()
        time.sleep(0.15 + 0.07 * run)
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=60)
        records = Records(path)
        loaded = records.load(run + 1)
        assert len(loaded.trials) > 1, "it was killed before it began"
        assert all(len(trial.replies) == 2 for trial in loaded.trials)
        assert query(path, "PRAGMA integrity_check") == [("ok",)]
        assert query(path, "PRAGMA foreign_key_check") == []
        records.vote(run + 1, Vote(0, 0, 1, "left"))
    assert len(Records(path).votes()) == 3


def test_dying_in_the_middle_of_a_migration_leaves_the_old_schema(path):
    old_table(path)
    before = query(path, "SELECT * FROM trials")
    program = f"""
import os, sys
sys.path.insert(0, {str(ROOT / "tests")!r})
import conftest
import sqlalchemy as sa
from lora_mixer.lora_ops import Records
@sa.event.listens_for(sa.Engine, "before_cursor_execute")
def dies(connection, cursor, statement, *rest):
    if "CREATE TABLE replies" in statement:
        os._exit(9)                                # the old tables are dropped by now
Records({str(path)!r}).list()
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.returncode == 9, done.stderr
    assert query(path, "SELECT version_num FROM alembic_version") == [("0001",)]
    assert query(path, "SELECT * FROM trials") == before
    assert Records(path).load(1).trials[0].replies[1].text == "Hello"


def test_writers_wait_for_each_other(path):
    records = [Records(path) for _ in range(4)]
    id = records[0].add(kept.record())
    threads = [
        threading.Thread(target=lambda at=at: [records[at].add_trial(id, kept.trial(5)) for _ in range(5)])
        for at in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(records[0].load(id).trials) == 20


def test_several_open_a_new_file_at_once(path):
    ids: list[int] = []
    threads = [threading.Thread(target=lambda: ids.append(Records(path).add(kept.record()))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(ids) == [1, 2, 3, 4]


# Schemas


def old_table(path: Path) -> None:
    """A file of the first schema, with an experiment, two trials and two votes in it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    database.migrate(path, "0001")
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript(
            """
            INSERT INTO experiments VALUES (1, '2026-01-02T03:04:05+00:00', 'tiny',
                '[{"name": "pirate", "method": "lora", "rank": 4, "alpha": 8.0}]',
                '[{"label": "A", "mix": {"adapters": {"pirate": {"on": true, "master": 0.5, "kinds": {}, "layers": {},
                   "modules": {}}}}}, {"label": "B", "mix": {"adapters": {}}}]', '{"max_new_tokens": 8}');
            INSERT INTO experiments VALUES (4, '2026-01-03T03:04:05+00:00', 'tiny', '[]',
                '[{"label": "only", "mix": {"adapters": {}}}]', '{}');
            INSERT INTO trials VALUES (3, 1, 'Ahoy', 7, '[{"text": "Arr", "finish": "end", "seconds": 1.5},
                {"text": "Hello", "finish": "length", "seconds": 1.5}]', 1.6);
            INSERT INTO trials VALUES (5, 4, 'x', 1, '[{"text": "y", "finish": "end", "seconds": 0.5}]', 0.5);
            INSERT INTO trials VALUES (8, 1, 'Ahoy', 8, '[{"text": "Aye", "finish": "end", "seconds": 1.5},
                {"text": "Hi", "finish": "end", "seconds": 1.5}]', 1.7);
            INSERT INTO votes VALUES (1, 8, 1, 0, 'right', '2026-01-02T04:00:00+00:00');
            INSERT INTO votes VALUES (2, 3, 0, 1, 'tie', '2026-01-02T05:00:00+00:00');
            """
        )


def test_an_older_schema_is_migrated(path):
    old_table(path)
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
    old_table(path)
    database.migrate(path, "0002")
    assert query(path, "SELECT version_num FROM alembic_version") == [("0002",)]
    assert Records(path).load(1).trials[0].replies[0].text == "Arr"


def test_the_migrations_lead_to_the_tables(records, path):
    records.list()
    with database._engine(path, foreign_keys=True).connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), tables.metadata) == []
    assert query(path, "SELECT version_num FROM alembic_version") == [(tables.HEAD,)]
    assert query(path, "PRAGMA journal_mode") == [("wal",)]


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


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(RecordsError, match="file"):
        Records(tmp_path / "file" / "records.sqlite").list()


def test_a_full_disk_loses_nothing(records, path):
    id = records.add(kept.record(trials=1))
    pages = query(path, "PRAGMA page_count")[0][0]
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
