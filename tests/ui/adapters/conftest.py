"""A page over a shelf of four adapters, none of them loaded."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.shelved import opened, shelf_host, shelve

from lora_mixer.ui.page.studio import Studio


@pytest.fixture
def console(tmp_path: Path) -> Studio:
    loras = tmp_path / "loras"
    shelve(loras / "poet", r=2)
    shelve(loras / "butler", r=8, lora_alpha=16, target_modules=["q_proj", "v_proj"])
    for step in (20, 100):
        shelve(loras / "run" / f"checkpoint-{step}")
    return opened(shelf_host(tmp_path))
