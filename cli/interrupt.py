"""Ctrl+C as "that will do": what takes its time ends with the best that it has; pressed again, it ends with nothing."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from .output import say

_SAID = "Stopping with the best so far. Ctrl+C again ends it with nothing written."


@contextmanager
def interrupted(end: Callable[[], None]) -> Iterator[None]:
    """While the block lasts the first Ctrl+C calls `end`, and the next one is what it always was.

    Signals are for the main thread alone: elsewhere the block just runs.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGINT)

    def first(number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, before)
        end()
        say(_SAID)

    signal.signal(signal.SIGINT, first)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
