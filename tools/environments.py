"""The virtual environments, made when they are needed: the oldest and the newest supported set, and that of the docs.

They live in ``.venvs/``, one for each set and Python. Nothing outside of that folder changes; deleting it starts over.
"""

import contextlib
import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from .install import LLAMA, MODEL, PACKAGES, TOOLS, TORCH, TORCH_OVERRIDE, install, requirements, run_step, torch_pin
from .processes import SetupError, say

ROOT = Path(__file__).resolve().parent.parent
VENVS = ROOT / ".venvs"
OLDEST, NEWEST, DOCS = "oldest", "newest", "docs"
# A set has no ready-made packages for a Python that came after it.
LAST_PYTHON = {OLDEST: (3, 13), NEWEST: (3, 14), DOCS: (3, 14)}
SIZE = {OLDEST: "2 GB", NEWEST: "2 GB", DOCS: "150 MB"}
DISK_NEEDED_GB = 3


def prepare(name: str, *, tools: bool) -> Path:
    """The Python of the environment ``name`` ("oldest", "newest" or "docs"), installed first if need be.

    An environment's state file says from what each of its layers was installed. It is taken away before anything
    changes and written at the end, so that an interrupted set-up is never mistaken for a finished one: without it,
    or when a list in ``requirements/`` has changed, the environment is made anew. Raises SetupError.
    """
    base, version = find_python(name)
    folder = VENVS / f"{name}-py{version}"
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    state_file = folder / "state.json"
    with alone(VENVS / f"{folder.name}.lock"):
        state = read_state(state_file) if python.exists() else {}
        torch = os.environ.get(TORCH_OVERRIDE) or state.get("torch", "")
        layers = [PACKAGES] if name == DOCS else [TORCH, PACKAGES, MODEL, LLAMA, *([TOOLS] if tools else [])]
        wanted = {layer: fingerprint(name, layer, torch) for layer in layers}
        if any(state.get(layer, mark) != mark for layer, mark in wanted.items()):
            state = {}
        missing = [layer for layer in layers if layer not in state]
        if not missing:
            return python
        started = time.monotonic()
        say(f"Setting up .venvs/{folder.name} (about {SIZE[name]}; the next start goes straight on)")
        check_disk()
        log = VENVS / f"{folder.name}.log"
        log.unlink(missing_ok=True)
        state_file.unlink(missing_ok=True)
        if not state:
            run_step("environment", [str(base), "-m", "venv", "--clear", str(folder)], log)
        for layer in missing:
            install(layer, name, python, torch, log)
        state_file.write_text(json.dumps({**state, **wanted, "torch": torch}, indent=1), encoding="utf-8")
        say(f"  ready after {time.monotonic() - started:.0f} s")
    return python


def prepare_docs() -> Path:
    """The Python of an environment with what the docs need, which sees all of the newest set behind its own.

    Raises SetupError.
    """
    newest, python = prepare(NEWEST, tools=False), prepare(DOCS, tools=False)
    ask = [str(newest), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    others = subprocess.run(ask, check=True, capture_output=True, text=True).stdout
    ask[0] = str(python)
    own = Path(subprocess.run(ask, check=True, capture_output=True, text=True).stdout.strip())
    (own / "newest.pth").write_text(others, encoding="utf-8")
    return python


def find_python(name: str) -> tuple[Path, str]:
    """An interpreter that the set ``name`` can be installed for, and its version: ours, if it will do."""
    ours, last = sys.version_info[:2], LAST_PYTHON[name]
    if ours <= last:
        check_venv_module()
        return Path(sys.executable), f"{ours[0]}.{ours[1]}"
    for minor in range(last[1], 9, -1):
        command = ["py", f"-3.{minor}"] if os.name == "nt" else [f"python3.{minor}"]
        probe = [*command, "-c", "import ensurepip, venv, sys; print(sys.executable)"]
        with contextlib.suppress(OSError, subprocess.CalledProcessError):
            found = subprocess.run(probe, check=True, capture_output=True, text=True).stdout.strip()
            return Path(found), f"3.{minor}"
    raise SetupError(
        f"The {name} set of packages exists for Python 3.10 to {last[0]}.{last[1]}. This is {ours[0]}.{ours[1]}, "
        "and none of those was found beside it. Install one of them"
        + (", or leave this set out: run.py test --new" if name == OLDEST else ".")
    )


def check_venv_module() -> None:
    """Debian and Ubuntu install Python with only half of its own module ``venv``."""
    if importlib.util.find_spec("venv") is None or importlib.util.find_spec("ensurepip") is None:
        raise SetupError(
            "This Python comes without the module 'venv' (or the 'ensurepip' that it needs).\n"
            f"On Debian and Ubuntu: sudo apt install python3.{sys.version_info[1]}-venv\n"
            "Elsewhere: install Python from https://www.python.org/downloads/"
        )


def check_disk() -> None:
    free = shutil.disk_usage(VENVS).free / 1e9
    if free < DISK_NEEDED_GB:
        raise SetupError(f"{DISK_NEEDED_GB} GB of disk are needed at {VENVS}, and {free:.1f} GB are free.")


def read_state(path: Path) -> dict[str, str]:
    try:
        state = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return state if isinstance(state, dict) else {}


def fingerprint(name: str, layer: str, torch: str) -> str:
    """What a layer is installed from, as a hash: another value means that it has to be installed again."""
    lines = requirements(name, layer).read_text(encoding="utf-8").splitlines()
    wanted = [torch_pin(name), torch] if layer == TORCH else [line.partition("#")[0].strip() for line in lines]
    return hashlib.sha256("\n".join(filter(None, wanted)).encode()).hexdigest()


@contextlib.contextmanager
def alone(path: Path) -> Iterator[None]:
    """Only one run.py at a time sets up an environment, by a lock that ends with its process, however that ends.

    Where a child can inherit the lock it does: a pip that outlives a killed run.py keeps the next one waiting.
    """
    path.parent.mkdir(exist_ok=True)
    with path.open("a") as file:
        os.set_inheritable(file.fileno(), True)
        waiting = False
        while not locked(file.fileno()):
            if not waiting:
                say(f"Another run.py is setting up .venvs/{path.stem}; waiting for it.")
            waiting = True
            time.sleep(1)
        yield


def locked(file_number: int) -> bool:
    """Lock an open file for this process; False while another one has it."""
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(file_number, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file_number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    except OSError:
        return True  # a file system without locks: nothing to wait for
    return True
