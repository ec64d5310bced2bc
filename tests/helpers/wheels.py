"""The package as others get it: built out of a copy of the tracked files, and installed where nothing else is ours."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
#: No index is asked: what building needs is in the environment of the tests.
_PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
_HERE = ["--no-index", "--no-deps"]


def tracked() -> list[str]:
    """The files of the project, as git knows them."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True).stdout.decode()
    return [name for name in listed.split("\0") if name and (ROOT / name).is_file()]


def copied(to: Path) -> Path:
    """A copy of them: a build leaves things behind, and must not find what other builds left."""
    for name in tracked():
        (to / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, to / name)
    return to


def build_wheel(source: Path, to: Path) -> Path:
    """A wheel of a folder with sources, or of a source distribution."""
    _run([*_PIP, "wheel", *_HERE, "--no-build-isolation", "--wheel-dir", str(to), str(source)])
    [wheel] = to.glob("*.whl")
    return wheel


def build_sdist(source: Path, to: Path) -> Path:
    """The source distribution of a folder with sources."""
    to.mkdir()
    build = f"from setuptools import build_meta; build_meta.build_sdist({str(to)!r})"
    _run([sys.executable, "-c", build], cwd=source)
    [sdist] = to.glob("*.tar.gz")
    return sdist


def packed(wheel: Path) -> set[str]:
    """The package's files in a wheel, as the repository names them."""
    with zipfile.ZipFile(wheel) as file:
        names = [name for name in file.namelist() if not name.partition("/")[0].endswith(".dist-info")]
    assert all(name.startswith("lora_mixer/") for name in names), names
    return {name.removeprefix("lora_mixer/") for name in names}


class Installed:
    """An environment with the wheel in it, which sees the large packages of the environment of the tests."""

    def __init__(self, folder: Path, wheel: Path) -> None:
        self.folder = folder
        _run([sys.executable, "-m", "venv", "--without-pip", str(folder)])
        scripts = folder / ("Scripts" if os.name == "nt" else "bin")
        self.python = scripts / ("python.exe" if os.name == "nt" else "python")
        self.command = scripts / ("lora-mixer.exe" if os.name == "nt" else "lora-mixer")
        _run([*_PIP, "--python", str(self.python), "install", *_HERE, str(wheel)])
        found = self.run(self.python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=folder)
        self.packages = Path(found.stdout.strip())
        # After the environment's own: what is installed there comes first.
        (self.packages / "others.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")

    def env(self) -> dict[str, str]:
        """The surroundings of a user who has this environment alone, with a home of its own."""
        home = self.folder.parent / "home"
        home.mkdir(exist_ok=True)
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "XDG_"))}
        homes = {"HOME": str(home), "USERPROFILE": str(home), "LOCALAPPDATA": str(home / "AppData" / "Local")}
        return {**kept, **homes, "PYTHONUTF8": "1", "PYTHONDONTWRITEBYTECODE": "1", "COLUMNS": "120"}

    def run(self, *command: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
        """What a command says; it must succeed."""
        return _run([str(word) for word in command], cwd=cwd, env=self.env())

    def files(self) -> set[str]:
        """All that lies in the environment."""
        return {str(path.relative_to(self.folder)) for path in self.folder.rglob("*")}


def _run(
    command: list[str], cwd: Path | None = None, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, encoding="utf-8", errors="replace")
    assert done.returncode == 0, f"{command}:\n{done.stdout}\n{done.stderr}"
    return done
