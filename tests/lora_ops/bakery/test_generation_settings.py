"""The base model's generation settings, written as they are."""

from __future__ import annotations

import json
from contextlib import nullcontext
from pathlib import Path

import pytest
from helpers import tiny
from helpers.merged import load
from standin.textgen_generate import hijacked_generation_config
from transformers import GenerationConfig

from lora_mixer.lora_ops import Desk, Mix
from lora_mixer.lora_ops.bakery.merge import merge


@pytest.mark.parametrize(
    "settings",
    [{}, {"temperature": 0.6, "top_p": 0.9}, {"do_sample": True, "min_p": 0.05, "eos_token_id": [1, 2]}],
    ids=["none", "sampling settings of a model that does not sample", "sampling"],
)
@pytest.mark.parametrize("inside", [True, False], ids=["in TextGen", "elsewhere"])
def test_the_generation_settings_of_the_base_are_written_as_they_are(settings: dict, inside: bool, tmp_path: Path):
    """TextGen puts its sampling arguments into every GenerationConfig, and published models have settings that do not
    go together: transformers saves neither, and loads both."""
    with hijacked_generation_config() if inside else nullcontext():
        base = tiny.llama()
        base.generation_config = GenerationConfig(**{"eos_token_id": 2, "pad_token_id": 0, **settings})
        model = tiny.pirate(base)
        merged = merge(Desk(model), Mix(), tmp_path, "whole", tiny.tokenizer())
        assert merged.greatest_difference is not None and merged.greatest_difference < 1e-4
    written = json.loads((merged.folder / "generation_config.json").read_text())
    written.pop("transformers_version")
    assert written == {"eos_token_id": 2, "pad_token_id": 0, **settings}
    again = load(merged.folder)
    assert {name: getattr(again.generation_config, name) for name in settings} == settings
    assert (tiny.logits(again) - tiny.logits(model)).abs().max() < 5e-5
