"""A page over one adapter, whose log is kept."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers import tiny
from helpers.shelved import opened, shelf_host

from lora_mixer.lora_ops import log
from lora_mixer.ui.page.studio import Studio


@pytest.fixture
def console(tmp_path: Path) -> Iterator[Studio]:
    console = opened(shelf_host(tmp_path, tiny.pirate()))
    log.keep(console.host.user_data)
    yield console
    log.keep(None)
