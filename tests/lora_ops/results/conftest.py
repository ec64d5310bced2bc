"""A file of records."""

from __future__ import annotations

from pathlib import Path

import pytest

from lora_mixer.lora_ops import Records


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a folder of 100%" / "records.sqlite"


@pytest.fixture
def records(path: Path) -> Records:
    return Records(path)
