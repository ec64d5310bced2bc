"""Waiting for the turn to have the model, for as long as somebody wants to wait."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

#: Seconds between two looks at whether anybody still waits.
_GLANCE = 0.25


@contextmanager
def turn(lock: threading.Lock, stop: threading.Event) -> Iterator[bool]:
    """Hold `lock`; or, with False, do not, because `stop` was set while waiting for it."""
    mine = False
    while not mine and not stop.is_set():
        mine = lock.acquire(timeout=_GLANCE)
    try:
        yield mine
    finally:
        if mine:
            lock.release()
