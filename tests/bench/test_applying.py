"""Another setting for 210 targets: every way of the bench takes effect, on the real model."""

from __future__ import annotations

from pathlib import Path

import pytest

from lora_mixer.bench import applying
from lora_mixer.bench.workshop import Workshop


@pytest.mark.slow
def test_every_way_is_timed_and_the_desk_is_the_measure(tmp_path: Path) -> None:
    section = applying.measure(Workshop(True, tmp_path))
    (table,) = section.tables
    assert table.rows[0][:2] == (applying.APPLY, "1.00 (1.00 \u2013 1.00)")
    assert {row[0] for row in table.rows} >= {applying.MESSAGE, applying.WALK, applying.RELOAD}
    assert len(section.goals) == 2
