"""One writer at a time in a folder, of all threads and of all processes."""

from __future__ import annotations

import errno
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from .disk import CannotWrite, telling

#: The lock's file in a folder while somebody writes in it. TextGen lists what lies among its adapters and models, but
#: for texts.
LOCK = ".lora-mixer-lock.txt"
#: How many seconds a writer waits for the one before it. Nobody holds the lock for longer than a small file takes.
PATIENCE = 30.0
_BETWEEN_TRIES = 0.01


@contextmanager
def alone(folder: Path, patience: float = PATIENCE, lock: str = LOCK) -> Iterator[None]:
    """Nobody else who asks is in this block for `folder` at the same time; the lock ends with its process.

    Args:
        folder: is made where it is missing.
        patience: how many seconds to wait for somebody else.
        lock: the file that stands for the lock; who names another one writes something else there.

    Raises:
        CannotWrite: the folder cannot be made, or nobody may write in it, or somebody else does for too long.
    """
    path = folder / lock
    with telling(folder):
        folder.mkdir(parents=True, exist_ok=True)
        until = time.monotonic() + patience
        while (held := take(path)) is None:
            if time.monotonic() > until:
                busy = f"somebody else has been writing there for {patience:g} seconds, nothing was written"
                raise CannotWrite(errno.EBUSY, busy, str(folder))
            time.sleep(_BETWEEN_TRIES)
    try:
        yield
    finally:
        let_go(held, path)


def take(path: Path) -> int | None:
    """Takes the lock whose file is `path`, which is made; None while somebody else has it.

    Not by the package filelock, whose file stays where it is: a folder of adapters must look as if nobody had been in
    it.

    Returns:
        What `let_go` needs.

    Raises:
        OSError: the file cannot be made.
    """
    handle = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o666)
    try:
        # Whoever had it has removed its file: then this is the lock of a file that nobody else will find.
        if _locked(handle) and _is_at(handle, path):
            return handle
    except BaseException:
        os.close(handle)
        raise
    os.close(handle)
    return None


def let_go(handle: int, path: Path) -> None:
    """Gives a lock back, and removes its file."""
    if sys.platform == "win32":  # an open file cannot be removed there, nor one that another waits for
        os.close(handle)
        with suppress(OSError):
            path.unlink()
    else:
        with suppress(OSError):
            path.unlink()
        os.close(handle)


def _locked(handle: int) -> bool:
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    except OSError:
        return True  # a file system without locks: nothing to wait for
    return True


def _is_at(handle: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except FileNotFoundError:
        return False
