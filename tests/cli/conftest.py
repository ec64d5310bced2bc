"""What every command is tried on."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers import tiny

KINDS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny model on disk, and two adapters for it."""
    folder = tmp_path_factory.mktemp("shelf")
    tiny.llama().save_pretrained(folder / "model")
    tiny.tokenizer().save_pretrained(folder / "model")
    model = tiny.pirate(target_modules=KINDS)
    model = tiny.add(model, tiny.lora(r=2, lora_alpha=2, target_modules=["q_proj", "v_proj"], use_rslora=True), "poet")
    model.save_pretrained(folder / "loras")
    return folder
