"""Rows where llama.cpp has them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from helpers.llama_parts import added, assert_alike, expected, in_llamas_order
from helpers.tiny_gguf import HEADS, HIDDEN, every_module, pairs, write_adapter, write_model

from lora_mixer.lora_ops.engines.llama_server import CannotSplit, split
from lora_mixer.lora_ops.engines.llama_server.base import Base
from lora_mixer.lora_ops.engines.llama_server.layout import KEPT, PERMUTED, laid_out


def test_an_architecture_that_keeps_its_rows_keeps_them(tmp_path: Path) -> None:
    weights = pairs(every_module())
    model = write_model(tmp_path / "model.gguf", "qwen2")
    parts = split(write_adapter(tmp_path / "pirate", weights), model, tmp_path / "parts")
    assert_alike(added(parts), expected(weights, 2, permuted=False))


def test_an_unknown_architecture_is_refused_with_the_way_out(tmp_path: Path) -> None:
    folder = write_adapter(tmp_path / "pirate", pairs(every_module()))
    model = write_model(tmp_path / "model.gguf", "falcon")
    with pytest.raises(CannotSplit, match=r"'falcon'.*convert_lora_to_gguf"):
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


def test_rows_that_no_heads_share_are_refused(model: Path) -> None:
    with pytest.raises(ValueError, match="15 rows"):
        laid_out(np.zeros((15, 2), np.float32), "blk.0.attn_q.weight", 0, Base.read(model))


def test_no_architecture_is_said_to_do_both() -> None:
    assert not PERMUTED & KEPT
