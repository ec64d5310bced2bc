"""The targets that a file adapts: ranks, alphas and scalings as PEFT reads them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import tiny
from helpers.adapter_on_disk import MODULE, tensors, written
from peft import LoHaConfig

from lora_mixer.lora_ops.shelf.adapter_files import CONFIG, AdapterFileError, read_adapter


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
