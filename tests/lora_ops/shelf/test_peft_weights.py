"""The weights of an adapter as PEFT reads them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from helpers import tiny
from helpers.as_saved import played, renamed, saved, tied

from lora_mixer.lora_ops.engines.peft.loading import LoadingError, change_adapters
from lora_mixer.lora_ops.shelf.adapter_files import read_adapter


def test_what_was_mended_is_told(tmp_path: Path) -> None:
    folder = renamed(saved(tmp_path), r"^base_model\.model\.(.*)\.weight$", r"_orig_mod.\1.default.weight")
    problems = " ".join(read_adapter(folder).problems)
    assert "'default' was left in" in problems and "_orig_mod" in problems and "prefix base_model.model." in problems


@pytest.mark.parametrize(
    ("base", "config"),
    [(tiny.llama, {}), (tied, {}), (tied, {"ensure_weight_tying": True}), (tiny.llama, {"use_dora": True})],
    ids=["plain", "tied", "tied alike", "DoRA"],
)
def test_two_adapters_on_the_embeddings_load_beside_each_other(tmp_path: Path, base: Any, config: Any) -> None:
    config = {"target_modules": ["embed_tokens", "lm_head", "q_proj"], **config}
    one, two = saved(tmp_path / "1", base(), **config), saved(tmp_path / "2", base(), **config, lora_alpha=3)
    assert read_adapter(one).copies
    model = change_adapters(base(), {"one": one})
    model = change_adapters(model, {"two": two}, keep=["one"])
    alone = tiny.logits(change_adapters(model, {}, keep=["two"]))
    torch.testing.assert_close(alone, played(base(), two), atol=1e-5, rtol=1e-5)
    assert torch.equal(tiny.logits(change_adapters(model, {})), tiny.logits(base()))


@pytest.mark.parametrize(
    "config", [{"modules_to_save": ["lm_head"]}, {"trainable_token_indices": [3, 4]}], ids=["copies", "tokens"]
)
def test_two_copies_of_one_module_are_refused_by_name(tmp_path: Path, config: Any) -> None:
    one, two = saved(tmp_path / "1", **config), saved(tmp_path / "2", **config)
    model = change_adapters(tiny.llama(), {"one": one})
    with pytest.raises(LoadingError, match="one and two each bring weights of their own for"):
        change_adapters(model, {"two": two}, keep=["one"])
    torch.testing.assert_close(tiny.logits(model), played(tiny.llama(), one))
