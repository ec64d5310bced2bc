"""The base model's file: what an adapter has to fit."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.llama_parts import added, assert_alike, expected
from helpers.tiny_gguf import HEADS, KEY_HEADS, LAYERS, every_module, pairs, write_adapter, write_model

from lora_mixer.lora_ops.engines.llama_server import CannotSplit, split, whole
from lora_mixer.lora_ops.engines.llama_server.base import Base


def test_an_adapter_for_another_model_is_refused(model: Path, tmp_path: Path) -> None:
    wide = write_adapter(tmp_path / "wide", pairs({"model.layers.0.mlp.up_proj": (24, 18)}))
    with pytest.raises(CannotSplit, match="24 x 18 numbers.*24 x 16"):
        split(wide, model, tmp_path / "parts")
    deep = write_adapter(tmp_path / "deep", pairs({"model.layers.7.mlp.up_proj": (24, 16)}))
    with pytest.raises(CannotSplit, match=r"layers\.7.*another model"):
        split(deep, model, tmp_path / "parts")
    path = whole(write_adapter(tmp_path / "pirate", pairs(every_module())), model, tmp_path / "pirate.gguf")
    with pytest.raises(CannotSplit, match="'llama'.*'qwen2'"):
        split(path, write_model(tmp_path / "other.gguf", "qwen2"), tmp_path / "parts")


def test_a_model_that_is_cut_into_several_files_is_one(tmp_path: Path) -> None:
    model = write_model(tmp_path / "model-00001-of-00002.gguf", files=2)
    weights = pairs(every_module())
    folder = write_adapter(tmp_path / "pirate", weights)
    parts = split(folder, model, tmp_path / "parts")
    assert_alike(added(parts), expected(weights, 2))
    second = tmp_path / "model-00002-of-00002.gguf"
    with pytest.raises(ValueError, match="name the first"):
        split(folder, second, tmp_path / "again")
    second.unlink()
    with pytest.raises(ValueError, match="00002-of-00002.*cannot be read"):
        split(folder, model, tmp_path / "again")


def test_every_weight_of_a_block_has_the_name_that_transformers_gives_it_and_back(model: Path) -> None:
    base = Base.read(model)
    for module in (*every_module(), "model.embed_tokens", "lm_head"):
        assert base.modules[base.tensor_of(module)] == module
    assert base.tensor_of("model.layers.0.mlp.x_proj") == ""


def test_it_tells_its_heads_its_blocks_and_whether_its_embeddings_are_tied(model: Path, tmp_path: Path) -> None:
    base = Base.read(model)
    assert base.layers == LAYERS and base.heads(0, of_keys=False) == HEADS and base.heads(0, of_keys=True) == KEY_HEADS
    assert not base.ties_embeddings and Base.read(write_model(tmp_path / "tied.gguf", tied=True)).ties_embeddings
    assert base.parameters == sum(out * inner for out, inner in base.shapes.values())
