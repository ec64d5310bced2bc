"""What a run ran on is told with all that its numbers hang on."""

from __future__ import annotations

import os

import pytest

from lora_mixer.bench.machine import busy, machine


def test_versions_processor_and_threads_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_WAIT_POLICY", "PASSIVE")
    told = {row[0]: row[1] for row in machine().rows}
    assert "torch 2" in told["versions"]
    assert f"{os.cpu_count()} cores" in told["processor"] and "OpenMP waits passive" in told["torch's threads"]


@pytest.mark.parametrize(("load", "told"), [(0.0, False), (0.1, False), (1.0, True)])
def test_a_machine_that_has_other_things_to_do_is_busy(
    load: float, told: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "getloadavg", lambda: (load * (os.cpu_count() or 1), 0, 0), raising=False)
    assert busy() is told
    monkeypatch.delattr(os, "getloadavg")
    assert not busy(), "what is not known counts as no"
