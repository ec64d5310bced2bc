"""Packages that only some features need: told politely where they are missing, and no other error taken for that."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import pytest

from lora_mixer.lora_ops import optional_packages
from lora_mixer.lora_ops.optional_packages import MissingPackage, how_to_install, needed


def test_what_is_there_is_handed_out() -> None:
    import json.decoder

    assert needed("json.decoder") is json.decoder


@pytest.mark.parametrize("module", ["a_package_of_nobody", "a_package_of_nobody.inside", "json.a_part_of_nobody"])
def test_a_missing_package_is_named_with_what_needs_it_and_how_to_get_it(module: str) -> None:
    with pytest.raises(MissingPackage) as missing:
        needed(module, "drawing charts")
    package = module.partition(".")[0]
    assert str(missing.value).startswith(f"drawing charts needs the package {package}, which is not installed")
    assert f"{optional_packages.how_to_install(package)}`, and start again" in str(missing.value)


def test_the_command_is_for_the_python_that_runs_and_brings_all_that_is_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    requirements = Path(optional_packages.__file__).parents[1].resolve() / "requirements.txt"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "portable env" / "python3"))
    command = shlex.split(how_to_install("gguf"))
    assert command == [str(Path("portable env", "python3")), "-m", "pip", "install", "-r", str(requirements)]
    assert shlex.split(how_to_install("scipy"))[4:] == ["scipy", "-r", str(requirements)], "which is not in that list"
    monkeypatch.setattr(optional_packages, "_REQUIREMENTS", tmp_path / "requirements.txt")
    assert how_to_install("gguf").endswith("-m pip install gguf"), "an installed wheel has no such list"


@pytest.mark.parametrize("content", ["import a_package_of_nobody", "raise ImportError('half installed')", "1 / 0"])
def test_a_package_that_is_there_and_broken_is_not_called_missing(
    content: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken_inside_here.py").write_text(content)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises((ImportError, ZeroDivisionError)) as broken:
        needed("broken_inside_here")
    assert not isinstance(broken.value, MissingPackage)
    assert "broken_inside_here" not in sys.modules
