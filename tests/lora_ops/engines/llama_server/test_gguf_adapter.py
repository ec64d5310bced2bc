"""Adapters that are GGUF files already."""

from __future__ import annotations

from pathlib import Path

from helpers.tiny_gguf import every_module, pairs, write_adapter

from lora_mixer.lora_ops.engines.llama_server import split, unsplit, whole


def test_a_gguf_adapter_splits_into_the_same_parts(model: Path, tmp_path: Path) -> None:
    folder = write_adapter(tmp_path / "pirate", pairs(every_module()))
    parts = split(folder, model, tmp_path / "parts")
    path = whole(folder, model, tmp_path / "pirate.gguf")
    again = split(path, model, tmp_path / "again")
    assert [part.target for part in again] == [part.target for part in parts]
    assert [part.path.read_bytes() for part in again] == [part.path.read_bytes() for part in parts]
    one = unsplit(path)
    assert one.adapter == "pirate" and one.scaling == 2 and len(one.targets) == len(parts)
