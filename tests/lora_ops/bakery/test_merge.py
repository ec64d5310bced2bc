"""Merging: a whole model on disk plays what the desk plays, and the live one is as it was."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers import tiny
from helpers.merged import ROUNDED, load, moved
from transformers import AutoTokenizer

from lora_mixer.lora_ops import Cancelled, Desk, Faders, Mix
from lora_mixer.lora_ops.bakery.merge import merge
from lora_mixer.lora_ops.bakery.writing import Writing


@pytest.mark.parametrize("kind", [kind for kind in tiny.KINDS if kind.name != "DoRA on 4-bit"], ids=str)
def test_every_kind_of_adapter_merges(kind: tiny.Kind, tmp_path: Path):
    model = kind.build()
    loaded = tiny.logits(model)
    before = tiny.fingerprint(model)
    desk = Desk(model)
    mix = moved(desk)
    merged = merge(desk, mix, tmp_path, "whole", tiny.tokenizer(), writing=Writing(check=False))
    assert tiny.fingerprint(model) == before and torch.equal(tiny.logits(model), loaded)
    desk.apply(mix)
    wanted = tiny.logits(model)
    difference = (tiny.logits(load(merged.folder)) - wanted).abs().max()
    assert difference < (0.05 * wanted.abs().max() if kind.name in ROUNDED else 5e-5)
    assert merged.opened == (kind.name in ROUNDED)
    assert "quantization_config" not in json.loads((merged.folder / "config.json").read_text())
    assert AutoTokenizer.from_pretrained(merged.folder)("the").input_ids == tiny.ids_of("the")
    card = (merged.folder / "README.md").read_text()
    assert "library_name: transformers" in card
    assert kind.name == "a weighted adapter" or "| pirate | master | 0.7 |" in card


def test_another_type_and_progress(tmp_path: Path):
    steps: list[int] = []
    writing = Writing(dtype=torch.bfloat16, progress=lambda done, of: steps.append(of))
    merged = merge(Desk(tiny.pirate()), Mix(), tmp_path, "half", writing=writing)
    assert len(steps) == steps[0] > 14
    assert load(merged.folder).dtype == torch.bfloat16


def test_what_cannot_be_merged_says_why(tmp_path: Path):
    packed = tiny.pirate(tiny.quantised(4), use_dora=True)
    _pack(packed)
    with pytest.raises(ValueError, match="packed for it"):
        merge(Desk(packed), Mix(), tmp_path, "out")
    with pytest.raises(ValueError, match="lora_bias"):
        merge(Desk(tiny.pirate(lora_bias=True)), Mix(), tmp_path, "out")
    with pytest.raises(ValueError, match="no adapter 'parrot'"):
        merge(Desk(tiny.pirate()), Mix(), tmp_path, "out", names=["parrot"])
    with pytest.raises(ValueError, match="at least one"):
        merge(Desk(tiny.pirate()), Mix(), tmp_path, "out", names=[])
    with pytest.raises(ValueError, match="cannot be a name"):
        merge(Desk(tiny.pirate()), Mix(), tmp_path, "../out")
    assert list(tmp_path.iterdir()) == []


def _pack(model: Any) -> None:
    """Packs 4-bit weights as bitsandbytes does at the first pass on some processors, here on every one."""
    from bitsandbytes.functional import _convert_weight_packed_for_cpu

    for layer in tiny.adapter_layers(model):
        weight = layer.get_base_layer().weight
        weight.data, weight.quant_state = _convert_weight_packed_for_cpu(weight.data, weight.quant_state)


def test_it_can_be_called_off_and_is_not_overwritten(tmp_path: Path):
    desk = Desk(tiny.pirate())
    live = Mix({"pirate": Faders(master=2.0)})
    desk.apply(live)
    with pytest.raises(Cancelled):
        merge(desk, Mix(), tmp_path, "out", writing=Writing(cancelled=lambda: True))
    assert list(tmp_path.iterdir()) == [] and desk.mix == live
    merge(desk, Mix(), tmp_path, "out")
    with pytest.raises(FileExistsError):
        merge(desk, Mix(), tmp_path, "out")
    merge(desk, Mix(), tmp_path, "out", writing=Writing(overwrite=True))
