"""One writer at a time in a folder, of all threads and of all processes."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .disk import CannotWrite, telling

#: The lock's file in a folder that is written in; it stays there. TextGen lists what lies among its adapters and
#: models, but for texts.
LOCK = ".lora-mixer-lock.txt"
#: How many seconds a writer waits for the one before it. Nobody holds the lock for longer than a small file takes.
PATIENCE = 30.0


@contextmanager
def alone(folder: Path, patience: float = PATIENCE) -> Iterator[None]:
    """Nobody else who asks is in this block for `folder` at the same time; the lock ends with its process.

    Args:
        folder: is made where it is missing.
        patience: how many seconds to wait for somebody else.

    Raises:
        CannotWrite: the folder cannot be made, or nobody may write in it, or somebody else does for too long.
    """
    from filelock import FileLock, Timeout

    with telling(folder):
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / LOCK)
        try:
            lock.acquire(timeout=patience, poll_interval=0.01)
        except Timeout:
            busy = f"somebody else has been writing there for {patience:g} seconds, nothing was written"
            raise CannotWrite(errno.EBUSY, busy, str(folder)) from None
    try:
        yield
    finally:
        lock.release()
