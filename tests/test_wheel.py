"""The wheel holds all that runs and nothing else, and what is installed from it works in any folder."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tarfile
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers import wheels
from helpers.shelved import shelve
from helpers.standalone_tiny import tokenizer
from safetensors.torch import load_file
from standin.textgen_model import save_adapter, tiny_model

import lora_mixer

#: For those who work on it. At the top of the repository modules alone are in the package.
WORKSHOP = ("tests/", "bench/", "tools/", "docs/", "requirements/", "user_data/", ".")
DOORS = ("run.py", "setup.py")


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return wheels.copied(tmp_path_factory.mktemp("source") / "any name will do")


@pytest.fixture(scope="module")
def sdist(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return wheels.build_sdist(source, tmp_path_factory.mktemp("sdist") / "dist")


@pytest.fixture(scope="module")
def wheel(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return wheels.build_wheel(source, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> wheels.Installed:
    return wheels.Installed(tmp_path_factory.mktemp("installed") / "env", wheel)


def belongs(name: str) -> bool:
    """Whether a tracked file is part of what runs."""
    if "/" not in name:
        return name == "py.typed" or (name.endswith(".py") and name not in DOORS)
    return not name.startswith(WORKSHOP)


def test_the_wheel_holds_the_tracked_files_that_run_and_no_others(wheel: Path):
    wanted = {name for name in wheels.tracked() if belongs(name)}
    assert wheels.packed(wheel) == wanted
    kinds = {Path(name).suffix for name in wanted}
    assert {".py", ".js", ".css", ".html", ".mako", ".safetensors", ".typed"} <= kinds


def test_a_room_that_is_new_is_found_by_itself(source: Path, tmp_path: Path):
    fresh = wheels.copied(tmp_path / "fresh")
    names = {"ui/attic/__init__.py", "ui/attic/attic.js", "lora_ops/engines/steam/boiler.py", "newroom/__init__.py"}
    for name in names:
        (fresh / name).parent.mkdir(parents=True, exist_ok=True)
        (fresh / name).write_text("", encoding="utf-8")
    left = [fresh / "ui/__pycache__/gone.cpython-311.pyc", fresh / "build/lib/lora_mixer/ui/gone.py"]
    for path in (*left, fresh / "node_modules/x/index.js", fresh / "user_data/votes.sqlite"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("", encoding="utf-8")
    new = wheels.packed(wheels.build_wheel(fresh, tmp_path / "dist")) - {n for n in wheels.tracked() if belongs(n)}
    assert new == names


def test_the_source_distribution_makes_the_same_wheel(sdist: Path, wheel: Path, tmp_path: Path):
    assert wheels.packed(wheels.build_wheel(sdist, tmp_path)) == wheels.packed(wheel)
    with tarfile.open(sdist) as file:
        names = {name.partition("/")[2] for name in file.getnames()}
    assert {"README.md", "LICENSE", "CHANGELOG.md", "requirements.txt", "pyproject.toml", "setup.py"} <= names


def test_all_that_knows_the_version_knows_the_same(installed: wheels.Installed, wheel: Path, tmp_path: Path):
    assert wheel.name.startswith(f"lora_mixer-{lora_mixer.__version__}-py3")
    asked = (
        "import lora_mixer as it, importlib.metadata as m; print(it.__version__, m.version('lora-mixer'), it.__file__)"
    )
    own, told, path = installed.run(installed.python, "-c", asked, cwd=tmp_path).stdout.strip().split(" ", 2)
    assert own == told == lora_mixer.__version__
    assert Path(path).is_relative_to(installed.packages)
    assert own in installed.run(installed.command, "--version", cwd=tmp_path).stdout


def test_what_is_installed_inspects_and_bakes_in_any_folder(installed: wheels.Installed, tmp_path: Path):
    shelve(tmp_path / "loras" / "pirate", r=4, lora_alpha=8)
    before = installed.files()
    told = installed.run(installed.command, "inspect", "loras/pirate", "--json", cwd=tmp_path).stdout
    [one] = json.loads(told)
    assert (one["name"], one["ranks"], one["alphas"]) == ("pirate", [4], [8])
    installed.run(installed.command, "bake", "loras/pirate", "--gain", "0.5", "--out", "softer", cwd=tmp_path)
    loud, soft = (load_file(tmp_path / name / "adapter_model.safetensors") for name in ("loras/pirate", "softer"))
    assert loud.keys() == soft.keys() and any("lora_B" in name for name in loud)
    made = json.loads((tmp_path / "softer" / "adapter_config.json").read_text(encoding="utf-8"))
    for name in (name for name in loud if "lora_B" in name):
        other = name.replace("lora_B", "lora_A")
        whole = 2.0 * loud[name] @ loud[other]
        half = made["lora_alpha"] / made["r"] * soft[name] @ soft[other]
        assert (half - 0.5 * whole).abs().max() <= 1e-6 * whole.abs().max()
    assert installed.files() == before, "nothing is written beside the code"


@pytest.fixture
def page(installed: wheels.Installed, tmp_path: Path) -> Iterator[str]:
    """The address of the demo's page, run from what is installed, on a tiny model."""
    base = tiny_model()
    base.save_pretrained(tmp_path / "model")
    tokenizer().save_pretrained(tmp_path / "model")
    save_adapter(tmp_path / "pirate")
    command = [installed.command, "demo", "--model", "model", "--lora", "pirate", "--no-browser"]
    process = subprocess.Popen(
        [str(word) for word in command], cwd=tmp_path, env={**installed.env(), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", errors="replace",
    )  # fmt: skip
    said: list[str] = []
    try:
        assert process.stdout is not None
        for line in process.stdout:
            said.append(line)
            if "is at http" in line:
                url = line.split("is at ")[1].split()[0]
            if "is ready" in line:
                break
        assert "is ready" in said[-1], "".join(said)
        yield url
        if os.name != "nt":
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 0
    finally:
        process.kill()
        process.communicate()


def test_what_is_installed_shows_the_page_and_keeps_its_data_at_home(installed: wheels.Installed, page: str):
    open_it = urllib.request.build_opener(urllib.request.ProxyHandler({})).open
    with open_it(page, timeout=60) as answer:
        text = answer.read().decode("utf-8")
    assert answer.status == 200 and "LoRA Mixer" in text
    assert "lora-mixer-desk" in text and "loraMixerPage" in text, "the extension and its script are on the page"
    asked = "from lora_mixer.hosts.standalone import app as it; print(*it.folders(it.ROOT), sep='|')"
    kept = installed.run(installed.python, "-c", asked, cwd=installed.folder).stdout.strip().split("|")
    home = installed.folder.parent / "home"
    assert all(Path(folder).is_relative_to(home) for folder in kept)
