"""Kills a process at every step of a write, and looks what is there then.

    python killing.py CASE HOME     prints JSON: of each kill, what was there when somebody looked, and what lay about

It runs on its own, with one thread, since it forks.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import conftest  # noqa: F401 # makes the package

from lora_mixer.lora_ops.files import folder_aside, put_right
from lora_mixer.lora_ops.mix import Faders, Mix
from lora_mixer.lora_ops.profile import Profile
from lora_mixer.lora_ops.profiles import Profiles
from lora_mixer.lora_ops.shelf.notes import ShelfNotes

#: What Python tells of what it asks the system to do to files.
STEPS = {
    "open",
    "os.rename",
    "os.mkdir",
    "os.remove",
    "os.rmdir",
    "os.chmod",
    "os.truncate",
    "os.listdir",
    "os.scandir",
}
STEPS |= {"shutil.rmtree", "fcntl.flock", "os.link", "os.symlink"}
#: A write that takes more steps than this never ends.
MOST = 500


def put(home: Path, text: str) -> None:
    with folder_aside(home / "pirate", overwrite=True) as aside:
        (aside / "one").write_text(text)
        (aside / "two").write_text(text)


def folder(home: Path) -> Any:
    put_right(home)
    there = home / "pirate"
    return {path.name: path.read_text() for path in there.iterdir()} if there.exists() else None


def profile(name: str, note: str) -> Profile:
    return Profile(name=name, note=note, mix=Mix({"pirate": Faders(master=0.5)}))


def profiles(home: Path) -> Any:
    return {one.name: one.note for one in Profiles(home / "profiles").list()}


def notes(home: Path) -> Any:
    written = ShelfNotes(home / "shelf.json").look()
    return [written.notes, written.collections]


def save(home: Path, note: str, name: str = "quiet") -> None:
    Profiles(home / "profiles").save(profile(name, note), overwrite=True)


Step = Callable[[Path], Any]
#: What stands before, the write, and how to look.
CASES: dict[str, tuple[Step, Step, Step]] = {
    "overwritten": (lambda home: put(home, "old"), lambda home: put(home, "new"), folder),
    "first": (lambda home: None, lambda home: put(home, "new"), folder),
    "profile": (lambda home: save(home, "old"), lambda home: save(home, "new"), profiles),
    "capitals": (lambda home: save(home, "old"), lambda home: save(home, "new", "QUIET"), profiles),
    "renamed": (
        lambda home: save(home, "old"),
        lambda home: Profiles(home / "profiles").rename("quiet", "loud"),
        profiles,
    ),
    "notes": (
        lambda home: ShelfNotes(home / "shelf.json").describe("pirate", "old", ["a"]),
        lambda home: ShelfNotes(home / "shelf.json").describe("pirate", "new", ["b"]),
        notes,
    ),
}


def killed_at(step: int, write: Callable[[], Any]) -> bool:
    """Does a write in a process of its own, and kills that before this step; whether it was killed."""
    child = os.fork()
    if child == 0:
        done = 0

        def hook(event: str, _: Any) -> None:
            nonlocal done
            done += event in STEPS
            if done == step:
                os._exit(9)

        sys.addaudithook(hook)
        write()
        os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code in (0, 9), code
    return code == 9


def main(case: str, home: Path) -> None:
    before, write, look = CASES[case]
    seen = []
    for step in range(1, MOST):
        place = home / str(step)
        place.mkdir(parents=True)
        before(place)
        killed = killed_at(step, lambda place=place: write(place))  # type: ignore[misc]
        there = look(place)
        about = sorted(str(path.relative_to(place)) for path in place.rglob("*") if path.is_file())
        seen.append({"step": step, "killed": killed, "there": there, "about": about})
        if not killed:
            break
    print(json.dumps(seen))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
