"""Full weights that come with an adapter: one alone may bring them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from helpers import tiny
from helpers.baked import BOTH
from safetensors import safe_open

from lora_mixer.lora_ops import Desk, Mix
from lora_mixer.lora_ops.bakery.combine import concatenate
from lora_mixer.lora_ops.bakery.writing import Writing


def test_full_modules_of_one_are_kept_and_of_two_refused(tmp_path: Path):
    model = tiny.pirate(target_modules=["q_proj"], modules_to_save=["lm_head"])
    model = tiny.add(model, tiny.lora(r=2, target_modules=["v_proj"]), "poet")
    result = concatenate(Desk(model), Mix(), BOTH, tmp_path, "one", writing=Writing(check=False))
    assert json.loads((result.folder / "adapter_config.json").read_text())["modules_to_save"] == ["lm_head"]
    with safe_open(str(result.folder / "adapter_model.safetensors"), "pt") as file:
        assert "base_model.model.lm_head.weight" in file.keys()  # noqa: SIM118
    again = tiny.pirate(target_modules=["q_proj"], modules_to_save=["lm_head"])
    again.add_adapter("poet", tiny.lora(target_modules=["q_proj"], modules_to_save=["lm_head"]))
    with pytest.raises(ValueError, match="only one can be kept"):
        concatenate(Desk(again), Mix(), BOTH, tmp_path, "two")
