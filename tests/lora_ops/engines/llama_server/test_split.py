"""Adapters in parts: what they add, and what cannot be split."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.llama_parts import added, assert_alike, expected
from helpers.tiny_gguf import (
    HIDDEN,
    LAYERS,
    SHAPES,
    WORDS,
    every_module,
    pairs,
    what_a_file_adds,
    write_adapter,
    write_model,
)

from lora_mixer.lora_ops.engines.llama_server import CannotSplit, read_parts, split, whole


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_each_part_adds_what_peft_adds_at_its_target(model: Path, tmp_path: Path, dtype: Any) -> None:
    weights = pairs(every_module(), dtype=dtype)
    parts = split(write_adapter(tmp_path / "pirate", weights), model, tmp_path / "parts")
    assert_alike(added(parts), expected(weights, 8 / 4))
    assert [part.adapter for part in parts] == ["pirate"] * len(weights) and len(parts) == LAYERS * len(SHAPES)
    assert {part.target for part in parts} == set(weights) and all(part.path.is_file() for part in parts)
    assert {(part.layer, part.kind) for part in parts} >= {(0, "q_proj"), (1, "down_proj")}
    assert read_parts(tmp_path / "parts") == parts


def test_a_silent_target_is_silent_and_not_as_loud_as_it_can_be(model: Path, tmp_path: Path) -> None:
    # llama.cpp takes an alpha of 0 for none, and adds B A as it is.
    weights = pairs({"model.layers.0.mlp.up_proj": SHAPES["mlp.up_proj"]})
    (part,) = split(write_adapter(tmp_path / "pirate", weights, lora_alpha=0), model, tmp_path / "parts")
    ((_, one),) = what_a_file_adds(part.path).items()
    assert not one.any()


def test_embeddings_are_split_where_llama_cpp_plays_them(model: Path, tmp_path: Path) -> None:
    a, b = pairs({"x": (HIDDEN, WORDS)})["x"]
    folder = write_adapter(tmp_path / "pirate", {"model.embed_tokens": (a, b)})
    (part,) = split(folder, model, tmp_path / "parts")
    import gguf

    tensors = {tensor.name: tensor.data for tensor in gguf.GGUFReader(part.path).tensors}
    assert np.array_equal(tensors["token_embd.weight.lora_a"], a.T)
    assert np.array_equal(tensors["token_embd.weight.lora_b"], b)
    with pytest.raises(CannotSplit, match="uses its embeddings as its last layer too"):
        split(folder, write_model(tmp_path / "tied.gguf", tied=True), tmp_path / "tied")
    last = write_adapter(tmp_path / "last", pairs({"lm_head": (WORDS, HIDDEN)}))
    with pytest.raises(CannotSplit, match="has its embeddings there once more"):
        split(last, tmp_path / "tied.gguf", tmp_path / "tied")


def test_where_a_command_line_is_short_a_part_holds_a_kind_in_a_band_of_layers(model: Path, tmp_path: Path) -> None:
    weights = pairs(every_module())
    folder = write_adapter(tmp_path / "pirate", weights)
    fine = split(folder, model, tmp_path / "fine")
    longest = sum(len(str(part.path)) + 1 for part in fine)
    assert len(split(folder, model, tmp_path / "fits", longest=longest)) == len(fine)
    coarse = split(folder, model, tmp_path / "coarse", longest=longest * 2 // 3)
    assert sum(len(str(part.path)) + 1 for part in coarse) <= longest * 2 // 3
    assert {part.target for part in coarse} == {f"model.layers.0-1.{name}" for name in SHAPES}
    assert sorted(name for part in coarse for name in part.targets) == sorted(weights)
    found = {name: one for part in coarse for name, one in what_a_file_adds(part.path).items()}
    assert found.keys() == what_a_file_adds(whole(folder, model, tmp_path / "whole.gguf")).keys()
    with pytest.raises(CannotSplit, match="characters on the command line"):
        split(folder, model, tmp_path / "none", longest=20)
    assert not (tmp_path / "none").exists()


def test_a_disk_without_room_is_named_and_nothing_left(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import gguf

    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    folder = write_adapter(tmp_path / "pirate", pairs(every_module()))
    monkeypatch.setattr(gguf.GGUFWriter, "write_tensors_to_file", full)
    for write, out in ((split, tmp_path / "parts"), (whole, tmp_path / "pirate.gguf")):
        with pytest.raises(OSError, match="disk is full"):
            write(folder, model, out)
    assert {path.name for path in tmp_path.iterdir()} == {"pirate", "model.gguf"}


def test_what_is_there_is_left_alone_unless_it_may_be_replaced(model: Path, tmp_path: Path) -> None:
    folder = write_adapter(tmp_path / "pirate", pairs({"model.layers.0.mlp.up_proj": SHAPES["mlp.up_proj"]}))
    out = tmp_path / "parts"
    out.mkdir()
    split(folder, model, out)
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    (out / "mine.txt").write_text("mine")
    with pytest.raises(FileExistsError):
        split(folder, model, out)
    assert {path.name for path in out.iterdir()} == {*before, "mine.txt"}
    split(folder, model, out, overwrite=True)
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before
    with pytest.raises(FileExistsError):
        whole(folder, model, next(iter(out.glob("*.gguf"))))
