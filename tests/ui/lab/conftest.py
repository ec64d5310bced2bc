"""A page over a shelf of adapters, for the tests of its lab."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.shelved import opened, shelf_host
from helpers.tiny import pirate

from lora_mixer.ui.page.studio import Studio


@pytest.fixture
def console(tmp_path: Path) -> Studio:
    return opened(shelf_host(tmp_path, pirate()))
