"""A new adapter before it is written."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from helpers import tiny
from safetensors import safe_open

from lora_mixer.lora_ops import Desk, Faders, Mix
from lora_mixer.lora_ops.bakery.bake import bake
from lora_mixer.lora_ops.bakery.writing import Writing


def test_numbers_that_the_type_cannot_hold_are_refused(tmp_path: Path):
    model = tiny.pirate().half()
    with pytest.raises(ValueError, match="too large for torch.float16"):
        bake(Desk(model), Mix({"pirate": Faders(master=1e6)}), "pirate", tmp_path, "out", writing=Writing(check=False))
    assert list(tmp_path.iterdir()) == []


def test_another_type_can_be_asked_for(tmp_path: Path):
    baked = bake(Desk(tiny.pirate()), Mix(), "pirate", tmp_path, "out", writing=Writing(dtype=torch.float16))
    assert baked.greatest_difference is not None and 0 < baked.greatest_difference < 0.5
    with safe_open(str(baked.folder / "adapter_model.safetensors"), "pt") as file:
        assert {file.get_tensor(key).dtype for key in file.keys()} == {torch.float16}  # noqa: SIM118
