"""What an adapter of the shelf is called once it is loaded: as PEFT takes it, whichever engine plays it, so that mixes
made on one fit the other."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ..imported import imported


def peft_name(name: str, taken: Iterable[str] = ()) -> str:
    """`name` as PEFT takes it for an adapter, which allows no dots; with a number if it is taken."""
    plain = re.sub(r"\.+", "_", name) or "adapter"
    if _is_reserved(plain):
        plain += "_"  # PEFT keeps adapters in module dictionaries, as if they were attributes
    free, number, taken = plain, 1, set(taken)
    while free in taken:
        number += 1
        free = f"{plain}-{number}"
    return free


def _is_reserved(name: str) -> bool:
    torch = imported("torch")  # without it nobody keeps modules
    return torch is not None and (hasattr(torch.nn.ModuleDict, name) or name in vars(torch.nn.ModuleDict()))
