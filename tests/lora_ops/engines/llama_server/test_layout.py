"""Rows where llama.cpp has them, in every kind of model that is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from helpers.llama_families import FAMILIES, Family
from helpers.llama_parts import added, assert_alike, in_llamas_order
from helpers.tiny_gguf import HEADS, HIDDEN, every_module, pairs, what_a_file_adds, write_adapter, write_model

from lora_mixer.lora_ops import Faders, Mix
from lora_mixer.lora_ops.bakery.gguf import bake_gguf
from lora_mixer.lora_ops.bakery.llama_layout import read_llama_weights
from lora_mixer.lora_ops.engines.llama_server import CannotSplit, split, whole
from lora_mixer.lora_ops.engines.llama_server.base import Base
from lora_mixer.lora_ops.engines.llama_server.layout import KEPT, MOVED, laid_out


@pytest.mark.parametrize("architecture", FAMILIES)
def test_the_parts_of_an_adapter_add_what_peft_adds_to_the_same_rows(tmp_path: Path, architecture: str) -> None:
    family = Family.of(architecture)
    weights = pairs(family.modules)
    model = family.write(tmp_path / "model.gguf")
    folder = write_adapter(tmp_path / "pirate", weights)
    parts = split(folder, model, tmp_path / "parts")
    assert_alike(added(parts), family.added(weights, 2))
    assert {name for part in parts for name in what_a_file_adds(part.path)} == set(family.weights.values())
    # One file of it opens up to the same targets, under the names that they have in transformers.
    opened = split(whole(folder, model, tmp_path / "whole.gguf"), model, tmp_path / "opened")
    assert_alike(added(opened), added(parts))
    # And a mix in one file is each of them at its gain.
    mix = Mix({"pirate": Faders(master=0.5, layers={1: -3.0})})
    baked = what_a_file_adds(bake_gguf([read_llama_weights(folder, model)], mix, tmp_path / "baked.gguf").path)
    for part in parts:
        wanted = mix.gain(part.fader) * added((part,))[part.target]
        np.testing.assert_allclose(baked[family.weights[part.target]], wanted, rtol=1e-4, atol=1e-4)


def test_an_unknown_architecture_is_refused_with_the_way_out(tmp_path: Path) -> None:
    folder = write_adapter(tmp_path / "pirate", pairs(every_module()))
    model = write_model(tmp_path / "model.gguf", "rwkv6")
    with pytest.raises(CannotSplit, match=r"'rwkv6'.*convert_lora_to_gguf"):
        split(folder, model, tmp_path / "parts")


@pytest.mark.parametrize("rank", [1, 3])
def test_only_rows_of_queries_and_keys_move_and_none_is_lost(model: Path, rank: int) -> None:
    base = Base.read(model)
    b = np.arange(HIDDEN * rank, dtype=np.float32).reshape(HIDDEN, rank)
    for tensor in ("blk.0.attn_v.weight", "blk.0.ffn_down.weight", "output.weight"):
        assert laid_out(b, tensor, 0, base) is b
    moved = laid_out(b, "blk.0.attn_q.weight", 0, base)
    assert np.array_equal(moved, in_llamas_order(b, HEADS)) and not np.array_equal(moved, b)
    assert sorted(map(tuple, moved)) == sorted(map(tuple, b))


@pytest.mark.parametrize(
    ("architecture", "tensor", "rows"),
    [("llama", "attn_q", 15), ("gptneox", "attn_qkv", 30), ("falcon", "attn_qkv", 31)],
)
def test_rows_that_no_heads_share_are_refused(tmp_path: Path, architecture: str, tensor: str, rows: int) -> None:
    base = Base.read(write_model(tmp_path / "model.gguf", architecture))
    with pytest.raises(ValueError, match=f"{rows} rows"):
        laid_out(np.zeros((rows, 2), np.float32), f"blk.0.{tensor}.weight", 0, base)


def test_no_architecture_is_said_to_do_both() -> None:
    assert not MOVED.keys() & KEPT
