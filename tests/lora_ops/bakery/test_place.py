"""Where something new goes: nothing of anybody's is lost, and no name leads elsewhere."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

import pytest
from helpers import tiny

from lora_mixer.lora_ops import Desk, Mix
from lora_mixer.lora_ops.bakery.bake import bake
from lora_mixer.lora_ops.bakery.combine import concatenate
from lora_mixer.lora_ops.bakery.merge import merge
from lora_mixer.lora_ops.bakery.writing import Writing
from lora_mixer.lora_ops.shelf.adapter_weights import read_weights


def test_nothing_is_overwritten_unasked(tmp_path: Path):
    desk = Desk(tiny.pirate())
    first = bake(desk, Mix(), "pirate", tmp_path, "out")
    with pytest.raises(FileExistsError, match="exists already"):
        bake(desk, desk.base(), "pirate", tmp_path, "out")
    assert read_weights(first.folder).sha256 == first.sha256
    second = bake(desk, desk.base(), "pirate", tmp_path, "out", writing=Writing(overwrite=True))
    assert read_weights(first.folder).sha256 == second.sha256 != first.sha256
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_name_that_is_taken_is_told_before_anything_is_worked_out(tmp_path: Path):
    desk, steps = Desk(tiny.two()), []
    (tmp_path / "out").mkdir()
    writing = Writing(progress=lambda done, of: steps.append(done))
    for wish in (
        lambda: bake(desk, Mix(), "pirate", tmp_path, "out", writing=writing),
        lambda: concatenate(desk, Mix(), ["pirate", "poet"], tmp_path, "out", writing),
        lambda: merge(desk, Mix(), tmp_path, "out", writing=writing),
    ):
        with pytest.raises(FileExistsError, match="exists already"):
            wish()
    assert steps == []


def test_only_adapters_are_overwritten(tmp_path: Path):
    desk = Desk(tiny.pirate())
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "one.jpg").write_text("x")
    with pytest.raises(ValueError, match="no adapter"):
        bake(desk, Mix(), "pirate", tmp_path, "photos", writing=Writing(overwrite=True))
    training = bake(desk, Mix(), "pirate", tmp_path, "training").folder
    (training / "checkpoint-100").mkdir()
    with pytest.raises(ValueError, match="checkpoint-100"):
        bake(desk, Mix(), "pirate", tmp_path, "training", writing=Writing(overwrite=True))
    (tmp_path / "link").symlink_to(tmp_path / "photos")
    with pytest.raises(ValueError, match="link"):
        bake(desk, Mix(), "pirate", tmp_path, "link", writing=Writing(overwrite=True))
    assert (tmp_path / "photos" / "one.jpg").is_file()


@pytest.mark.parametrize("name", ["../out", "a/b", "", "..", ".hidden", "con", "a\\b", "x" * 300])
def test_names_that_leave_the_folder_are_refused(name: str, tmp_path: Path):
    with pytest.raises(ValueError, match="cannot be a name"):
        bake(Desk(tiny.pirate()), Mix(), "pirate", tmp_path / "shelf", name, writing=Writing(check=False))
    assert not list(tmp_path.rglob("*.safetensors"))


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO])
def test_a_full_disk_leaves_nothing(number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    from safetensors import SafetensorError

    def fails(*_: Any, **__: Any) -> None:
        text = "No space left on device (os error 28)" if number == errno.ENOSPC else "Input/output error (os error 5)"
        raise SafetensorError(f"Error while serializing: I/O error: {text}")

    monkeypatch.setattr("safetensors.torch.save_file", fails)
    with pytest.raises(OSError) as caught:
        bake(Desk(tiny.pirate()), Mix(), "pirate", tmp_path, "out")
    assert caught.value.errno == number
    assert ("disk is full" in str(caught.value)) == (number == errno.ENOSPC)
    assert list(tmp_path.iterdir()) == []
