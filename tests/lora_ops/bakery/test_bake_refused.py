"""Baking what cannot be baked: it says why, and nothing is left half-written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers import tiny
from helpers.baked import config

from lora_mixer.lora_ops import Desk, Fade, Faders, Mix
from lora_mixer.lora_ops.bakery.bake import bake
from lora_mixer.lora_ops.bakery.ways import Form
from lora_mixer.lora_ops.bakery.writing import Writing
from lora_mixer.lora_ops.shelf.adapter_files import AdapterFileError
from lora_mixer.lora_ops.shelf.adapter_weights import read_weights


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
