"""Memory: how much there is, how running out of it is told, and what can be given back before the next try."""

from __future__ import annotations

import gc
from pathlib import Path

import torch

#: What torch says in a plain RuntimeError: Linux and macOS, Windows, Apple's GPU, NVIDIA's libraries.
_TOLD = ("can't allocate memory", "not enough memory", "out of memory", "alloc_failed")


#: Where Linux tells what a container may use, and uses.
_CONTAINER = Path("/sys/fs/cgroup")


def available(device: torch.device) -> int | None:
    """How many bytes of memory can still be had on `device`; None where nobody tells."""
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        # What torch keeps for later is ours, too.
        return free + torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    if device.type != "cpu":
        return None
    try:
        import psutil  # comes with PEFT
    except ImportError:
        return _left_in_container()
    free = int(psutil.virtual_memory().available)
    left = _left_in_container()
    return free if left is None else min(free, left)


def _left_in_container() -> int | None:
    """What a container's limit leaves; None without one. Files that are only kept in memory for later do not count."""
    try:
        limit = int((_CONTAINER / "memory.max").read_text())
        used = int((_CONTAINER / "memory.current").read_text())
        told = dict(line.split() for line in (_CONTAINER / "memory.stat").read_text().splitlines())
    except (OSError, ValueError):  # no container, or "max"
        return None
    return max(0, limit - used + int(told.get("inactive_file", 0)))


def out_of_memory(error: BaseException) -> bool:
    """Whether this error says that memory is full, on whatever device."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(told in str(error).lower() for told in _TOLD)


def give_back(device: torch.device) -> None:
    """Gives what nobody refers to any more back to `device`; to be called when the error itself is forgotten."""
    gc.collect()
    if device.type not in ("cpu", "meta"):
        torch.get_device_module(device).empty_cache()
