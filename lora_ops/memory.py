"""Running out of memory: how it is told, and what can be given back before the next try."""

from __future__ import annotations

import gc

import torch

#: What torch says in a plain RuntimeError: Linux and macOS, Windows, Apple's GPU, NVIDIA's libraries.
_TOLD = ("can't allocate memory", "not enough memory", "out of memory", "alloc_failed")


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
