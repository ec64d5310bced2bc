"""Many desks on one server, as the bench tells of it."""

from __future__ import annotations

from pathlib import Path

from lora_mixer.bench.many_desks import measure
from lora_mixer.bench.workshop import Workshop


def test_a_quick_run_tells_of_every_server_what_a_move_costs_and_how_long_desks_wait(tmp_path: Path) -> None:
    section = measure(Workshop(True, tmp_path))
    costs, waits = section.tables
    assert "for 2 minutes" in section.about and len(costs.rows) == 4
    assert {row[0] for row in waits.rows} == {row[0] for row in costs.rows}
    assert all(len(row) == len(waits.head) for row in waits.rows)
    assert "simulated" in section.title.lower()
