"""The bench as a whole: only whole runs are kept, and a measurement that cannot be made keeps nothing."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest

from lora_mixer.bench.report import Goal, Section

bench = importlib.import_module("lora_mixer.bench.__main__")


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a whole run is kept; nothing is really measured."""
    monkeypatch.setattr(bench, "RESULTS", tmp_path / "RESULTS.md")
    monkeypatch.setattr(bench, "busy", lambda: False)
    section = Section("It", "About it.", goals=[Goal("it", "1 x", "1 x", True)])
    monkeypatch.setattr(bench, "_measured", lambda name, shop: section)
    return tmp_path / "RESULTS.md"


def test_every_measurement_is_a_function_that_takes_the_workshop() -> None:
    for name, where in bench.MEASUREMENTS.items():
        module, function = where.split(".")
        found: Any = getattr(importlib.import_module(f"lora_mixer.bench.{module}"), function)
        assert callable(found) and found.__code__.co_argcount == 1, name


def test_a_whole_run_is_kept_and_a_part_only_where_it_is_asked_for(kept: Path, tmp_path: Path) -> None:
    assert bench.main(["find"]) == 0 and not kept.exists()
    assert bench.main(["--quick"]) == 0 and not kept.exists()
    assert bench.main(["find", "--out", str(tmp_path / "part.md")]) == 0
    assert "Not in this run" in (tmp_path / "part.md").read_text()
    assert bench.main([]) == 0 and "| it " in kept.read_text()


def test_a_server_is_measured_where_one_is_named(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    measured: list[str] = []
    section = Section("It", "About it.")

    def measure(name: str, shop: Any) -> Section:
        measured.append(name)
        return section

    monkeypatch.setattr(bench, "_measured", measure)
    monkeypatch.delenv(bench.SERVER, raising=False)
    bench.main(["--quick"])
    assert "vllm" not in measured and "apply" in measured
    monkeypatch.setenv(bench.SERVER, "http://127.0.0.1:8000")
    bench.main(["--quick"])
    assert "vllm" in measured


def test_what_could_not_be_measured_keeps_nothing_and_is_named(
    kept: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    kept.write_text("before")
    monkeypatch.setattr(bench, "_measured", lambda name, shop: None)
    assert bench.main([]) == 1 and kept.read_text() == "before"
    assert "Not measured: apply" in capsys.readouterr().err


def test_a_name_that_is_none_is_refused_with_those_that_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        bench.main(["everything"])
    assert "choose from apply, find" in capsys.readouterr().err
