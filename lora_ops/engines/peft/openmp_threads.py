"""OpenMP's team of this thread: let go of when its work is done, so that the next thread's can be quick.

Every thread that computes gets a team of helpers from OpenMP, and keeps it for as long as it lives. While there are no
more of them than processors, helpers that wait for work spin, and are there at once. With a second team beside it there
are more, and then GCC's OpenMP has all of them sleep between two pieces of work: each of the thousands of small
products of a token is waited for, and the same generation takes up to twice as long.
"""

from __future__ import annotations

import ctypes
import os
import sys
from functools import cache
from pathlib import Path
from typing import Any

from ...imported import imported

#: What the OpenMP beside torch is called: GCC's, LLVM's, Intel's.
_NAMES = ("libgomp*.so*", "libomp*.dylib", "libomp*.so*", "libiomp5*")
#: Only what is loaded already: a second OpenMP in one process helps nobody.
_LOADED = getattr(os, "RTLD_NOLOAD", 0)
#: omp_pause_soft: what is needed again comes back by itself.
_SOFT = 1


def let_go() -> None:
    """Ends the team of the calling thread, if it has one; its next computation gets a new one."""
    if imported("torch") is not None and (pause := _pause()) is not None:
        pause(_SOFT)


@cache
def _pause() -> Any | None:
    """OpenMP 5.0's `omp_pause_resource_all` of the library that torch uses; None where it has none."""
    torch = sys.modules["torch"]
    home = Path(str(torch.__file__)).parent
    for folder in (home / "lib", home.parent / "torch.libs"):
        for name in _NAMES:
            for file in sorted(folder.glob(name)):
                try:
                    return ctypes.CDLL(str(file), mode=ctypes.DEFAULT_MODE | _LOADED).omp_pause_resource_all
                except (OSError, AttributeError):  # not loaded by torch, or older than OpenMP 5.0
                    continue
    return None
