"""The desk and all that is done with adapters: find them, scale them, compare them. No user interface in here.

Names are imported when they are first used: a host that merely lists this extension should not wait for torch and PEFT.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .advice import advise
    from .comparison import Column, ColumnResult, Result, Run, Update, compare
    from .desk import Cancelled, Desk
    from .mix import Faders, Mix
    from .target import Adapter, Target

_HOME = {
    "Adapter": "target",
    "Cancelled": "desk",
    "Column": "comparison",
    "ColumnResult": "comparison",
    "Desk": "desk",
    "Faders": "mix",
    "Mix": "mix",
    "Result": "comparison",
    "Run": "comparison",
    "Target": "target",
    "Update": "comparison",
    "advise": "advice",
    "compare": "comparison",
}

__all__ = [
    "Adapter",
    "Cancelled",
    "Column",
    "ColumnResult",
    "Desk",
    "Faders",
    "Mix",
    "Result",
    "Run",
    "Target",
    "Update",
    "advise",
    "compare",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f".{_HOME[name]}", __name__), name)
    globals()[name] = value
    return value
