"""Troubles of the disk in words, and files that hold too much."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from lora_mixer.lora_ops.disk import CannotWrite, read_at_most, telling
from lora_mixer.lora_ops.files import folder_aside, put_right, write_aside
from lora_mixer.lora_ops.folder_lock import alone


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "the disk is full, nothing was written: "),
        (errno.EDQUOT, "the disk is full"),
        (errno.EROFS, "the disk is read-only, nothing was written: "),
        (errno.EACCES, "this user may not write there, nothing was written: "),
    ],
)
@pytest.mark.parametrize("call", ["open", "mkdir", "fsync", "replace"])
def test_a_disk_that_refuses_is_told_in_plain_words_and_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, words: str, call: str
) -> None:
    write_aside(tmp_path / "a.json", "old")
    with folder_aside(tmp_path / "pirate") as aside:
        (aside / "one").write_text("old")
    real = getattr(os, call)

    def refuse(path: Any, *given: Any, **options: Any) -> Any:
        if call in ("open", "mkdir") and ".part" not in str(path):
            return real(path, *given, **options)
        raise OSError(number, os.strerror(number), str(path))

    monkeypatch.setattr(os, call, refuse)
    told = []
    if call != "mkdir":
        with pytest.raises(CannotWrite) as refused:
            write_aside(tmp_path / "a.json", "new")
        told.append(str(refused.value))
    if call in ("mkdir", "replace"):
        with pytest.raises(CannotWrite) as refused, folder_aside(tmp_path / "pirate", overwrite=True) as aside:
            (aside / "one").write_text("new")
        told.append(str(refused.value))
    monkeypatch.undo()
    for text in told:
        assert text.startswith(words) and "[Errno" not in text
    put_right(tmp_path, files=True)
    assert (tmp_path / "a.json").read_text() == (tmp_path / "pirate" / "one").read_text() == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.json", "pirate"]


def test_a_folder_where_a_file_should_be_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.json").mkdir()
    with pytest.raises(CannotWrite, match="a folder has that name"):
        write_aside(tmp_path / "a.json", "x")
    (tmp_path / "file").touch()
    with pytest.raises(CannotWrite, match="a file stands where a folder should be"), alone(tmp_path / "file"):
        pass
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.json", "file"]


def test_no_more_of_a_file_is_read_than_it_may_hold(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x" * 10)
    assert read_at_most(tmp_path / "a", 10) == b"x" * 10 and read_at_most(tmp_path / "a", 9) is None
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    (tmp_path / "endless").symlink_to("/dev/zero")
    for name in ("pipe", "folder", "endless", "nothing"):
        with pytest.raises(OSError):
            read_at_most(tmp_path / name, 10)


def test_a_trouble_whose_meaning_is_not_known_passes_as_it_is(tmp_path: Path) -> None:
    unknown = OSError(5, "Input/output error")
    with pytest.raises(OSError) as passed, telling(tmp_path):
        raise unknown
    assert passed.value is unknown
    with pytest.raises(ValueError, match="mine"), telling(tmp_path):
        raise ValueError("mine")


def test_what_was_said_inside_is_not_said_again_of_what_is_around(tmp_path: Path) -> None:
    with pytest.raises(CannotWrite) as told, telling(tmp_path), telling(tmp_path / "inner"):
        raise OSError(28, "No space left on device")
    assert str(told.value) == f"the disk is full, nothing was written: {tmp_path / 'inner'}"


def test_troubles_of_files_that_are_only_read_are_their_own(tmp_path: Path) -> None:
    with pytest.raises(PermissionError), telling(tmp_path, only_full=True):
        raise PermissionError(13, "Permission denied", "somebody else's")
    with pytest.raises(CannotWrite, match="the disk is full"), telling(tmp_path, only_full=True):
        raise OSError(28, "No space left on device")
