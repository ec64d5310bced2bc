"""What a run ran on: numbers from elsewhere are not comparable without it."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from .report import Table

_PACKAGES = ("torch", "transformers", "peft", "gradio", "playwright")


def machine() -> Table:
    """Processor, system and versions."""
    import torch

    waits = os.environ.get("OMP_WAIT_POLICY", "")
    rows = [
        ("processor", f"{_processor()}, {os.cpu_count()} cores"),
        ("torch's threads", f"{torch.get_num_threads()}{', OpenMP waits ' + waits.lower() if waits else ''}"),
        ("system", f"{platform.system()} {platform.release()} ({platform.machine()})"),
        ("Python", platform.python_version()),
        ("versions", ", ".join(f"{name} {_version(name)}" for name in _PACKAGES)),
    ]
    if memory := _memory():
        rows.insert(1, ("memory", memory))
    return Table(("machine", ""), rows, left=2)


def load() -> str:
    """How many programs wanted to compute over the last minute; empty where the system does not tell."""
    return f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""


def busy() -> bool:
    """Whether other things use so much of the machine that times will be noise; unknown counts as no."""
    return hasattr(os, "getloadavg") and os.getloadavg()[0] > 0.3 * (os.cpu_count() or 1)


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "missing"


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        for line in cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _memory() -> str:
    names = getattr(os, "sysconf_names", {})
    if "SC_PAGE_SIZE" not in names or "SC_PHYS_PAGES" not in names:
        return ""
    return f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB"
