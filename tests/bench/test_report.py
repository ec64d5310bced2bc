"""What was measured, as tables that people read and that are whole under their name."""

from __future__ import annotations

from pathlib import Path

import pytest

from lora_mixer.bench.clock import Series
from lora_mixer.bench.report import Goal, Section, Table, duration, goals_table, ratio, write


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ((0.0000111,), "11.1 µs (once)"),
        ((0.0031, 0.0031), "3.10 ms (3.10 – 3.10)"),
        ((1.0, 2.0, 3.0), "2.00 s (1.20 – 2.80)"),
        ((1234.5,), "1,234 s (once)"),
        ((0.0,), "0.00 µs (once)"),
    ],
)
def test_a_time_is_told_in_the_unit_that_suits_it(values: tuple[float, ...], told: str) -> None:
    assert duration(Series(values)) == told


def test_a_ratio_is_told_with_its_spread() -> None:
    assert ratio(Series((1.0, 1.0, 4.0))) == "1.00 (1.00 – 3.40)"


def test_every_line_of_a_table_has_the_same_cells_at_the_same_places() -> None:
    lines = Table(("what", "time"), [("a", "1 s"), ("longer than that", "10 ms")]).markdown().splitlines()
    assert len({len(line) for line in lines}) == 1 and {line.count("|") for line in lines} == {3}
    assert lines[1].endswith("-: |") and lines[2].endswith("  1 s |")


def test_a_goal_that_was_missed_stands_out() -> None:
    goals = [Goal("a", "1.0 x", "1.0 x", True), Goal("b", "1.0 x", "2.0 x", False)]
    told = goals_table(goals).markdown()
    assert "| yes" in told and "**no**" in told
    text = Section("Title", "About.", [goals_table(goals)], goals, ["A note."]).markdown()
    assert text.startswith("## Title\n\nAbout.\n\n|") and text.endswith("A note.")


def test_a_file_is_whole_or_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "RESULTS.md"
    write(path, "first\n")

    def full(*_: object) -> None:
        raise OSError("the disk is full")

    with monkeypatch.context() as patched, pytest.raises(OSError):
        patched.setattr(Path, "replace", full)
        write(path, "second\n")
    assert path.read_text() == "first\n" and list(tmp_path.iterdir()) == [path]
