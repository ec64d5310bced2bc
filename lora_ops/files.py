"""Writing to disk without leaving anything half-written, under names that stay in their folder."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .needs import needed


def safe_name(name: str, what: str = "name") -> str:
    """`name`, if it can be the name of one file or folder on every system.

    Args:
        name: what a user typed; blanks around it are dropped.
        what: what it names, for the message.

    Raises:
        ValueError: it is empty, leaves its folder, is too long, or holds characters that some system refuses.
    """
    pathvalidate = needed("pathvalidate", "checking names of files")
    name = name.strip()
    if name.startswith(".") or name.endswith("."):
        raise ValueError(f"{name!r} cannot be a {what}: it must not begin or end with a dot")
    try:
        pathvalidate.validate_filename(name, platform="universal", max_len=120)
    except pathvalidate.ValidationError as error:
        reason = str(error.description or error.reason.name.lower().replace("_", " ")).rstrip(".")
        raise ValueError(f"{name!r} cannot be a {what}: {reason}") from None
    return name


def write_aside(path: Path, content: bytes | str) -> None:
    """Writes a file beside `path` and renames it, so that `path` holds all of the old or all of the new.

    Raises:
        OSError: it cannot be written; `path` is as it was, and nothing is left beside it. A full disk is named.
    """
    data = content.encode("utf-8") if isinstance(content, str) else content
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
    aside = Path(name)
    try:
        with _telling(path), os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise


@contextmanager
def folder_aside(path: Path, overwrite: bool = False) -> Iterator[Path]:
    """A new folder beside `path` to write into; when the block ends well it takes the name `path`.

    However else the block ends, nothing of it is left, and what stood at `path` still stands.

    Raises:
        FileExistsError: there is something at `path` already, and `overwrite` is false.
        OSError: it cannot be written. A full disk is named.
    """
    if path.exists() and not overwrite:
        raise FileExistsError(f"{path} exists already: choose another name, or allow it to be overwritten")
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent))
    old: Path | None = None
    try:
        with _telling(path):
            yield aside
        aside.chmod(0o755)  # mkdtemp's folders are closed to everybody else
        if path.exists():
            if not overwrite:
                raise FileExistsError(f"{path} exists already: choose another name, or allow it to be overwritten")
            old = Path(tempfile.mkdtemp(prefix=f".{path.name}.", suffix=".old", dir=path.parent))
            old.rmdir()
            path.replace(old)
        aside.replace(path)
    except BaseException:
        if old is not None and old.exists() and not path.exists():
            old.replace(path)
        shutil.rmtree(aside, ignore_errors=True)
        raise
    if old is not None:
        shutil.rmtree(old, ignore_errors=True)


@contextmanager
def _telling(path: Path) -> Iterator[None]:
    """Says in words which disk is full."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise OSError(error.errno, "the disk is full, nothing was written", str(path)) from error
        raise
