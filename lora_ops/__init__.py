"""The desk and all that is done with adapters: find them, scale them, compare them. No user interface in here.

Names are imported when they are first used: a host that merely lists this extension should not wait for torch and PEFT.
What there is stands in `__init__.pyi` alone, which type checkers read and this door as well. Rooms and modules may be
called as they like, only no module beside this one may have the name of something that is handed out here.
"""

from __future__ import annotations

import ast
from importlib import import_module
from pathlib import Path
from typing import Any


def _homes() -> dict[str, str]:
    """Each name that can be taken from here, and the module that makes it."""
    stub = ast.parse(Path(__file__).with_suffix(".pyi").read_text(encoding="utf-8"))
    imports = [line for line in stub.body if isinstance(line, ast.ImportFrom)]
    return {name.name: f".{line.module}" for line in imports for name in line.names}


_HOMES = _homes()
__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name], __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
