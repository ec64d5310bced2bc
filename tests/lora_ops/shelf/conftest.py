"""A shelf with a little of everything."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.adapter_on_disk import written


@pytest.fixture
def loras(tmp_path: Path) -> Path:
    folder = tmp_path / "loras"
    written(folder / "pirate", base_model_name_or_path="some/model")
    written(folder / "Butler")
    for step in (100, 20, 3):
        written(folder / "run" / f"checkpoint-{step}")
    written(folder / "pirate" / "checkpoint-7")
    (folder / ".pirate.x.part").mkdir()
    (folder / "put-loras-here.txt").touch()
    return folder
