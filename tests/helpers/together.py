"""Several processes that write in one place at once.

python together.py notes|profiles|folder HOME NAME COUNT     waits for a line on its input, and prints JSON
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import conftest  # noqa: F401 # makes the package

from lora_mixer.lora_ops.files import folder_aside
from lora_mixer.lora_ops.profile import Profile, ProfileError
from lora_mixer.lora_ops.profiles import Profiles
from lora_mixer.lora_ops.shelf.notes import ShelfNotes


def notes(home: Path, name: str, count: int) -> list[str]:
    for at in range(count):
        ShelfNotes(home / "shelf.json").describe(f"{name}-{at}", f"by {name}", ["all", name])
    return [f"{name}-{at}" for at in range(count)]


def profiles(home: Path, name: str, count: int) -> list[str]:
    """The names under which this process was told that its profile is saved."""
    saved = []
    for at in range(count):
        try:
            Profiles(home / "profiles").save(Profile(name=f"take {at}", note=name))
        except ProfileError as error:
            assert "already" in str(error), error
        else:
            saved.append(f"take {at}")
    return saved


def folder(home: Path, name: str, count: int) -> list[str]:
    for at in range(count):
        with folder_aside(home / "pirate", overwrite=True) as aside:
            for part in ("one", "two"):
                (aside / part).write_text(f"{name}-{at}")
    return []


def under_way(home: Path) -> subprocess.Popen[str]:
    """A process that writes a folder, and goes on when it is told to."""
    code = f"""
import conftest
from pathlib import Path
from lora_mixer.lora_ops.files import folder_aside
with folder_aside(Path({str(home)!r}) / "pirate", overwrite=True) as aside:
    (aside / "one").write_text("new")
    print("writing", flush=True)
    input()
    (aside / "two").write_text("new")
"""
    here = str(Path(__file__).parents[1])
    process = subprocess.Popen(
        [sys.executable, "-c", code], cwd=here, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None and process.stdout.readline() == "writing\n"
    return process


def at_once(what: str, home: Path, names: str, count: int) -> dict[str, Any]:
    """What each of several processes said that did the same at once."""
    started = {
        name: subprocess.Popen(
            [sys.executable, "-m", "helpers.together", what, str(home), name, str(count)],
            cwd=Path(__file__).parents[1],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for name in names
    }
    for process in started.values():
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
    for process in started.values():
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    said = {name: process.communicate(timeout=120)[0] for name, process in started.items()}
    assert not any(process.returncode for process in started.values())
    return {name: json.loads(text) for name, text in said.items()}


if __name__ == "__main__":
    print("ready", flush=True)
    input()
    todo = {"notes": notes, "profiles": profiles, "folder": folder}[sys.argv[1]]
    print(json.dumps(todo(Path(sys.argv[2]), sys.argv[3], int(sys.argv[4]))))
