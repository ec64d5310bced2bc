"""What is kept of runs: the newest of each measurement, on one machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from lora_mixer.bench.kept import AnotherMachine, Kept, Results
from lora_mixer.bench.report import Goal, Table

ORDER = ["find", "apply", "columns"]


def one(title: str, begun: str = "today") -> Kept:
    return Kept(f"## {title}\n\nAbout it.", "1.0", begun, "0.2", (Goal(f"goal of {title}", "1 x", "2 x", False),))


def machine(processor: str = "a processor") -> Table:
    return Table(("machine", ""), [("processor", processor)], left=2)


def test_what_is_measured_anew_takes_the_place_of_what_was_and_the_rest_stays(tmp_path: Path) -> None:
    results = Results(tmp_path / "RESULTS.md", ORDER)
    results.keep({name: one(name, "yesterday") for name in ORDER}, machine())
    results.keep({"apply": one("apply, anew")}, machine())
    text = results.path.read_text()
    assert text.index("## find") < text.index("## apply, anew") < text.index("## columns")
    assert "\n## apply\n" not in text and "| goal of apply, anew |" in text and "| goal of apply " not in text
    assert (
        text.count("Begun yesterday with") == 2
        and text.count("Begun today with LoRA Mixer 1.0, at a load of 0.2.") == 1
    )


def test_measurements_come_in_their_order_whatever_was_run_first(tmp_path: Path) -> None:
    results = Results(tmp_path / "RESULTS.md", ORDER)
    results.keep({"columns": one("columns")}, machine())
    results.keep({"find": one("find")}, machine())
    text = results.path.read_text()
    assert text.index("## find") < text.index("## columns") < text.index("apply: `python3 run.py bench NAME")


def test_a_measurement_that_is_no_more_is_forgotten(tmp_path: Path) -> None:
    path = tmp_path / "RESULTS.md"
    Results(path, [*ORDER, "old"]).keep({"old": one("old"), "find": one("find")}, machine())
    Results(path, ORDER).keep({"apply": one("apply")}, machine())
    assert "## old" not in path.read_text() and "## find" in path.read_text()


def test_numbers_of_two_machines_never_stand_side_by_side(tmp_path: Path) -> None:
    results = Results(tmp_path / "RESULTS.md", ORDER)
    results.keep({"find": one("find")}, machine())
    before = results.path.read_text(), results.data.read_text()
    with pytest.raises(AnotherMachine, match=r"processor a processor.*--out"):
        results.keep({"apply": one("apply")}, machine("another"))
    assert (results.path.read_text(), results.data.read_text()) == before
    results.keep({name: one(name) for name in ORDER}, machine("another"))
    assert "another" in results.path.read_text()
