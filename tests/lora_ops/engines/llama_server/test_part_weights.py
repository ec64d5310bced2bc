"""What is read from the files that a server has loaded: names, scalings, numbers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from helpers.tiny_gguf import every_module, pairs, write_adapter

from lora_mixer.lora_ops.engines.llama_server import split, unsplit, whole
from lora_mixer.lora_ops.engines.llama_server.part_weights import read_part, targets_of


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_adapter(tmp_path / "wide", pairs(every_module()), lora_alpha=12)


def test_a_part_gives_its_target_with_its_numbers_and_scaling(folder: Path, model: Path, tmp_path: Path) -> None:
    parts = split(folder, model, tmp_path / "parts")
    weights = pairs(every_module())
    for part in parts:
        [(target, pair)] = targets_of(part)
        assert (target.name, target.adapter, target.rank, target.scaling) == (part.target, "wide", 4, 3.0)
        a, b = pair.read()
        np.testing.assert_array_equal(a, weights[part.target][0])
        assert sorted(map(tuple, b)) == sorted(map(tuple, weights[part.target][1])), "in llama.cpp's order of rows"


def test_what_a_server_was_started_at_is_as_loaded(folder: Path, model: Path, tmp_path: Path) -> None:
    part = replace(split(folder, model, tmp_path / "parts")[0], start=0.5)
    [(target, pair)] = targets_of(part)
    assert (target.scaling, target.alpha, pair.scaling) == (1.5, 6.0, 3.0)


def test_one_file_for_all_names_its_targets_as_transformers_does(folder: Path, model: Path, tmp_path: Path) -> None:
    part = unsplit(whole(folder, model, tmp_path / "one.gguf"))
    names = [target.name for target, _ in targets_of(part)]
    assert set(names) == set(every_module()) and {target.layer for target, _ in targets_of(part)} == {0, 1}


def test_a_file_that_is_another_by_now_is_refused(folder: Path, model: Path, tmp_path: Path) -> None:
    parts = split(folder, model, tmp_path / "parts")
    with pytest.raises(ValueError, match="split it again"):
        read_part(replace(parts[0], targets=("one", "two")))
    parts[0].path.write_bytes(parts[0].path.read_bytes()[:100])
    with pytest.raises(ValueError, match="cut off"):
        read_part(parts[0])
