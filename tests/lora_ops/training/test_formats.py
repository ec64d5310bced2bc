"""A recipe in the words of those who train: what they read is what was meant, and what they cannot read is told."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any

import pytest
import yaml
from helpers import tiny
from helpers.planted import planted
from peft import LoraConfig, get_peft_model

from lora_mixer.lora_ops import RECIPE_FORMATS, Desk, Faders, Mix, NextTraining, recipe, spectrum, write_recipe

#: What axolotl reads of LoRA: `src/axolotl/utils/schemas/peft.py` of 0.18.
AXOLOTL = {
    "adapter",
    "lora_r",
    "lora_alpha",
    "lora_target_modules",
    "lora_target_parameters",
    "lora_target_linear",
    "lora_rank_pattern",
    "lora_alpha_pattern",
    "peft_layers_to_transform",
    "peft_use_rslora",
    "peft_use_dora",
}
#: What LLaMA-Factory does: `LoraArguments` and `FinetuningArguments` in `hparams/finetuning_args.py`.
LLAMA_FACTORY = {"finetuning_type", "lora_rank", "lora_alpha", "lora_target", "use_rslora", "use_dora"}
#: The labels of TextGen's `modules/training.py`.
TEXTGEN = {"LoRA Rank", "LoRA Alpha", "Target all linear layers"} | {
    f"Enable {kind}" for kind in ("q_proj", "v_proj", "k_proj", "o_proj", "gate_proj", "down_proj", "up_proj")
}

#: Recipes with all that a recipe can hold.
MIXES = {
    "as loaded": Mix(),
    "halved": Mix({"pirate": Faders(master=0.5)}),
    "without some": Mix({"pirate": Faders(kinds={"k_proj": 0.0, "up_proj": 0.0}, layers={0: 0.0})}),
    "single": Mix({"pirate": Faders(kinds={"v_proj": 2.0}, modules={"model.layers.0.mlp.up_proj": 0.0})}),
}


def made(mix: Mix | None = None, **config: Any) -> NextTraining:
    desk = Desk(planted(lambda name: 8 if name.endswith("o_proj") else 3, **config))
    return recipe(spectrum(desk), desk.adapters["pirate"], mix)


def config_in(text: str) -> LoraConfig:
    """What the snippet for PEFT makes when it is run."""
    room: dict[str, Any] = {}
    exec(text, room)
    found: LoraConfig = room["config"]
    return found


def adapted(config: LoraConfig) -> dict[str, tuple[int, float]]:
    """Rank and scaling of every target that stock PEFT makes of it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        desk = Desk(get_peft_model(tiny.llama(), config).eval())
    return {target.name: (target.rank, target.scaling) for target in desk.adapters["default"].targets}


def wanted(found: NextTraining) -> dict[str, tuple[int, float]]:
    targets = Desk(tiny.pirate()).adapters["pirate"].targets
    return {
        target.name: (
            found.rank_of(target.kind),
            found.alpha_of(target.kind) / found.rank_of(target.kind) ** (0.5 if found.rank_stabilised else 1),
        )
        for target in targets
        if target.kind in found.target_modules
        and (found.layers is None or target.layer in found.layers)
        and target.name not in found.exclude_modules
    }


def same(one: dict[str, tuple[int, float]], other: dict[str, tuple[int, float]], rel: float = 1e-3) -> None:
    assert one.keys() == other.keys()
    for name, (rank, scaling) in one.items():
        assert other[name][0] == rank and other[name][1] == pytest.approx(scaling, rel=rel)


@pytest.mark.parametrize("rank_stabilised", [False, True])
@pytest.mark.parametrize("mix", MIXES.values(), ids=MIXES)
def test_stock_peft_adapts_what_was_meant(mix: Mix, rank_stabilised: bool) -> None:
    found = made(mix, use_rslora=rank_stabilised)
    assert found.rank_pattern
    same(wanted(found), adapted(config_in(write_recipe(found, "peft"))))


def test_the_gains_that_were_heard_are_in_it() -> None:
    targets = adapted(config_in(write_recipe(made(MIXES["single"]), "peft")))
    assert "model.layers.0.mlp.up_proj" not in targets and "model.layers.1.mlp.up_proj" in targets
    assert targets["model.layers.1.self_attn.v_proj"][1] == pytest.approx(2)
    assert targets["model.layers.1.self_attn.q_proj"][1] == pytest.approx(1)


def test_dora_stays_dora() -> None:
    desk = Desk(tiny.pirate(use_dora=True))
    found = recipe(spectrum(desk), desk.adapters["pirate"])
    assert config_in(write_recipe(found, "peft")).use_dora
    assert yaml.safe_load(write_recipe(found, "axolotl"))["peft_use_dora"] is True
    assert yaml.safe_load(write_recipe(found, "llama-factory"))["use_dora"] is True
    assert "plain LoRA" in write_recipe(found, "textgen")


@pytest.mark.parametrize("mix", MIXES.values(), ids=MIXES)
def test_unsloth_is_handed_what_peft_is(mix: Mix) -> None:
    found = made(mix)
    text = write_recipe(found, "unsloth")
    given: dict[str, Any] = {}

    class FastLanguageModel:
        @staticmethod
        def get_peft_model(model: Any, **fields: Any) -> None:
            given.update(fields)

    room = {"FastLanguageModel": FastLanguageModel, "model": None}
    exec(text.replace("from unsloth import FastLanguageModel\n", ""), room)
    assert "from unsloth import FastLanguageModel" in text
    same(wanted(found), adapted(LoraConfig(task_type="CAUSAL_LM", **given)))


@pytest.mark.parametrize("mix", MIXES.values(), ids=MIXES)
def test_axolotl_makes_the_same_of_it_as_far_as_whole_alphas_go(mix: Mix) -> None:
    found = made(mix, lora_alpha=32)
    text = write_recipe(found, "axolotl")
    read = yaml.safe_load(text)
    assert set(read) <= AXOLOTL and isinstance(read["lora_alpha"], int)
    config = LoraConfig(  # as axolotl's loader makes it
        r=read["lora_r"],
        lora_alpha=read["lora_alpha"],
        target_modules=read["lora_target_modules"],
        layers_to_transform=read.get("peft_layers_to_transform"),
        rank_pattern=read.get("lora_rank_pattern", {}),
        alpha_pattern=read.get("lora_alpha_pattern", {}),
    )
    same(wanted(replace(found, exclude_modules=())), adapted(config))
    assert ("exclude_modules" in text) == bool(found.exclude_modules)


@pytest.mark.parametrize("mix", MIXES.values(), ids=MIXES)
def test_llama_factory_reads_its_own_fields_and_is_told_what_it_has_none_for(mix: Mix) -> None:
    found = made(mix)
    text = write_recipe(found, "llama-factory")
    read = yaml.safe_load(text)
    assert set(read) <= LLAMA_FACTORY and isinstance(read["lora_alpha"], int) and read["lora_rank"] == found.r
    assert read["lora_target"].split(",") == list(found.target_modules)
    assert "no form for rank_pattern" in text
    assert ("no form for layers_to_transform" in text) == (found.layers is not None)


@pytest.mark.parametrize("mix", MIXES.values(), ids=MIXES)
def test_the_training_tab_gets_what_its_sliders_and_boxes_can_take(mix: Mix) -> None:
    found = made(mix)
    text = write_recipe(found, "textgen")
    fields = dict(line.split(": ") for line in text.splitlines() if not line.startswith("#"))
    assert set(fields) <= TEXTGEN
    rank, alpha = int(fields["LoRA Rank"]), int(fields["LoRA Alpha"])
    assert rank % 4 == 0 and alpha % 4 == 0 and found.r <= rank and alpha >= 4
    close = abs(alpha / rank / (found.alpha / found.r) - 1) <= 0.01
    assert close or "scaling is" in text
    assert set(found.target_modules) == {
        name.removeprefix("Enable ") for name, value in fields.items() if name.startswith("Enable") and value == "on"
    }
    assert "no form for rank_pattern" in text


def test_the_training_tab_has_no_rank_stabilised_lora_so_alpha_makes_up_for_it() -> None:
    found = made(use_rslora=True)
    text = write_recipe(found, "textgen")
    fields = dict(line.split(": ") for line in text.splitlines() if not line.startswith("#"))
    assert int(fields["LoRA Alpha"]) / int(fields["LoRA Rank"]) == pytest.approx(found.alpha / found.r**0.5, rel=0.2)
    assert "no rank-stabilised" in text


def test_kinds_that_have_no_box_mean_all_linear_layers() -> None:
    text = write_recipe(replace(made(), target_modules=("qkv_proj", "o_proj")), "textgen")
    assert "Target all linear layers: on" in text and "no box for qkv_proj" in text


def test_alphas_that_are_no_whole_numbers_are_rounded_where_they_must_be_and_that_is_told() -> None:
    found = replace(made(), alpha=2.4)
    for form in ("axolotl", "llama-factory"):
        text = write_recipe(found, form)
        assert yaml.safe_load(text)["lora_alpha"] == 2 and "2 for 2.4" in text
    assert config_in(write_recipe(found, "peft")).lora_alpha == 2.4


@pytest.mark.parametrize("form", RECIPE_FORMATS)
def test_names_cannot_break_out_of_any_format(form: str) -> None:
    evil = "q_proj'\"\n]; import os\u2028# {}"
    found = replace(made(), adapter="x\nimport os\r\x85y: z", target_modules=(evil,), rank_pattern={evil: 2})
    text = write_recipe(found, form)
    assert "\nimport os" not in text and "\u2028" not in text and "\x85" not in text
    if form == "peft":
        assert list(config_in(text).target_modules) == [evil]
    if form == "axolotl":
        assert yaml.safe_load(text)["lora_target_modules"] == [evil]


@pytest.mark.parametrize("form", RECIPE_FORMATS)
def test_each_says_how_sure_it_is_of_rank_and_where_it_comes_from(form: str) -> None:
    text = write_recipe(made(), form)
    assert text.startswith("# LoRA Mixer: what to try next time, after pirate\n")
    assert form == "textgen" or "measured here" in text


def test_a_format_that_is_none_is_refused_with_those_that_are() -> None:
    with pytest.raises(ValueError, match="peft, textgen, axolotl, llama-factory, unsloth"):
        write_recipe(made(), "kohya")
