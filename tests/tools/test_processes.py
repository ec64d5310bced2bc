"""Child processes: what they say is passed on, and none outlives its parent."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from lora_mixer.tools.processes import OFFLINE, clean_env, ended, run_shown


def test_what_a_child_says_is_shown_and_its_end_is_kept(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    code = "import sys; print('begun', flush=True); sys.stderr.write('ü done\\n'); sys.exit(3)"
    status, said = run_shown([sys.executable, "-c", code], tmp_path)
    assert status == 3 and said.split() == ["begun", "ü", "done"] == capfd.readouterr().out.split()


def test_it_runs_without_anybody_elses_packages_and_looks_nothing_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", "/elsewhere")
    env = clean_env()
    assert "PYTHONPATH" not in env and OFFLINE.items() <= env.items() and env["PYTHONNOUSERSITE"] == "1"
    assert clean_env({"HF_HUB_OFFLINE": "0"})["HF_HUB_OFFLINE"] == "0"


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_a_child_ends_with_its_block_however_that_ends(error: type[BaseException]) -> None:
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    with pytest.raises(error), ended(process):
        raise error
    assert process.returncode is not None
