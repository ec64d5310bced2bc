"""Baking: a mix on disk plays what the desk plays, the model is as it was, and nothing goes wrong half-way."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers import tiny
from helpers.baked import CLOSE, config, keys, moved, stock
from safetensors import safe_open

from lora_mixer.lora_ops import Desk, Faders, Mix
from lora_mixer.lora_ops.bakery.bake import bake, bake_weights
from lora_mixer.lora_ops.bakery.slot import SLOT
from lora_mixer.lora_ops.bakery.ways import WAYS, Form
from lora_mixer.lora_ops.bakery.writing import Writing
from lora_mixer.lora_ops.shelf.adapter_weights import read_weights


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", tiny.KINDS, ids=str)
def test_every_kind_of_adapter_plays_from_disk_what_the_desk_plays(kind: tiny.Kind, way: Any, tmp_path: Path):
    model = kind.build()
    loaded = tiny.logits(model)
    before = tiny.fingerprint(model)
    desk = Desk(model)
    baked = bake(desk, moved(desk), "pirate", tmp_path, "out", way)
    assert baked.targets == len(desk.adapters["pirate"].scalable)
    assert baked.silent == 1
    if kind.name == "LoRA and LoHa in the same layers":
        assert baked.greatest_difference is None and "several methods" in baked.why_unchecked
    elif "experts" in kind.name and baked.greatest_difference is None:
        assert "PEFT does not load it beside" in baked.why_unchecked  # PEFT 0.18: one such adapter a model
    else:
        # Some processors calculate 4 and 8 bits in bfloat16, which makes much of the last digit of what goes in.
        close = 0.05 if "bit" in kind.name else CLOSE
        assert baked.greatest_difference is not None and baked.greatest_difference < close
    assert tiny.fingerprint(model) == before
    assert torch.equal(tiny.logits(model), loaded)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"use_rslora": True},
        {"rank_pattern": {"q_proj": 2, "down_proj": 6}, "alpha_pattern": {"v_proj": 3, r"layers\.1\..*_proj": 5}},
        {"target_modules": r".*layers\.\d+\.(self_attn\.q_proj|mlp\.up_proj)"},
        {"layers_to_transform": [1], "target_modules": ["q_proj", "down_proj"]},
        {"modules_to_save": ["lm_head"]},
        {"use_dora": True},
    ],
    ids=str,
)
def test_stock_peft_reads_it_on_a_fresh_base_model(changes: dict[str, Any], way: Any, tmp_path: Path):
    model = tiny.pirate(**changes)
    desk = Desk(model)
    mix = moved(desk)
    baked = bake(desk, mix, "pirate", tmp_path, "out", way)
    desk.apply(mix)
    difference = (tiny.logits(stock(baked.folder, tiny.llama())) - tiny.logits(model)).abs().max()
    assert difference < CLOSE


def test_a_folded_adapter_has_one_rank_one_alpha_and_nothing_that_others_ignore(tmp_path: Path):
    model = tiny.pirate(rank_pattern={"q_proj": 2, "down_proj": 6}, alpha_pattern={"v_proj": 3}, use_rslora=True)
    desk = Desk(model)
    baked = bake(desk, moved(desk), "pirate", tmp_path, "out")
    written = config(baked.folder)
    assert (written["r"], written["lora_alpha"], baked.rank) == (6, 6, 6)
    assert written["alpha_pattern"] == {} == written["rank_pattern"]
    assert written["use_rslora"] is False and written["peft_type"] == "LORA"
    shapes = keys(baked.folder)
    assert all(re.fullmatch(r"base_model\.model\..+\.lora_[AB]\.weight", key) for key in shapes)
    assert {shape[0] for key, shape in shapes.items() if key.endswith("lora_A.weight")} == {6}
    assert {shape[1] for key, shape in shapes.items() if key.endswith("lora_B.weight")} == {6}
    assert baked.objections["vLLM"] == []


def test_ranks_that_stay_apart_are_written_so_that_peft_and_llama_cpp_agree(tmp_path: Path):
    model = tiny.pirate(rank_pattern={"q_proj": 2, "down_proj": 6})
    desk = Desk(model)
    mix = moved(desk)
    baked = bake(desk, mix, "pirate", tmp_path, "out", Form(uniform=False))
    assert config(baked.folder)["alpha_pattern"] == {}
    assert config(baked.folder)["rank_pattern"] != {}
    assert baked.greatest_difference is not None and baked.greatest_difference < CLOSE
    assert baked.objections["vLLM"] != [] and not any("loud" in one for one in baked.objections["llama.cpp"])
    # llama.cpp multiplies each target by alpha / its own rank, and knows no pattern.
    desk.apply(mix)
    alpha = config(baked.folder)["lora_alpha"]
    with safe_open(str(baked.folder / "adapter_model.safetensors"), "pt") as file:
        for target in desk.adapters["pirate"].scalable:
            a, b = (file.get_tensor(f"base_model.model.{target.name}.lora_{one}.weight") for one in "AB")
            layer = desk.engine.knob(target).layer
            live = layer.get_delta_weight("pirate")
            torch.testing.assert_close(b @ a * (alpha / a.shape[0]), live, rtol=1e-5, atol=1e-6)


def test_a_master_alone_needs_no_pattern(tmp_path: Path):
    desk = Desk(tiny.pirate())
    baked = bake(desk, Mix({"pirate": Faders(master=0.5)}), "pirate", tmp_path, "out", "patterned")
    written = config(baked.folder)
    assert (written["lora_alpha"], written["alpha_pattern"]) == (4, {})
    assert baked.objections["vLLM"] == []


def test_silent_targets_can_be_left_out(tmp_path: Path):
    model = tiny.pirate(target_modules=["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"])
    desk = Desk(model)
    by_kind = Mix({"pirate": Faders(kinds={"q_proj": 0.0, "up_proj": 0.0})})
    baked = bake(desk, by_kind, "pirate", tmp_path, "kinds", Form(drop_silent=True))
    assert (baked.targets, baked.silent) == (10, 4)
    assert config(baked.folder)["target_modules"] == ["down_proj", "gate_proj", "k_proj", "o_proj", "v_proj"]
    assert baked.greatest_difference is not None and baked.greatest_difference < CLOSE
    by_target = Mix({"pirate": Faders(layers={1: 0.0})})
    baked = bake(desk, by_target, "pirate", tmp_path, "layers", Form(drop_silent=True))
    assert len(config(baked.folder)["target_modules"]) == 7
    desk.apply(by_target)
    assert (tiny.logits(stock(baked.folder, tiny.llama())) - tiny.logits(model)).abs().max() < CLOSE
    with pytest.raises(ValueError, match="nothing would be left"):
        bake(desk, desk.base(), "pirate", tmp_path, "none", Form(drop_silent=True))


def test_an_adapter_that_is_off_is_baked_silent(tmp_path: Path):
    model = tiny.pirate()
    baked = bake(Desk(model), Mix({"pirate": Faders(on=False)}), "pirate", tmp_path, "out")
    assert baked.silent == 14
    assert torch.equal(tiny.logits(stock(baked.folder, tiny.llama())), tiny.base_logits(model))


def test_scaling_that_is_not_alpha_over_r_is_baked_as_it_is(tmp_path: Path):
    model = tiny.pirate()
    for layer in tiny.adapter_layers(model):
        layer.scaling["pirate"] = 0.37
    loaded = tiny.logits(model)
    for way in WAYS:
        baked = bake(Desk(model), Mix(), "pirate", tmp_path, way, way)
        assert (tiny.logits(stock(baked.folder, tiny.llama())) - loaded).abs().max() < CLOSE


def test_other_adapters_and_the_faders_stay_where_they_are(tmp_path: Path):
    model = tiny.two()
    desk = Desk(model)
    live = Mix({"poet": Faders(master=2.0)})
    desk.apply(live)
    before = tiny.logits(model)
    baked = bake(desk, moved(desk, "poet"), "poet", tmp_path, "out")
    assert baked.greatest_difference is not None and baked.greatest_difference < CLOSE
    assert desk.mix == live and SLOT not in model.peft_config
    assert torch.equal(tiny.logits(model), before)
    assert not desk.outdated()


def test_dora_without_the_base_model_is_refused_except_as_loaded(tmp_path: Path):
    model = tiny.pirate(use_dora=True)
    saved = bake(Desk(model), Mix(), "pirate", tmp_path, "pirate")
    weights = read_weights(saved.folder)
    assert weights.method == "dora"
    bake_weights(weights, Mix(), tmp_path, "same")
    with pytest.raises(ValueError, match="base model"):
        bake_weights(weights, Mix({"pirate": Faders(master=0.5)}), tmp_path, "softer")
    assert not (tmp_path / "softer").exists()


@pytest.mark.parametrize("way", WAYS)
def test_from_the_folder_alone_the_same_comes_out(way: Any, tmp_path: Path):
    model = tiny.pirate(rank_pattern={"q_proj": 2}, alpha_pattern={"v_proj": 3}, use_rslora=True)
    model.save_pretrained(tmp_path)  # in a folder of the adapter's name
    desk = Desk(model)
    mix = moved(desk)
    one = bake(desk, mix, "pirate", tmp_path, "live", way, writing=Writing(sources={"pirate": tmp_path / "pirate"}))
    other = bake_weights(read_weights(tmp_path / "pirate"), mix, tmp_path, "file", way)
    assert other.greatest_difference is None
    said = [{key: value for key, value in config(baked.folder).items() if value is not None} for baked in (one, other)]
    assert {**said[0], "target_modules": 0} == {**said[1], "target_modules": 0}
    assert set(config(one.folder)["target_modules"]) == set(config(other.folder)["target_modules"])
    with (
        safe_open(str(one.folder / "adapter_model.safetensors"), "pt") as live,
        safe_open(str(other.folder / "adapter_model.safetensors"), "pt") as file,
    ):
        assert set(live.keys()) == set(file.keys())
        for key in live.keys():  # noqa: SIM118
            assert torch.equal(live.get_tensor(key), file.get_tensor(key))
