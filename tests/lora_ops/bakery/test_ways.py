"""Ways that cannot be are refused before anything is worked out, and the field that is wrong is named."""

from __future__ import annotations

from typing import Any

import pytest
from peft.tuners.lora import LoraModel

from lora_mixer.lora_ops.bakery.ways import COMBINATIONS, MOST_RANK, NEED_DENSITY, WAYS, Form, Recipe, RecipeError


@pytest.mark.parametrize("combination", COMBINATIONS)
def test_every_combination_can_be_asked_for_with_what_it_needs_and_not_without(combination: Any) -> None:
    density = 0.5 if combination in NEED_DENSITY else None
    recipe = Recipe(combination, rank=3 if combination.endswith("svd") else None, density=density)
    assert recipe.by_svd == combination.endswith("svd")
    if density is not None:
        for wrong in (None, 0.0, 1.1, float("nan")):
            with pytest.raises(RecipeError) as caught:
                Recipe(combination, density=wrong)
            assert caught.value.at == "density"


@pytest.mark.parametrize(
    ("fields", "at"),
    [
        ({"combination": "stirred"}, "combination"),
        ({"combination": "cat", "rank": 4}, "rank"),
        ({"combination": "svd", "rank": 0}, "rank"),
        ({"combination": "svd", "rank": MOST_RANK + 1}, "rank"),
    ],
)
def test_a_recipe_that_cannot_be_names_its_field(fields: dict[str, Any], at: str) -> None:
    with pytest.raises(RecipeError) as caught:
        Recipe(**fields)
    assert caught.value.at == at and str(caught.value)


def test_the_combinations_are_all_that_peft_has() -> None:
    import inspect
    import re

    source = inspect.getsource(LoraModel)
    words = re.findall(r'"([a-z_]+)"', source)
    theirs = {word for word in words if word.split("_")[0] in ("ties", "dare", "magnitude")}
    assert theirs and theirs <= set(COMBINATIONS) and {"cat", "linear", "svd"} <= set(COMBINATIONS)


@pytest.mark.parametrize("way", WAYS)
def test_a_way_is_its_usual_form_and_only_a_folded_one_leaves_silent_targets_out(way: Any) -> None:
    assert Form.of(way) == Form(way) and Form.of(Form(way)) == Form(way)
    if way == "folded":
        assert Form(way, drop_silent=True).drop_silent
    else:
        with pytest.raises(ValueError, match="keeps all its weights"):
            Form(way, drop_silent=True)
