"""Looks at a model at every moment of what somebody else does with it in another thread."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from pathlib import PurePath
from types import FrameType
from typing import Any

#: Folders of files whose lines are moments: PEFT's, and those of ours that change adapters.
_HOMES = frozenset({"peft", "shelf"})


def _is_ours(frame: FrameType | None) -> bool:
    """Whether the console is at work there, under its lock: who looks waits for it, and would wait for ever here."""
    while frame is not None and not frame.f_code.co_filename.endswith("console.py"):
        frame = frame.f_back
    return frame is not None


def at_every_moment(work: Callable[[], Any], look: Callable[[], Any], every: int = 7) -> int:
    """Does `work` in a thread of its own, which stands still at each line (or each `every`th) while `look` is called.

    Returns how often it was called. What either of them raises is raised.
    """
    halted, go_on = threading.Semaphore(0), threading.Semaphore(0)
    over = threading.Event()
    raised: list[BaseException] = []
    lines = 0

    def at_line(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal lines
        lines += event == "line"
        if event == "line" and lines % every == 0 and not _is_ours(frame):
            halted.release()
            go_on.acquire()
        return at_line

    def at_call(frame: FrameType, event: str, _: Any) -> Any:
        return at_line if _HOMES.intersection(PurePath(frame.f_code.co_filename).parts) else None

    def run() -> None:
        sys.settrace(at_call)
        try:
            work()
        except BaseException as error:
            raised.append(error)
        finally:
            sys.settrace(None)
            over.set()
            halted.release()

    thread = threading.Thread(target=run)
    thread.start()
    looks = 0
    try:
        while halted.acquire() and not over.is_set():
            looks += 1
            look()
            go_on.release()
    finally:
        while not over.is_set():  # a look that failed lets the work end all the same
            go_on.release()
            over.wait(0.001)
        thread.join()
    if raised:
        raise raised[0]
    return looks
