"""What a model calls its modules by now is what stock PEFT makes of an adapter's names."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from helpers import tiny
from helpers.adapter_on_disk import tensors, written

from lora_mixer.lora_ops.shelf.adapter_files import read_adapter
from lora_mixer.lora_ops.shelf.renamed_modules import key_mapping, model_names


def test_a_model_whose_modules_stayed_renames_nothing(tmp_path: Path) -> None:
    assert model_names(tiny.llama(), read_adapter(written(tmp_path / "one"))) == {}
    assert model_names(object(), read_adapter(tmp_path / "one")) == {} and key_mapping(object()) == {}


def test_the_first_pattern_that_meets_a_name_renames_it(tmp_path: Path) -> None:
    old = "language_model.model.layers.0.self_attn.q_proj"
    files = read_adapter(written(tmp_path / "one", weights=tensors(old)))
    base: Any = SimpleNamespace(
        _checkpoint_conversion_mapping={"^language_model.model": "model.language_model", "q_proj": "never"}
    )
    assert model_names(base, files) == {old: "model.language_model.layers.0.self_attn.q_proj"}
