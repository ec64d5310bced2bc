"""Waiting for what is worked out in a thread."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any


def until_known(ask: Callable[[], Any], seconds: float = 30.0) -> Any:
    """What `ask` answers as soon as that is something.

    Raises:
        AssertionError: it never is.
    """
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := ask():
            return found
        time.sleep(0.02)
    raise AssertionError("it was never known")
