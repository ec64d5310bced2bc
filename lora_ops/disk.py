"""Troubles of the disk in words for people, and reading no more of a file than it may hold."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

_FULL: Mapping[int, str] = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk is full (its quota is used up)",
    errno.EROFS: "the disk is read-only",
}
_WORDS: Mapping[int, str] = {
    **_FULL,
    errno.EACCES: "this user may not write there",
    errno.EPERM: "this user may not write there",
    errno.EISDIR: "a folder has that name",
    errno.ENOTDIR: "a file stands where a folder should be",
    errno.EEXIST: "a file stands where a folder should be",
    errno.ENAMETOOLONG: "the name is too long for this disk",
}


class CannotWrite(OSError):
    """Nothing was written, and what was there is still there; as text it says why, in plain words."""

    def __str__(self) -> str:
        return f"{self.strerror}: {self.filename}" if self.filename else str(self.strerror)


@contextmanager
def telling(path: Path, only_full: bool = False) -> Iterator[None]:
    """Says in words why nothing can be written at `path`.

    Args:
        path: what was to be written.
        only_full: for a block that reads other files as well, whose troubles are their own.

    Raises:
        CannotWrite: in place of an OSError whose meaning is known; any other passes.
    """
    try:
        yield
    except CannotWrite:
        raise
    except OSError as error:
        words = (_FULL if only_full else _WORDS).get(error.errno or 0)
        if words is None:
            raise
        raise CannotWrite(error.errno, f"{words}, nothing was written", str(path)) from error


def read_at_most(path: Path, most: int) -> bytes | None:
    """What a file holds; None if that is more than `most` bytes. What is no file holds nothing, and is not waited for.

    Raises:
        OSError: it cannot be read, or is no file.
    """
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    with os.fdopen(handle, "rb") as file:
        facts = os.fstat(file.fileno())
        if not stat.S_ISREG(facts.st_mode):
            raise OSError(errno.EINVAL, "it is no file", str(path))
        data = file.read(most + 1) if facts.st_size <= most else b""
    return None if facts.st_size > most or len(data) > most else data
