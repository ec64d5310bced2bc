"""What is installed here, in a line: true, and found out without importing any of it."""

from __future__ import annotations

import platform
import sys
from importlib import metadata

import pytest

import lora_mixer
from lora_mixer.lora_ops.versions import PACKAGES, in_a_line, installed


def test_the_versions_are_those_of_what_is_imported() -> None:
    import peft
    import torch
    import transformers

    found = installed()
    assert set(found) <= set(PACKAGES)
    assert (found["peft"], found["transformers"]) == (peft.__version__, transformers.__version__)
    assert torch.__version__.startswith(found["torch"].partition("+")[0])


def test_the_line_names_all_of_them() -> None:
    line = in_a_line()
    assert line.startswith(f"LoRA Mixer {lora_mixer.__version__}, Python {platform.python_version()}, ")
    assert all(f"{name} {version}" in line for name, version in installed().items()) and "\n" not in line


def test_what_is_missing_is_left_out_and_nothing_is_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    real = metadata.version

    def version(name: str) -> str:
        if name == "peft":
            raise metadata.PackageNotFoundError(name)
        return real(name)

    monkeypatch.setattr(metadata, "version", version)
    for name in ("torch", "gradio"):
        monkeypatch.setitem(sys.modules, name, None)  # whoever imports it now fails
    assert "peft" not in installed() and "torch" in installed() and " peft " not in in_a_line()
