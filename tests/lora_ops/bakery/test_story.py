"""What a card tells: what was done, by the name of the way, and no difference that was not measured."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lora_mixer.lora_ops import Mix
from lora_mixer.lora_ops.bakery.story import of_adapter, of_model
from lora_mixer.lora_ops.bakery.ways import COMBINATIONS, WAYS
from lora_mixer.lora_ops.bakery.written import Baked, Merged


def baked(**changes: Any) -> Baked:
    usual = {"folder": Path("loras/soft"), "targets": 7, "parameters": 100, "size": 400, "way": "folded", "rank": 4}
    return Baked(**{**usual, "silent": 2, "sha256": "", **changes})


@pytest.mark.parametrize("way", [*WAYS, "concatenated", "resized", *COMBINATIONS[1:]])
def test_each_way_is_told_in_a_sentence_of_its_own(way: str) -> None:
    story = of_adapter(baked(way=way), [], Mix(), "some/model")
    others = {of_adapter(baked(way=other), [], Mix(), "").what for other in ("folded", "ties", "cat") if other != way}
    assert story.what.endswith(".") and story.what not in others
    assert story.name == "soft" and story.library == "peft" and story.base_model == "some/model"


def test_what_was_measured_is_told_and_nothing_else() -> None:
    facts = of_adapter(baked(), [], Mix(), "").facts
    assert facts["targets"] == "7, of which 2 were silent"
    assert not {"kept", "greatest difference to the mix"} & set(facts)
    measured = {"greatest_difference": 1e-5, "greatest_logit": 30.0, "kept": 0.987}
    facts = of_adapter(baked(**measured, objections={"vLLM": ["a", "b"], "other": []}), [], Mix(), "").facts
    assert "1e-05 in logits of up to 30" in facts["greatest difference to the mix"] and "98.70%" in facts["kept"]
    assert facts["in vLLM"] == "a; b" and facts["in other"] == "nothing in the way"


def test_a_model_that_was_opened_says_what_is_lost() -> None:
    fields: dict[str, Any] = {"folder": Path("m"), "targets": 3, "parameters": 9, "size": 9, "names": ("a", "b")}
    assert "base" not in of_model(Merged(**fields, opened=False), [], Mix(), "").facts
    story = of_model(Merged(**fields, opened=True), [], Mix(), "")
    assert "lost" in story.facts["base"] and story.facts["adapters"] == "a, b" and story.library == "transformers"
