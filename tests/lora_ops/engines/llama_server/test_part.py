"""What is written beside parts about them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from helpers.tiny_gguf import SHAPES, every_module, pairs, write_adapter

from lora_mixer.lora_ops.engines.llama_server import read_parts, split
from lora_mixer.lora_ops.engines.llama_server.part import adapters_of, parts_at, source_of


def test_a_list_of_parts_that_is_damaged_says_so(model: Path, tmp_path: Path) -> None:
    folder = write_adapter(tmp_path / "pirate", pairs({"model.layers.0.mlp.up_proj": SHAPES["mlp.up_proj"]}))
    (part,) = split(folder, model, tmp_path / "parts")
    part.path.unlink()
    with pytest.raises(ValueError, match="lacks"):
        read_parts(tmp_path / "parts")
    (tmp_path / "parts" / "parts.json").write_text(json.dumps({"version": 1}))
    with pytest.raises(ValueError, match="split the adapter again"):
        read_parts(tmp_path / "parts")
    with pytest.raises(ValueError, match="split it first"):
        read_parts(tmp_path)


def test_parts_are_known_again_by_their_paths_wherever_their_folder_went(model: Path, tmp_path: Path) -> None:
    parts = split(write_adapter(tmp_path / "pirate", pairs(every_module())), model, tmp_path / "parts")
    (tmp_path / "parts").rename(tmp_path / "moved")
    moved = read_parts(tmp_path / "moved")
    assert [replace(part, path=Path(part.path.name)) for part in moved] == [
        replace(part, path=Path(part.path.name)) for part in parts
    ]
    assert parts_at([str(part.path) for part in reversed(moved)]) == moved[::-1]
    assert source_of(tmp_path / "moved") == tmp_path / "pirate" and source_of(tmp_path) is None


def test_the_faders_of_an_adapter_stand_as_its_model_has_them_and_none_stands_twice(
    model: Path, tmp_path: Path
) -> None:
    parts = split(write_adapter(tmp_path / "pirate", pairs(every_module())), model, tmp_path / "parts")
    adapter = adapters_of(parts[::-1])["pirate"]
    assert [target.name for target in adapter.targets] == list(every_module())
    assert adapter.parameters == sum(part.parameters for part in parts)
    with pytest.raises(ValueError, match="split twice"):
        adapters_of([*parts, parts[0]])
