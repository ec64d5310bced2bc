"""The command line as a whole: its help, and how it is started."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from helpers.command_line import answer

from lora_mixer.cli import main
from lora_mixer.cli.exits import DONE, FAILED

ROOT = Path(__file__).resolve().parents[2]


def test_help_is_there_for_all_commands(capsys: pytest.CaptureFixture[str]):
    for command in ("inspect", "bake", "combine", "merge", "split", "loudness", "impact", "spectrum", "resize"):
        assert command in answer(capsys, "--help")
        assert "Example" in answer(capsys, command, "--help")


@pytest.mark.parametrize("how", ["module", "folder"])
def test_it_starts_as_a_module_and_as_a_folder_of_any_name(how: str, tmp_path: Path):
    """Help comes without torch: it is there at once."""
    done = a_process(how, tmp_path, "--help", PYTHONPROFILEIMPORTTIME="1")
    assert done.returncode == DONE and "inspect" in done.stdout
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time:")}
    assert "typer.main" in imported and not imported & {"torch", "transformers", "peft", "gradio"}


def test_it_works_as_a_folder_of_any_name(tmp_path: Path, shelf: Path):
    done = a_process("folder", tmp_path, "inspect", str(shelf / "loras" / "poet"), "--json")
    assert json.loads(done.stdout)[0]["name"] == "poet"


def a_process(how: str, home: Path, *argv: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The command line in a process of its own: as a module, or as a folder that is called something else."""
    folder = home / ("lora_mixer" if how == "module" else "some-clone 2")
    folder.symlink_to(ROOT)
    start = ["-m", "lora_mixer"] if how == "module" else [str(folder)]
    env = {**os.environ, "PYTHONPATH": str(home), **environment}
    return subprocess.run(
        [sys.executable, *start, *argv], env=env, cwd=home, capture_output=True, text=True, timeout=120
    )


def test_without_its_packages_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch, capsys: Any):
    monkeypatch.setitem(sys.modules, "rich", None)
    assert main(["--help"]) == FAILED
    assert "requirements.txt" in capsys.readouterr().err
