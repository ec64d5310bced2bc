"""The cards that are shipped are those that would be written now."""

from __future__ import annotations

from pathlib import Path

import pytest

from lora_mixer import demo
from lora_mixer.demo.card import card
from lora_mixer.demo.recipes import RECIPES
from lora_mixer.demo.train import BATCH


@pytest.mark.parametrize("name", RECIPES)
def test_the_card_in_the_folder_says_what_the_recipe_says(name: str) -> None:
    written = Path(demo.__file__).parent / "adapters" / name / "README.md"
    assert written.read_text(encoding="utf-8") == card(RECIPES[name], BATCH)
