"""GGUF files that are something else, cut off, or made to do harm."""

from __future__ import annotations

import struct
from pathlib import Path

import gguf
import pytest
from helpers.tiny_gguf import SHAPES, every_module, pairs, write_adapter

from lora_mixer.lora_ops.engines.llama_server import split, whole
from lora_mixer.lora_ops.engines.llama_server.gguf_file import looks_like_gguf, read_gguf


def test_files_that_are_something_else_are_refused_in_words(model: Path, tmp_path: Path) -> None:
    folder = write_adapter(tmp_path / "pirate", pairs(every_module()))
    path = whole(folder, model, tmp_path / "pirate.gguf")
    with pytest.raises(ValueError, match="is a model, not an adapter"):
        split(model, model, tmp_path / "parts")
    with pytest.raises(ValueError, match="is an adapter, not a model"):
        split(folder, path, tmp_path / "parts")
    (tmp_path / "text.gguf").write_text("once upon a time")
    with pytest.raises(ValueError, match="no GGUF file"):
        split(tmp_path / "text.gguf", model, tmp_path / "parts")
    with pytest.raises(ValueError, match="no GGUF file"):
        split(folder, tmp_path / "text.gguf", tmp_path / "parts")
    with pytest.raises(ValueError, match="cannot be read"):
        split(folder, tmp_path / "nowhere.gguf", tmp_path / "parts")
    assert not (tmp_path / "parts").exists()


def test_a_file_that_is_cut_off_anywhere_is_refused_in_words(model: Path, tmp_path: Path) -> None:
    folder = write_adapter(tmp_path / "pirate", pairs({"model.layers.0.mlp.up_proj": SHAPES["mlp.up_proj"]}))
    path = whole(folder, model, tmp_path / "pirate.gguf")
    data = path.read_bytes()
    for length in [4, 7, 20, *range(24, len(data), 61), len(data) - 32]:
        (tmp_path / "cut.gguf").write_bytes(data[:length])
        with pytest.raises(ValueError, match="cut off|damaged|no GGUF file"):
            split(tmp_path / "cut.gguf", model, tmp_path / "parts")
    weights = folder / "adapter_model.safetensors"
    whole_file = weights.read_bytes()
    for length in range(0, len(whole_file), 97):
        weights.write_bytes(whole_file[:length])
        with pytest.raises(ValueError):
            split(folder, model, tmp_path / "parts")
    assert not (tmp_path / "parts").exists()


def test_a_header_that_claims_a_world_takes_no_memory(model: Path, tmp_path: Path) -> None:
    for claims in [(2**63, 0), (0, 2**63), (1, 0)]:
        path = tmp_path / "evil.gguf"
        path.write_bytes(b"GGUF" + struct.pack("<IQQ", 3, *claims) + struct.pack("<Q", 2**62) + b"x" * 64)
        with pytest.raises(ValueError, match="damaged|cut off"):
            split(path, model, tmp_path / "parts")


def test_a_header_says_what_llama_cpps_own_package_reads(model: Path) -> None:
    ours, theirs = read_gguf(model), gguf.GGUFReader(model)
    assert ours.architecture == "llama" and ours.type == "model" and looks_like_gguf(model)
    for tensor in theirs.tensors:
        own = ours.tensors[tensor.name]
        assert (own.start, own.size, own.kind) == (tensor.data_offset, tensor.n_bytes, tensor.tensor_type.name)
        assert own.shape == tuple(int(size) for size in tensor.shape[::-1])
    assert len(ours.tensors) == len(theirs.tensors)
    assert ours.fields["llama.block_count"] == theirs.fields["llama.block_count"].contents()
    # A vocabulary is passed over: nobody needs it, and it is most of the header.
    assert "tokenizer.ggml.tokens" in theirs.fields and "tokenizer.ggml.tokens" not in ours.fields
