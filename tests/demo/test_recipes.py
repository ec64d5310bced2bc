"""The adapters that are shipped are those of the recipes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from helpers import tiny
from peft import get_peft_model
from peft.tuners.lora import LoraLayer

from lora_mixer import demo
from lora_mixer.demo.recipes import RECIPES

ADAPTERS = Path(demo.__file__).parent / "adapters"


@pytest.mark.parametrize("name", RECIPES)
def test_the_scaling_is_what_peft_loads_it_with(name: str) -> None:
    recipe = RECIPES[name]
    model = get_peft_model(tiny.llama(), recipe.config())
    scalings = {module.scaling["default"] for module in model.modules() if isinstance(module, LoraLayer)}
    assert list(scalings) == [pytest.approx(recipe.scaling)] and recipe.manner.name == name


@pytest.mark.parametrize("name", RECIPES)
def test_what_lies_in_the_folder_was_made_by_the_recipe(name: str) -> None:
    recipe = RECIPES[name]
    config = json.loads((ADAPTERS / name / "adapter_config.json").read_text(encoding="utf-8"))
    assert (config["r"], config["lora_alpha"], config["use_rslora"]) == (
        recipe.rank,
        recipe.alpha,
        recipe.rank_stabilised,
    )
    assert config["target_modules"] == sorted(recipe.targets)


def test_the_folder_holds_an_adapter_for_each_recipe_and_no_other() -> None:
    assert {path.name for path in ADAPTERS.iterdir() if path.is_dir()} == set(RECIPES)
