"""Several runs at once: how each ended, and that a person can still read what they say."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest

from lora_mixer.tools.side_by_side import room, run_side_by_side


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def test_each_ends_as_it_ends_and_all_its_words_are_kept(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    ran = run_side_by_side(
        {"good": python("print('well')"), "bad": python("print('oh'); raise SystemExit(3)")}, tmp_path
    )
    assert [(name, one.code, one.output.strip()) for name, one in ran.items()] == [
        ("good", 0, "well"),
        ("bad", 3, "oh"),
    ]
    shown = capfd.readouterr().out
    assert "good  well" in shown and "bad   oh" in shown


def test_they_run_at_the_same_time(tmp_path: Path) -> None:
    # Each waits for the file that the other one makes: one after the other they would never end.
    wait = "import pathlib, time; pathlib.Path({0!r}).touch()\nwhile not pathlib.Path({1!r}).exists(): time.sleep(0.01)"
    ran = run_side_by_side({"a": python(wait.format("a", "b")), "b": python(wait.format("b", "a"))}, tmp_path)
    assert [one.code for one in ran.values()] == [0, 0]


def test_a_report_is_shown_in_one_piece(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    report = ["=== FAILURES ===", "first", "second", "=== 1 failed in 0.1s ==="]
    slowly = f"import time\nfor line in {report!r}: print(line, flush=True); time.sleep(0.1)"
    chatty = "import time\nfor n in range(5): print('dot', n, flush=True); time.sleep(0.1)"
    run_side_by_side({"slow": python(slowly), "chatty": python(chatty)}, tmp_path)
    assert "\n".join(report) in capfd.readouterr().out


def test_none_outlives_an_interruption(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(thread: object) -> None:
        raise KeyboardInterrupt

    begun = time.monotonic()
    monkeypatch.setattr("threading.Thread.join", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run_side_by_side({"long": python("import time; time.sleep(60)")}, tmp_path)
    assert time.monotonic() - begun < 30


@pytest.mark.parametrize("runs", [0, 1, 2, 1000])
def test_every_run_has_at_least_one_thread(runs: int) -> None:
    assert int(room(runs)["OMP_NUM_THREADS"]) >= 1
