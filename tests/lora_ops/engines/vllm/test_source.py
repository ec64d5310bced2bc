"""Adapters that a server plays, and those that it would play wrongly without a word."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.false_vllm import TARGETS, write_adapter
from safetensors.numpy import save_file

from lora_mixer.lora_ops.engines.vllm.source import CannotServe, Source, check_fits


def test_it_has_the_faders_of_its_targets(tmp_path: Path) -> None:
    source = Source.read("pirate", write_adapter(tmp_path / "pirate", use_rslora=True))
    assert [target.name for target in source.adapter.targets] == TARGETS
    assert source.adapter.rank_stabilised
    assert source.adapter.targets[0].scaling == pytest.approx(4 / 2**0.5)


@pytest.mark.parametrize(
    ("config", "match"),
    [
        ({"bias": "all"}, "bias"),
        ({"init_lora_weights": "olora"}, "olora"),
        ({"alora_invocation_tokens": [1]}, "aLoRA"),
    ],
)
def test_what_the_server_has_no_form_for_is_refused_by_name(tmp_path: Path, config: Any, match: str) -> None:
    with pytest.raises(CannotServe, match=match):
        Source.read("pirate", write_adapter(tmp_path / "pirate", **config))


def test_an_adapter_for_another_model_is_refused(tmp_path: Path) -> None:
    source = Source.read("pirate", write_adapter(tmp_path / "pirate"))
    base = tmp_path / "base"
    base.mkdir()
    check_fits(source, base)  # nothing is known of that
    weights: dict[str, Any] = {f"{name}.weight": np.zeros((8, 8), np.float32) for name in TARGETS}
    save_file(weights, base / "model.safetensors")
    check_fits(source, base)
    save_file({**weights, f"{TARGETS[2]}.weight": np.zeros((8, 9), np.float32)}, base / "model.safetensors")
    with pytest.raises(CannotServe, match=r"layers\.1\.self_attn\.q_proj from 8 to 8"):
        check_fits(source, base)
    save_file({name: one for name, one in weights.items() if ".1." not in name}, base / "model.safetensors")
    with pytest.raises(CannotServe, match="has none"):
        check_fits(source, base)
