"""Whether a module is there already: asked without importing it, and without waiting for whoever does."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

import pytest

from lora_mixer.lora_ops.imported import imported


def test_what_is_there_is_handed_out_and_what_is_not_stays_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "not_asked_for_yet.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    assert imported("sys") is sys
    assert imported("not_asked_for_yet") is None and "not_asked_for_yet" not in sys.modules
    monkeypatch.setitem(sys.modules, "kept_out_here", None)
    assert imported("kept_out_here") is None


def test_a_module_that_another_thread_is_half_through_is_not_there_yet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go_on = threading.Event(), threading.Event()
    gate = type(sys)("gate_of_a_slow_module")
    gate.begun, gate.go_on = begun, go_on  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, gate.__name__, gate)
    (tmp_path / "slow_to_import.py").write_text(
        "from gate_of_a_slow_module import begun, go_on\nbegun.set()\ngo_on.wait(60)\nwhole = True\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    thread = threading.Thread(target=__import__, args=("slow_to_import",))
    thread.start()
    try:
        assert begun.wait(60) and "slow_to_import" in sys.modules
        assert imported("slow_to_import") is None
    finally:
        go_on.set()
        thread.join()
    module = imported("slow_to_import")
    del sys.modules["slow_to_import"]
    assert module is not None and module.whole
