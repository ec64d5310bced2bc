"""Whether a module is there already, asked without importing it.

A page asks while its host loads a model in another thread, and imports transformers and PEFT there. Two threads that
import these at once get in each other's way: one of them meets a half of the other's module, and a load of the host
ends in an error. So what can be answered without them never imports them.
"""

from __future__ import annotations

import sys
from types import ModuleType


def imported(name: str) -> ModuleType | None:
    """The module of that name if it has been imported to its end, else None; imports nothing, and waits for nobody."""
    module = sys.modules.get(name)
    spec = getattr(module, "__spec__", None)
    return None if getattr(spec, "_initializing", False) else module
