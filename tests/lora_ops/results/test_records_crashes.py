"""Experiments through crashes: what was written stays, whoever dies, and writers wait for each other."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

from helpers import kept

from lora_mixer.lora_ops import Records, Vote

ROOT = Path(__file__).resolve().parents[3]

_WRITER = """
import os, sys
sys.path.insert(0, {tests!r})
import conftest
from helpers import kept
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


def test_killed_at_any_moment_every_trial_is_all_there(path):
    body = """
while True:
    store.add_trial(id, kept.trial(store.add_trial(id, kept.trial(5)) + 1))
"""
    for run in range(2):
        process = writer(path, body)
        assert process.stdout.readline().strip() == str(run + 1), process.stderr.read()
        time.sleep(0.15 + 0.1 * run)
        process.kill()
        process.communicate(timeout=60)
        records = Records(path)
        loaded = records.load(run + 1)
        assert len(loaded.trials) > 1, "it was killed before it began"
        assert all(len(trial.replies) == 2 for trial in loaded.trials)
        assert kept.query(path, "PRAGMA integrity_check") == [("ok",)]
        assert kept.query(path, "PRAGMA foreign_key_check") == []
        records.vote(run + 1, Vote(0, 0, 1, "left"))
    assert len(Records(path).votes()) == 2


def test_dying_in_the_middle_of_a_migration_leaves_the_old_schema(path):
    kept.old_table(path)
    before = kept.query(path, "SELECT * FROM trials")
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
    assert kept.query(path, "SELECT version_num FROM alembic_version") == [("0001",)]
    assert kept.query(path, "SELECT * FROM trials") == before
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
