"""An adapter's configuration: what it means, and what it cannot be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from helpers.adapter_on_disk import GOOD, written

from lora_mixer.lora_ops.shelf.adapter_config import MOST_CONFIG
from lora_mixer.lora_ops.shelf.adapter_files import (
    CONFIG,
    AdapterFileError,
    read_adapter,
)


def test_a_configuration_is_told_as_peft_takes_it(tmp_path: Path) -> None:
    files = read_adapter(written(tmp_path, peft_type="lora", task_type="causal_lm", rank_pattern=None, own=1))
    assert files.config == {**GOOD, "task_type": "CAUSAL_LM", "own": 1}
    assert [problem for problem in files.problems if "own" in problem]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"init_lora_weights": "pissa_niter_4"}, "pissa"),
        ({"layer_replication": [[0, 2]]}, "layer_replication"),
        ({"bias": "all"}, "bias"),
    ],
)
def test_what_would_change_the_base_model_for_good_is_told(tmp_path: Path, changes: dict[str, Any], says: str) -> None:
    assert says in read_adapter(written(tmp_path, **changes)).changes_base


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"lora_alpha": "sixteen"}, "lora_alpha"),
        ({"lora_alpha": "16"}, "lora_alpha"),
        ({"lora_alpha": True}, "lora_alpha"),
        ({"lora_alpha": None}, "lora_alpha"),
        ({"lora_alpha": float("nan")}, "lora_alpha"),
        ({"r": 0}, "r: "),
        ({"r": -1}, "r: "),
        ({"r": 2.5}, "r: "),
        ({"r": None}, "r is missing"),
        ({"r": 4}, "r gives"),
        ({"r": 10**10}, "r "),
        ({"rank_pattern": {"q_proj": 3}}, "rank_pattern"),
        ({"rank_pattern": {"lm_head": 10**9}}, "rank_pattern"),
        ({"rank_pattern": {"q_proj": 0}}, "rank_pattern"),
        ({"alpha_pattern": {"q_proj": "2"}}, "alpha_pattern"),
        ({"peft_type": None}, "peft_type"),
        ({"peft_type": "../x"}, "peft_type"),
        ({"use_rslora": "yes"}, "use_rslora"),
        ({"target_modules": 3}, "target_modules"),
    ],
)
def test_a_field_that_cannot_be_is_named_with_its_file(tmp_path: Path, changes: dict[str, Any], field: str) -> None:
    with pytest.raises(AdapterFileError) as refused:
        read_adapter(written(tmp_path, **changes))
    assert field in str(refused.value) and str(tmp_path / CONFIG) in str(refused.value)


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ("version https://git-lfs.github.com/spec/v1", "Git LFS"),
        ("<html>", "a web page"),
        ("", "an empty file"),
        ('{"error": "no"}', "the answer of a server"),
        ("{", "not JSON"),
        ("[1]", "no JSON object"),
        ("[" * 100_000, "not JSON"),
        ("1" * 10_000, "not JSON"),
    ],
)
def test_a_configuration_that_is_none(tmp_path: Path, config: str, says: str) -> None:
    with pytest.raises(AdapterFileError, match=says):
        read_adapter(written(tmp_path, config))


def test_a_configuration_of_megabytes(tmp_path: Path) -> None:
    with pytest.raises(AdapterFileError, match="larger than 4 MiB"):
        read_adapter(written(tmp_path, '{"peft_type": "' + "L" * MOST_CONFIG))
