"""Where adapters lie: folders, links, and what a killed writer left."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from helpers.adapter_on_disk import names, written

from lora_mixer.lora_ops.shelf.adapter_files import WEIGHTS
from lora_mixer.lora_ops.shelf.shelf import places, shelf


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
