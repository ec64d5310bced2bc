"""Reading back what was written: nothing of it stays, and what cannot be read is told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers import tiny
from helpers.merged import ROUNDED, load, moved
from helpers.variants import NAME, named, said, saved
from helpers.variants import stock as loaded
from safetensors.torch import load_file, save_file

from lora_mixer.lora_ops import Desk, Faders, Mix
from lora_mixer.lora_ops.bakery import read_back
from lora_mixer.lora_ops.bakery.bake import bake
from lora_mixer.lora_ops.bakery.merge import merge
from lora_mixer.lora_ops.bakery.ways import WAYS, Form
from lora_mixer.lora_ops.bakery.writing import Writing


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


@pytest.mark.parametrize("way", WAYS)
def test_comparing_a_bake_leaves_the_base_model_as_it_was(way: Any, tmp_path: Path):
    """The file brings copies of the base model's embeddings, which PEFT writes over the live ones."""
    [variant] = named("embeddings")
    source = saved(variant, tmp_path)
    model = loaded(variant, source)
    file = source / "adapter_model.safetensors"
    tensors = load_file(file)
    save_file({key: one + (".base_layer." in key) for key, one in tensors.items()}, file, metadata={"format": "pt"})
    before, heard = tiny.state_of(model), said(model)
    writing = Writing(sources={NAME: source}, dtype=torch.bfloat16)
    baked = bake(Desk(model), Mix(), NAME, tmp_path, "out", way, writing)
    assert baked.greatest_difference is not None
    assert tiny.same_tensors(tiny.state_of(model), before)
    assert torch.equal(said(model), heard)


@pytest.mark.parametrize("kind", [kind for kind in tiny.KINDS if kind.name != "DoRA on 4-bit"], ids=str)
def test_the_model_is_read_back_and_compared(kind: tiny.Kind, tmp_path: Path):
    model = kind.build()
    loaded = tiny.logits(model)  # the first pass packs 4-bit weights for the processor, and touches experts
    desk = Desk(model)
    dice = torch.random.get_rng_state()
    before = tiny.fingerprint(model)
    merged = merge(desk, moved(desk), tmp_path, "whole")
    assert tiny.fingerprint(model) == before and torch.equal(tiny.logits(model), loaded)
    assert torch.equal(torch.random.get_rng_state(), dice)
    assert merged.greatest_difference is not None and merged.greatest_logit is not None and not merged.why_unchecked
    near = 0.15 * merged.greatest_logit if kind.name in ROUNDED or model.dtype != torch.float32 else 1e-4
    assert 0 <= merged.greatest_difference < near
    assert "greatest difference to the mix" in (merged.folder / "README.md").read_text()
    assert json.loads(json.dumps(merged.to_dict()))["greatest_difference"] == merged.greatest_difference


def test_where_memory_does_not_hold_it_twice_it_is_not_compared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    model: Any = tiny.pirate()
    desk = Desk(model)
    monkeypatch.setattr(read_back, "available", lambda device: 1000)
    merged = merge(desk, Mix(), tmp_path, "whole")
    assert merged.greatest_difference is None and "second time" in merged.why_unchecked
    assert (tiny.logits(load(merged.folder)) - tiny.logits(model)).abs().max() < 5e-5
    assert "greatest difference" not in (merged.folder / "README.md").read_text()

    def full(*args: Any, **options: Any) -> Any:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory")

    monkeypatch.setattr(read_back, "available", lambda device: None)
    monkeypatch.setattr(type(model.get_base_model()), "from_pretrained", full)
    assert "memory" in merge(desk, Mix(), tmp_path, "other").why_unchecked
    assert merge(desk, Mix(), tmp_path, "third", writing=Writing(check=False)).why_unchecked == "not asked for"
