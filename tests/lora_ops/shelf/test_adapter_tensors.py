"""The header of an adapter's weights: its targets, and what it must not get away with."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import tiny
from helpers.adapter_on_disk import MODULE, tensors, written
from peft import LoHaConfig

from lora_mixer.lora_ops.shelf.adapter_files import (
    CONFIG,
    WEIGHTS,
    AdapterFileError,
    read_adapter,
)


def raw(header: Any, body: bytes = b"") -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + body


def test_full_copies_are_told_apart(tmp_path: Path) -> None:
    tiny.pirate(modules_to_save=["lm_head"]).save_pretrained(tmp_path)
    files = read_adapter(tmp_path / "pirate")
    assert files.saved == ("lm_head",) and "lm_head" not in {target.name for target in files.targets}
    assert len(files.targets) == 14 and not files.changes_base


def test_experts_are_targets_of_their_module(tmp_path: Path) -> None:
    tiny.pirate(tiny.gpt_oss(), target_parameters=tiny._EXPERTS).save_pretrained(tmp_path)
    files = read_adapter(tmp_path / "pirate")
    experts = {target.name for target in files.targets if target.parameter}
    assert experts == {
        f"model.layers.{at}.mlp.experts.{name}" for at in (0, 1) for name in ("gate_up_proj", "down_proj")
    }
    assert files.ranks == (4,)


def test_ranks_that_the_weights_gainsay(tmp_path: Path) -> None:
    tiny.pirate(tiny.gpt_oss(), target_parameters=tiny._EXPERTS).save_pretrained(tmp_path / "experts")
    loha = LoHaConfig(r=4, alpha=8, target_modules=["q_proj"], init_weights=False)
    tiny.add(tiny.llama(), loha).save_pretrained(tmp_path / "loha")
    for name in ("experts", "loha"):
        path = tmp_path / name / "pirate" / CONFIG
        path.write_text(json.dumps({**json.loads(path.read_text()), "r": 10**9}))
        with pytest.raises(AdapterFileError, match="r is 1000000000"):
            read_adapter(path.parent)


@pytest.mark.parametrize(
    ("pattern", "alpha"),
    [
        ("q_proj", 8),
        ("self_attn.q_proj", 8),
        (r"^model\.layers\.0\.self_attn\.q_proj", 8),
        (r"^model\.layers\.0\.self_attn\.q_proj$", 8),
        ("^q_proj", 4),
        ("j_proj", 4),
        ("_proj", 4),
    ],
)
def test_patterns_are_read_as_peft_reads_them(tmp_path: Path, pattern: str, alpha: float) -> None:
    from peft.utils.other import get_pattern_key

    files = read_adapter(written(tmp_path, alpha_pattern={pattern: 8}))
    assert files.alphas == (alpha,)
    assert {pattern: 8}.get(get_pattern_key([pattern], MODULE), 4) == alpha


def test_regular_expressions_are_read_as_peft_reads_them(tmp_path: Path) -> None:
    files = read_adapter(written(tmp_path, alpha_pattern={r".*\.layers\.(0|1)\..*": 8}, rank_pattern={"[qk]_proj": 2}))
    assert files.alphas == (8,) and not files.problems


@pytest.mark.parametrize("field", ["rank_pattern", "alpha_pattern"])
def test_a_regular_expression_without_end_is_refused_by_name(tmp_path: Path, field: str) -> None:
    with pytest.raises(AdapterFileError, match=f"{CONFIG}: {field}: .* takes too long"):
        read_adapter(written(tmp_path, **{field: {r"((\w|\.|[a-z])+)+\.(?=[A-Z]).*": 2}}))


def test_weights_of_the_base_model_that_were_saved_along_are_told_apart(tmp_path: Path) -> None:
    name = "base_model.model.model.embed_tokens.weight"
    files = read_adapter(written(tmp_path, weights={**tensors(), name: np.ones((3, 2), dtype=np.float32)}))
    assert files.copies == (name,) and files.parameters == 2 * (32 + 16)


PAIR = {"a": {"dtype": "F32", "shape": [2, 2], "data_offsets": [0, 16]}}


@pytest.mark.parametrize(
    ("weights", "says"),
    [
        (b"", "cut off"),
        (b"12345", "cut off"),
        (struct.pack("<Q", 2**60) + b"{}", "cut off"),
        (raw(PAIR, bytes(8)), "damaged or cut off"),
        (raw(PAIR, bytes(32)), "damaged or cut off"),
        (raw({"a": {"dtype": "F32", "shape": [50_000, 50_000], "data_offsets": [0, 10**10]}}, bytes(8)), "damaged"),
        (raw({"a": {"dtype": "F32", "shape": [2**40, 2**40], "data_offsets": [0, 16]}}, bytes(16)), "damaged"),
        (raw({"a": {"dtype": "F32", "shape": [3, 3], "data_offsets": [0, 16]}}, bytes(16)), "damaged"),
        (raw(b"not json at all"), "damaged"),
        (raw(b"[]"), "damaged"),
        (b"\x80\x04\x95" + bytes(100), "a pickle"),
        (b"PK\x03\x04" + bytes(100), "a zip archive or a pickle"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 49\n", "a Git LFS pointer"),
        (b"\n<!DOCTYPE html>\n<html>", "a web page"),
        (b'{"error": "Repository not found"}', "the answer of a server: 'repository not found'"),
        (b"Entry not found", "a text: 'entry not found'"),
        (b"GGUF" + bytes(100), "a GGUF file"),
    ],
)
def test_weights_that_are_damaged_or_lie(tmp_path: Path, weights: bytes, says: str) -> None:
    with pytest.raises(AdapterFileError, match=says) as refused:
        read_adapter(written(tmp_path, weights=weights))
    assert WEIGHTS in str(refused.value)


def test_a_header_beyond_all_measure_is_not_read(tmp_path: Path) -> None:
    folder = written(tmp_path, weights=b"")
    with (folder / WEIGHTS).open("wb") as file:
        file.write(struct.pack("<Q", 2**30))
        file.truncate(2**31)  # a hole: it takes no room on the disk
    with pytest.raises(AdapterFileError, match="larger than 64 MiB"):
        read_adapter(folder)


@pytest.mark.parametrize(
    ("weights", "says"),
    [
        ({f"base_model.model.{MODULE}.lora_A.weight": np.ones((2, 4))}, "no lora_B"),
        ({f"base_model.model.{MODULE}.lora_B.weight": np.ones((2, 4))}, "no lora_A"),
        ({**tensors(), f"base_model.model.{MODULE}.lora_B.weight": np.ones((4, 3))}, "do not agree"),
        ({f"base_model.model.{MODULE}.lora_A.weight": np.ones((0, 4)), f"base_model.model.{MODULE}.lora_B.weight":
          np.ones((4, 0))}, "rank 0"),
    ],
)  # fmt: skip
def test_pairs_that_are_none(tmp_path: Path, weights: dict[str, Any], says: str) -> None:
    with pytest.raises(AdapterFileError, match=says):
        read_adapter(written(tmp_path, weights=weights))
