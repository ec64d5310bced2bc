"""What a bake must not do, however odd the adapter or the gain: it is refused in words, and nothing is changed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers import tiny, variants
from helpers.baked import CLOSE, config, stock
from helpers.variants import NAME, named, off, said, saved
from helpers.variants import stock as loaded
from safetensors.torch import load_file

from lora_mixer.lora_ops import Desk, Faders, Mix
from lora_mixer.lora_ops.bakery.bake import bake, bake_weights
from lora_mixer.lora_ops.bakery.combine import combine, combine_weights
from lora_mixer.lora_ops.bakery.merge import merge
from lora_mixer.lora_ops.bakery.ways import WAYS, Form, Recipe
from lora_mixer.lora_ops.engines.peft.loading import change_adapters
from lora_mixer.lora_ops.shelf.adapter_weights import read_weights


@pytest.mark.parametrize(
    "faders",
    [
        Faders(master=1e38, kinds={"q_proj": 10.0}),
        Faders(master=-3e38, kinds={"q_proj": 3e38}),
        Faders(modules={"lm_head": 3e38}),
    ],
    ids=["beyond float32", "far beyond it", "beyond it with its scaling"],
)
def test_a_gain_beyond_what_a_number_holds_is_refused_before_anything_is_written(faders: Faders, tmp_path: Path):
    tiny.pirate(target_modules=["q_proj", "lm_head"]).save_pretrained(tmp_path)
    model = tiny.pirate(target_modules=["q_proj", "lm_head"])
    desk, weights = Desk(model), read_weights(tmp_path / "pirate")
    mix, before = Mix({"pirate": faders}), tiny.logits(model)
    wishes: list[Any] = [
        lambda: merge(desk, mix, tmp_path, "out"),
        lambda: combine(desk, mix, ["pirate"], tmp_path, "out", Recipe()),
        lambda: combine_weights([weights], mix, tmp_path, "out", Recipe("svd", rank=2)),
    ]
    for way in WAYS:
        wishes.append(lambda way=way: bake(desk, mix, "pirate", tmp_path, "out", way))
        wishes.append(lambda way=way: bake_weights(weights, mix, tmp_path, "out", way))
    for wish in wishes:
        with pytest.raises(ValueError, match=r"(makes its scaling larger than 3.4e\+38.*lower its)|(no finite number)"):
            wish()
    assert not (tmp_path / "out").exists()
    assert torch.equal(tiny.logits(model), before)


@pytest.mark.parametrize("way", WAYS)
def test_a_bake_holds_no_regular_expression_of_a_stranger(way: Any, tmp_path: Path):
    tiny.pirate(target_modules=["q_proj"], rank_pattern={r"layers\.(1|2)\..*": 2}).save_pretrained(tmp_path)
    source = tmp_path / "pirate"
    fields = {**config(source), "target_modules": r".*layers\.\d\.self_attn\.q_proj", "exclude_modules": r".*vision.*"}
    (source / "adapter_config.json").write_text(json.dumps(fields))
    baked = bake_weights(read_weights(source), Mix({"pirate": Faders(master=0.5)}), tmp_path, "out", way)
    written = config(baked.folder)
    assert written["target_modules"] == [f"model.layers.{at}.self_attn.q_proj" for at in range(2)]
    assert written["exclude_modules"] is None
    assert not any(set(key) & set("*+(|") for key in [*written["rank_pattern"], *written["alpha_pattern"]])
    wanted = tiny.pirate(target_modules=["q_proj"], rank_pattern={r"layers\.(1|2)\..*": 2})
    Desk(wanted).apply(Mix({"pirate": Faders(master=0.5)}))
    assert (tiny.logits(stock(baked.folder, tiny.llama())) - tiny.logits(wanted)).abs().max() < CLOSE


def test_silent_experts_cannot_be_left_out_but_modules_beside_them_can(tmp_path: Path):
    [variant] = named("experts (gpt-oss), with patterns")
    source = saved(variant, tmp_path)
    weights = read_weights(source, NAME)
    assert {target.kind for target in weights.targets} == {"q_proj", "gate_up_proj", "down_proj"}
    with pytest.raises(ValueError, match=r"down_proj is a parameter.*cannot be left out"):
        bake_weights(weights, Mix({NAME: Faders(kinds={"down_proj": 0.0})}), tmp_path, "out", Form(drop_silent=True))
    mix = Mix({NAME: Faders(kinds={"q_proj": 0.0})})
    baked = bake_weights(weights, mix, tmp_path, "out", Form(drop_silent=True))
    assert baked.dropped and baked.targets == 4
    model = loaded(variant, source)
    Desk(model).apply(mix)
    assert off(said(loaded(variant, baked.folder)), said(model)) < CLOSE


@pytest.mark.parametrize("name", ["biases of the base", "OLoRA", "PiSSA"])
def test_no_target_is_left_out_of_what_is_more_than_its_targets(name: str, tmp_path: Path):
    [variant] = named(name)
    weights = read_weights(saved(variant, tmp_path), NAME)
    mix = Mix({NAME: Faders(kinds={"q_proj": 0.0})})
    with pytest.raises(ValueError, match=r"more than its targets.*bake the silent ones along"):
        bake_weights(weights, mix, tmp_path, "out", Form(drop_silent=True))
    assert bake_weights(weights, mix, tmp_path, "out").silent == 2


@pytest.mark.skipif(not hasattr(variants, "BLOCKS"), reason="this PEFT has no BD-LoRA")
@pytest.mark.parametrize("way", WAYS)
def test_block_diagonal_weights_are_loaded_and_baked_right(way: Any, tmp_path: Path):
    source = saved(variants.BLOCKS, tmp_path)
    model = change_adapters(variants.BLOCKS.base(), {NAME: source})
    assert torch.equal(said(model), said(loaded(variants.BLOCKS, source)))
    assert torch.equal(said(change_adapters(model, {})), said(variants.BLOCKS.base()))
    mix = Mix({NAME: Faders(kinds={"q_proj": 0.37, "down_proj": -2.0})})
    baked = bake_weights(read_weights(source, NAME), mix, tmp_path, "out", way)
    heard = said(loaded(variants.BLOCKS, baked.folder))
    assert off(heard, variants.as_mixed(variants.BLOCKS, source, mix)) < CLOSE


def test_what_only_training_needed_is_left_out_of_what_is_folded(tmp_path: Path):
    for variant in named("EVA", "orthogonal", "MiCA", "VeLoRA", "MonteCLoRA"):
        source = saved(variant, tmp_path / variant.name)
        baked = bake_weights(read_weights(source, NAME), Mix(), tmp_path, f"{variant.name} folded")
        written = config(baked.folder)
        assert written["init_lora_weights"] is True
        assert not any(written.get(field) for field in ("velora_config", "monteclora_config", "eva_config"))
        assert baked.objections["vLLM"] == []
        assert {key.rpartition(".lora_")[2] for key in load_file(baked.folder / "adapter_model.safetensors")} == {
            "A.weight",
            "B.weight",
        }


# What is said of other runtimes
