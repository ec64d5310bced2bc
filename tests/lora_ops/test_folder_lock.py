"""One writer at a time in a folder."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from lora_mixer.lora_ops.disk import CannotWrite
from lora_mixer.lora_ops.folder_lock import LOCK, alone


def test_one_who_waits_too_long_is_told_so(tmp_path: Path) -> None:
    said: list[str] = []

    def wait() -> None:
        try:
            with alone(tmp_path, patience=0.05):
                pass
        except CannotWrite as error:
            said.append(str(error))

    with alone(tmp_path):
        thread = threading.Thread(target=wait)
        thread.start()
        thread.join()
    assert len(said) == 1 and "somebody else has been writing there" in said[0]


def test_a_folder_looks_afterwards_as_if_nobody_had_been_in_it(tmp_path: Path) -> None:
    with alone(tmp_path / "new"):
        assert [path.name for path in (tmp_path / "new").iterdir()] == [LOCK]
    assert list((tmp_path / "new").iterdir()) == []


def test_who_fails_lets_the_next_one_in(tmp_path: Path) -> None:
    with pytest.raises(KeyError), alone(tmp_path):
        raise KeyError
    with alone(tmp_path, patience=0):
        pass


def test_a_lock_that_somebody_died_with_is_nobodys(tmp_path: Path) -> None:
    (tmp_path / LOCK).touch()
    with alone(tmp_path, patience=0):
        pass
    assert list(tmp_path.iterdir()) == []


def test_other_locks_and_other_folders_are_not_waited_for(tmp_path: Path) -> None:
    with alone(tmp_path), alone(tmp_path, patience=0, lock=".another-lock.txt"), alone(tmp_path / "a", patience=0):
        pass


def test_of_many_threads_one_is_in_it_at_a_time(tmp_path: Path) -> None:
    within: list[int] = []
    most: list[int] = []

    def write() -> None:
        for _ in range(10):
            with alone(tmp_path):
                within.append(1)
                most.append(len(within))
                within.pop()

    threads = [threading.Thread(target=write) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(most) == 60 and max(most) == 1
