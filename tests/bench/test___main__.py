"""The bench as a whole: what is measured takes the place of what was; what cannot be measured is left as it was."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest

from lora_mixer.bench.kept import Kept
from lora_mixer.bench.report import Goal, Section, Table

bench = importlib.import_module("lora_mixer.bench.__main__")


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a whole run is kept; nothing is really measured."""
    monkeypatch.setattr(bench, "RESULTS", tmp_path / "RESULTS.md")
    monkeypatch.setattr(bench, "busy", lambda: False)
    section = Section("It", "About it.", goals=[Goal("it", "1 x", "1 x", True)])
    monkeypatch.setattr(bench, "_measured", lambda name, shop: Kept.of(section, "today", "0.1"))
    return tmp_path / "RESULTS.md"


def test_every_measurement_is_a_function_that_takes_the_workshop() -> None:
    for name, where in bench.MEASUREMENTS.items():
        module, function = where.split(".")
        found: Any = getattr(importlib.import_module(f"lora_mixer.bench.{module}"), function)
        assert callable(found) and found.__code__.co_argcount == 1, name


def test_a_run_is_kept_unless_it_was_quick_and_elsewhere_where_that_is_asked_for(kept: Path, tmp_path: Path) -> None:
    assert bench.main(["--quick"]) == 0 and not kept.exists()
    assert bench.main(["find", "--out", str(tmp_path / "part.md")]) == 0 and not kept.exists()
    assert "Not measured here" in (tmp_path / "part.md").read_text()
    assert bench.main(["find"]) == 0 and "Not measured here" in kept.read_text()
    assert bench.main([]) == 0 and "| it " in kept.read_text()
    assert "## Not measured here\n\nvllm: " in kept.read_text(), "that takes a server"


def test_a_part_from_another_machine_is_not_put_beside_the_rest(
    kept: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bench.main([]) == 0
    before = kept.read_text()
    monkeypatch.setattr(bench, "machine", lambda: Table(("machine", ""), [("processor", "another")], left=2))
    assert bench.main(["find"]) == 1 and kept.read_text() == before
    assert "another machine" in capsys.readouterr().err
    assert bench.main([]) == 0 and "another" in kept.read_text()


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


def test_what_could_not_be_measured_stays_as_it_was_and_is_named(
    kept: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    kept.write_text("before")
    measured = bench._measured
    monkeypatch.setattr(bench, "_measured", lambda name, shop: None)
    assert bench.main([]) == 1 and kept.read_text() == "before"
    assert "Not measured: apply" in capsys.readouterr().err
    kept.unlink()

    # The others took minutes: they are kept.
    monkeypatch.setattr(bench, "_measured", lambda name, shop: None if name == "apply" else measured(name, shop))
    assert bench.main(["apply", "find"]) == 1
    assert "Not measured: apply. What" in capsys.readouterr().err
    assert "## It" in kept.read_text() and "apply" in kept.read_text().partition("## Not measured here")[2]


def test_a_name_that_is_none_is_refused_with_those_that_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        bench.main(["everything"])
    assert "choose from apply, find" in capsys.readouterr().err
