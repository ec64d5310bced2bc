"""Parts of the bench in processes of their own: they answer, or say why not, and none is left."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from lora_mixer.bench import child


@pytest.fixture
def says(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Has the process run some code instead of a part of the bench."""

    def with_code(code: str) -> None:
        monkeypatch.setattr(child, "command", lambda module, *argv: [sys.executable, "-c", code, *argv])

    return with_code


def test_what_it_says_is_the_answer_and_what_it_complains_of_the_error(says: Any) -> None:
    says("import sys; print(sys.argv[1])")
    assert child.answer("part", "7").strip() == "7"
    says("raise SystemExit('out of luck')")
    with pytest.raises(RuntimeError, match=r"bench\.part ended with 1:\nout of luck"):
        child.answer("part")


def test_it_runs_as_long_as_the_block(says: Any, tmp_path: Path) -> None:
    says("import time; print('up', flush=True); time.sleep(600)")
    with (tmp_path / "log").open("w") as log, child.running("part", log=log) as process:
        assert process.poll() is None
    assert process.returncode is not None


def test_a_part_is_found_by_its_name_in_this_very_environment() -> None:
    python, run, *rest = child.command("child", "x")
    assert (python, rest) == (sys.executable, ["--inside", "bench.child", "x"]) and Path(run).is_file()
    assert 0 < child.free_port() < 65536
