"""Names of a kind of model's own, and back."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.llama_families import FAMILIES, Family

from lora_mixer.lora_ops.engines.llama_server.base import Base
from lora_mixer.lora_ops.engines.llama_server.module_names import own_name


@pytest.mark.parametrize("architecture", FAMILIES)
def test_every_weight_has_the_name_that_this_kind_of_model_gives_it_and_back(tmp_path: Path, architecture: str) -> None:
    family = Family.of(architecture)
    base = Base.read(family.write(tmp_path / "model.gguf"))
    for module, weight in family.weights.items():
        assert base.tensor_of(module) == weight and base.modules[weight] == module


def test_shared_experts_are_called_as_qwen_calls_them(tmp_path: Path) -> None:
    assert own_name("qwen2moe", "blk.12.ffn_up_shexp") == "model.layers.12.mlp.shared_expert.up_proj"


def test_what_most_models_call_alike_has_no_name_of_its_own() -> None:
    assert own_name("llama", "blk.0.attn_q") == own_name("gpt2", "blk.0.nothing") == own_name("gpt2", "output") == ""
