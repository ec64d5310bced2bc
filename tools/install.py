"""Installing one layer of an environment with pip, and showing that it goes on."""

import contextlib
import re
import shlex
import shutil
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Sequence
from pathlib import Path

from .processes import SetupError, clean_env, ended, say

LISTS = Path(__file__).resolve().parent.parent / "requirements"
# What can be installed into an environment, in this order.
TORCH, PACKAGES, MODEL, LLAMA, TOOLS = "PyTorch", "packages", "demo model", "llama.cpp", "test tools"
TORCH_CPU_INDEX = "https://download.pytorch.org/whl/cpu"
TORCH_OVERRIDE = "LORA_MIXER_TORCH"
# Compiling all that is installed takes longer than compiling what is used, at its first use.
PIP_OPTIONS = ("--no-compile", "--no-input", "--progress-bar", "off")
# A person's own settings would lead pip out of the environment.
PIP_ENV = {"PIP_USER": "0", "PIP_TARGET": "", "PIP_PREFIX": "", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
# What pip does, as opposed to what it remarks: the lines that are worth showing while it works.
DOING = ("Collecting", "Downloading", "Using cached", "Building", "Installing", "Attempting", "WARNING: Retrying")
NETWORK_SIGNS = ("Retrying", "ConnectionError", "NewConnectionError", "Name or service", "getaddrinfo", "timed out")


def requirements(name: str, layer: str) -> Path:
    """The list in ``requirements/`` from which a layer of the environment ``name`` is installed."""
    return LISTS / {MODEL: "model.txt", LLAMA: "llama.txt", TOOLS: "tools.txt"}.get(layer, f"{name}.txt")


def install(layer: str, name: str, python: Path, torch: str, log: Path) -> None:
    """Install one layer with the environment's own pip; no layer may move what the environment's list pins.

    ``torch`` holds pip's arguments for another PyTorch, or nothing. Raises SetupError.
    """
    pip = [str(python), "-m", "pip", "install", *PIP_OPTIONS]
    listed = requirements(name, layer)
    if layer == TORCH:
        install_torch(pip, shlex.split(torch), torch_pin(name), log)
    elif layer == MODEL:
        run_step(layer, [*pip, "--no-deps", "-r", str(listed)], log)
    else:
        run_step(layer, [*pip, "-r", str(listed), "-c", str(requirements(name, PACKAGES))], log)


def torch_pin(name: str) -> str:
    """The line of the environment's list that pins PyTorch, which is installed before the rest."""
    listed = requirements(name, TORCH)
    pin = re.search(r"^torch==\S+", listed.read_text(encoding="utf-8"), re.MULTILINE)
    if not pin:
        raise SetupError(f"{listed} pins no torch")
    return pin[0]


def install_torch(pip: list[str], override: list[str], pin: str, log: Path) -> None:
    """PyTorch in its CPU build: for Linux that has an index of its own, the usual one serves gigabytes of CUDA."""
    if override:
        return run_step(TORCH, [*pip, *override], log)
    if sys.platform == "linux" and reachable(f"{TORCH_CPU_INDEX}/torch/"):
        try:
            return run_step(TORCH, [*pip, f"{pin}+cpu", "--extra-index-url", TORCH_CPU_INDEX], log)
        except SetupError:
            say("  The CPU build could not be had; taking the usual one.")
    try:
        run_step(TORCH, [*pip, pin], log)
    except SetupError as error:
        if "could not be reached" in str(error):
            raise
        raise SetupError(
            f"{error}\nIf there is no {pin} for this machine (Macs with Intel processors have none) or this Python "
            f"({sys.version.split()[0]}), name another one:\n  {TORCH_OVERRIDE}='torch==... --index-url ...'"
        ) from None


def reachable(url: str, seconds: float = 4) -> bool:
    """Whether an address answers in time. In a thread, as looking up a name heeds no time limit."""
    answers: list[int] = []

    def ask() -> None:
        with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=seconds) as answer:
            answers.append(answer.status)

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(seconds)
    return answers == [200]


def run_step(title: str, command: Sequence[str], log: Path) -> None:
    """Run one step of a set-up, showing the time and what it last said; all of it is kept in ``log``.

    Raises SetupError, with the last lines and a likely cause, when the step fails.
    """
    started, said = time.monotonic(), list[str]()
    pipe, out = subprocess.PIPE, subprocess.STDOUT
    process = subprocess.Popen(
        command,
        stdout=pipe,
        stderr=out,
        env=clean_env(PIP_ENV),
        encoding="utf-8",
        errors="replace",
        close_fds=False,  # the lock on the environment goes along
    )

    def listen() -> None:
        assert process.stdout
        with log.open("a", encoding="utf-8") as file:
            for line in filter(str.strip, process.stdout):
                file.write(line)
                said.append(line.strip())

    reader = threading.Thread(target=listen)
    reader.start()
    with ended(process):
        show_progress(title, process, started, said)
    reader.join()
    if process.returncode:
        raise SetupError(why_failed(title, said, log))


def show_progress(title: str, process: subprocess.Popen[str], started: float, said: list[str]) -> None:
    """One line: rewritten every second on a terminal, else a new one now and then, so that nothing looks hung."""
    terminal = sys.stdout.isatty()
    every, begin, end = (1, "\r", "") if terminal else (10, "", "\n")
    width = shutil.get_terminal_size().columns - 1 if terminal else 100
    while True:
        running = process.poll() is None
        doing = next((line for line in reversed(said) if line.startswith(DOING)), "...")
        now = doing if running else "failed" if process.returncode else "done"
        text = f"  {title:<12} {time.monotonic() - started:4.0f} s  {now}"[:width]
        print(begin + text.ljust(width if terminal else 0), end=end if running else "\n", flush=True)
        if not running:
            return
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(every)


def why_failed(title: str, said: Sequence[str], log: Path) -> str:
    """What a failed step said last, and what it most likely means."""
    hint = ""
    if any(sign in line for line in said for sign in NETWORK_SIGNS):
        hint = (
            "\nThe package index could not be reached. The first start needs the internet; behind a proxy, "
            "set HTTPS_PROXY, and for an index of your own, PIP_INDEX_URL. Then run the same command again."
        )
    elif any("No space left" in line for line in said):
        hint = "\nThe disk is full."
    last = "\n".join(f"  | {line[:200]}" for line in said[-12:])
    return f"The set-up failed at: {title}\n{last}\n(all that it said is in {log}){hint}"
