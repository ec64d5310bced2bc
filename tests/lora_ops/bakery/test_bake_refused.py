"""Baking what cannot be baked: it says why, and nothing is left half-written."""

from __future__ import annotations

import errno
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers import tiny
from helpers.baked import config
from safetensors.torch import load_file, save_file

from lora_mixer.lora_ops import Desk, Fade, Faders, Mix
from lora_mixer.lora_ops.bakery.bake import bake
from lora_mixer.lora_ops.bakery.combine import concatenate
from lora_mixer.lora_ops.bakery.merge import merge
from lora_mixer.lora_ops.bakery.ways import Form
from lora_mixer.lora_ops.bakery.writing import Writing
from lora_mixer.lora_ops.shelf.adapter_files import AdapterFileError
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


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_a_disk_that_is_really_full_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    real = shutil.copyfile
    monkeypatch.setattr("lora_mixer.lora_ops.bakery.publish.shutil.copyfile", lambda a, b: real(a, "/dev/full"))
    tiny.pirate().save_pretrained(tmp_path / "shelf")
    source = tmp_path / "shelf" / "pirate"
    tiny.tokenizer().save_pretrained(source)
    writing = Writing(sources={"pirate": source}, check=False)
    with pytest.raises(OSError, match="disk is full"):
        bake(Desk(tiny.pirate()), Mix(), "pirate", tmp_path / "shelf", "out", writing=writing)
    assert [path.name for path in (tmp_path / "shelf").iterdir() if path.name != "README.md"] == ["pirate"]


def test_what_cannot_be_written_says_why(tmp_path: Path):
    desk = Desk(tiny.pirate())
    with pytest.raises(ValueError, match="no adapter 'parrot'"):
        bake(desk, Mix(), "parrot", tmp_path, "out")
    with pytest.raises(ValueError, match="no kind 'z_proj'"):
        bake(desk, Mix({"pirate": Faders(kinds={"z_proj": 0.5})}), "pirate", tmp_path, "out")
    with pytest.raises(ValueError, match="no way 'fried'"):
        bake(desk, Mix(), "pirate", tmp_path, "out", "fried")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="fades"):
        faders = Faders(fades={"master": Fade.parse("0 at 0, 1 at 40")})
        bake(desk, Mix({"pirate": faders}), "pirate", tmp_path, "out")
    merged = tiny.pirate()
    merged.merge_adapter()
    with pytest.raises(ValueError, match="merged"):
        bake(Desk(merged), Mix(), "pirate", tmp_path, "out")
    assert list(tmp_path.iterdir()) == []


def test_numbers_that_are_none_are_not_handed_on(tmp_path: Path):
    tiny.pirate().save_pretrained(tmp_path)
    file = tmp_path / "pirate" / "adapter_model.safetensors"
    tensors = load_file(file)
    first = sorted(tensors)[0]
    tensors[first][0, 0] = float("inf")
    save_file(tensors, file)
    with pytest.raises(AdapterFileError, match=f"adapter_model.safetensors: {first} holds numbers that are none"):
        read_weights(tmp_path / "pirate")


@pytest.mark.parametrize("damage", ["cut", "alpha", "rank", "pickle", "link"])
def test_a_damaged_source_is_told_and_nothing_is_written(damage: str, tmp_path: Path):
    model = tiny.pirate()
    model.save_pretrained(tmp_path / "shelf")
    source = tmp_path / "shelf" / "pirate"
    weights, fields = source / "adapter_model.safetensors", config(source)
    if damage == "cut":
        weights.write_bytes(weights.read_bytes()[:-100])
    elif damage == "pickle":
        weights.rename(source / "adapter_model.bin")
    elif damage == "link":
        weights.rename(tmp_path / "elsewhere.safetensors")
        weights.symlink_to(tmp_path / "elsewhere.safetensors")
    else:
        changes: dict[str, dict[str, Any]] = {"alpha": {"lora_alpha": "8"}, "rank": {"r": 0}}
        change = changes[damage]
        (source / "adapter_config.json").write_text(json.dumps({**fields, **change}))
    before = tiny.logits(model)
    with pytest.raises(AdapterFileError):
        read_weights(source)
    with pytest.raises(AdapterFileError):
        bake(Desk(model), Mix(), "pirate", tmp_path, "out", writing=Writing(sources={"pirate": source}))
    assert not (tmp_path / "out").exists()
    assert torch.equal(tiny.logits(model), before)


def test_an_adapter_that_changes_the_base_is_not_loaded_beside_others(tmp_path: Path):
    model = tiny.pirate()
    desk = Desk(model)
    desk.engine.model.peft_config["pirate"].init_lora_weights = "pissa"
    before = tiny.logits(model)
    baked = bake(desk, Mix({"pirate": Faders(master=0.5)}), "pirate", tmp_path, "out")
    assert baked.greatest_difference is None and "pissa" in baked.why_unchecked
    assert torch.equal(tiny.logits(model), before)
    with pytest.raises(ValueError, match="more than its targets .*PiSSA.* for good"):
        bake(desk, Mix({"pirate": Faders(kinds={"q_proj": 0})}), "pirate", tmp_path, "less", Form(drop_silent=True))


def test_a_result_that_peft_does_not_understand_never_gets_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    import lora_mixer.lora_ops.bakery.publish as module

    real = module._storable
    monkeypatch.setattr(
        module,
        "_storable",
        lambda tensors: {key.replace("lora_A", "lora_Q"): one for key, one in real(tensors).items()},
    )
    model = tiny.pirate()
    before = tiny.fingerprint(model)
    with pytest.raises(ValueError, match="does not read"):
        bake(Desk(model), Mix(), "pirate", tmp_path, "out")
    assert list(tmp_path.iterdir()) == []
    assert tiny.fingerprint(model) == before


@pytest.mark.parametrize("way", ["folded", "patterned"])
def test_a_dora_that_stock_peft_could_not_play_silently_is_refused(way: Any, tmp_path: Path):
    model = tiny.with_a_row_of_zeros()
    desk = Desk(model)
    silent = Mix({"pirate": Faders(kinds={"lm_head": 0.0})})
    with pytest.raises(ValueError, match="lm_head: a row of the base weight is all zeros"):
        bake(desk, silent, "pirate", tmp_path, "out", way)
    assert not list(tmp_path.iterdir())
    made = bake(desk, silent, "pirate", tmp_path, "out", Form(drop_silent=True))
    assert made.greatest_difference is not None and made.greatest_difference < 1e-4
