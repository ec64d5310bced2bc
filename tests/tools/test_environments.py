"""Environments are made once, made anew when a list has changed, and never taken for finished when they are not."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lora_mixer.tools import environments
from lora_mixer.tools.environments import NEWEST, OLDEST, alone, find_python, fingerprint, prepare, read_state
from lora_mixer.tools.install import PACKAGES, TOOLS, TORCH
from lora_mixer.tools.processes import SetupError


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Layers that were installed, one after the other; nothing really is."""
    done: list[str] = []
    monkeypatch.setattr(environments, "VENVS", tmp_path)
    monkeypatch.setattr(environments, "find_python", lambda name: (Path(sys.executable), "3.11"))

    def venv(title: str, command: list[str], log: Path) -> None:
        python = Path(command[-1]) / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
        python.parent.mkdir(parents=True, exist_ok=True)
        python.touch()
        done.append(title)

    monkeypatch.setattr(environments, "run_step", venv)
    monkeypatch.setattr(environments, "install", lambda layer, *_: done.append(layer))
    return done


def test_it_is_set_up_once_and_each_layer_when_it_is_needed(installed: list[str]) -> None:
    python = prepare(NEWEST, tools=False)
    assert installed[:3] == ["environment", TORCH, PACKAGES] and TOOLS not in installed
    before = list(installed)
    assert prepare(NEWEST, tools=False) == python and installed == before
    prepare(NEWEST, tools=True)
    assert installed == [*before, TOOLS]


def test_another_list_and_an_interrupted_set_up_begin_anew(
    installed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare(NEWEST, tools=False)
    monkeypatch.setattr(environments, "fingerprint", lambda name, layer, torch: f"another {layer}")
    installed.clear()

    def breaks(layer: str, *_: Any) -> None:
        if layer == PACKAGES:
            raise SetupError("no network")

    with monkeypatch.context() as patched:
        patched.setattr(environments, "install", breaks)
        with pytest.raises(SetupError):
            prepare(NEWEST, tools=False)
    assert installed == ["environment"]
    prepare(NEWEST, tools=False)
    assert installed.count("environment") == 2, "half of one is none"


@pytest.mark.parametrize("text", ["", "nonsense", "[1]", '"x"'])
def test_a_state_that_cannot_be_read_is_none(text: str, tmp_path: Path) -> None:
    (tmp_path / "state.json").write_text(text)
    assert read_state(tmp_path / "state.json") == read_state(tmp_path / "nowhere") == {}


def test_a_comment_in_a_list_changes_nothing_and_a_pin_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listed = tmp_path / "list.txt"
    monkeypatch.setattr(environments, "requirements", lambda name, layer: listed)
    listed.write_text("a==1\n")
    first = fingerprint(NEWEST, PACKAGES, "")
    listed.write_text("# why\n\na==1  # here\n")
    assert fingerprint(NEWEST, PACKAGES, "") == first
    listed.write_text("a==2\n")
    assert fingerprint(NEWEST, PACKAGES, "") != first


def test_only_one_at_a_time_sets_up_and_its_lock_ends_with_its_process(tmp_path: Path) -> None:
    lock = tmp_path / "x.lock"
    code = (
        "import sys; from pathlib import Path; sys.path.insert(0, sys.argv[1]); from tools.environments import locked\n"
        "with open(sys.argv[2], 'a') as file: print(locked(file.fileno()))"
    )
    command = [sys.executable, "-c", code, str(environments.ROOT), str(lock)]

    def other_gets_it() -> str:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    with alone(lock):
        assert other_gets_it() == "False"
    assert other_gets_it() == "True"


def test_a_python_that_a_set_is_too_old_for_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environments, "LAST_PYTHON", {OLDEST: (3, 9)})
    with pytest.raises(SetupError, match="leave this set out: run.py test --new"):
        find_python(OLDEST)


def test_too_full_a_disk_is_told_before_anything_is_downloaded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(environments, "VENVS", tmp_path)
    monkeypatch.setattr(environments, "DISK_NEEDED_GB", 10**9)
    with pytest.raises(SetupError, match="are free"):
        environments.check_disk()
