"""Writing to disk without leaving anything half-written, under names that stay in their folder."""

from __future__ import annotations

import errno
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from .disk import telling
from .folder_lock import LOCK, alone, let_go, take
from .optional_packages import needed


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
    shown = repr(name[:60]) + ("…" if len(name) > 60 else "")
    if len(name) > 120:
        raise ValueError(f"{shown} cannot be a {what}: it is longer than 120 characters")
    if not name.isprintable():  # among them what no file system can spell: halves of characters
        raise ValueError(f"{shown} cannot be a {what}: it holds what cannot be printed")
    if name.startswith(".") or name.endswith("."):
        raise ValueError(f"{shown} cannot be a {what}: it must not begin or end with a dot")
    try:
        pathvalidate.validate_filename(name, platform="universal", max_len=120)
    except pathvalidate.ValidationError as error:
        reason = str(error.description or error.reason.name.lower().replace("_", " ")).rstrip(".")
        raise ValueError(f"{shown} cannot be a {what}: {reason}") from None
    return name


def write_aside(path: Path, content: bytes | str) -> None:
    """Writes a file beside `path` and renames it, so that `path` holds all of the old or all of the new.

    Raises:
        OSError: it cannot be written; `path` is as it was, and nothing is left beside it. A disk that is full or
            read-only is named.
    """
    data = content.encode("utf-8") if isinstance(content, str) else content
    aside = _Write(path, secrets.token_hex(4)).aside
    with telling(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            # As `tempfile` opens what it makes: never through a link that lies there, and for this user alone.
            handle = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            aside.replace(path)
        except BaseException:
            aside.unlink(missing_ok=True)
            raise


def aside_of(path: Path) -> Path:
    """A file beside `path` to write into, for whoever can write no other way than to a path; then rename it.

    What a killed process leaves of it `put_right(…, files=True)` clears.
    """
    return _Write(path, secrets.token_hex(4)).aside


@contextmanager
def folder_aside(path: Path, overwrite: bool = False) -> Iterator[Path]:
    """A new folder beside `path` to write into; when the block ends well it takes the name `path`.

    However else the block ends, nothing of it is left, and what stood at `path` still stands. Of a process that is
    killed meanwhile something is left; `put_right` clears that.

    Raises:
        FileExistsError: there is something at `path` already, and `overwrite` is false.
        OSError: it cannot be written. A disk that is full or read-only is named.
    """
    put_right(path.parent)
    if os.path.lexists(path) and not overwrite:
        raise _exists(path)
    with _under_way(path) as write:
        with telling(path, only_full=True):
            yield write.aside
        with telling(path):
            write.aside.chmod(0o755)  # it was closed to everybody else
            with alone(path.parent):
                write.take_place(overwrite)


def put_right(folder: Path, files: bool = False, guard: Path | None = None) -> None:
    """Brings back what a killed overwrite had moved aside in `folder`, and clears what killed writes left behind.

    What somebody is writing right now, in whichever process, is left alone; and all of it where nothing may be written.

    Args:
        folder: where `folder_aside` wrote.
        files: also what `write_aside` left, where nobody writes files but holding `alone`.
        guard: the folder that whoever writes here is `alone` in, if it is another.
    """
    guard = guard or folder
    if _left(folder) or (guard / LOCK).exists():  # the lock's own file is gone when nobody holds it
        with suppress(OSError), alone(guard, patience=2):
            put_right_alone(folder, files)


def put_right_alone(folder: Path, files: bool = False) -> None:
    """`put_right`, for whoever holds `alone` already."""
    for write in _left(folder):
        if write.aside.is_file():
            if files:
                write.aside.unlink(missing_ok=True)
            continue
        with suppress(OSError):
            held = take(write.lock)
            if held is not None:  # else whoever writes it lives
                try:
                    write.clear()
                finally:
                    let_go(held, write.lock)


@dataclass(frozen=True)
class _Write:
    """One write at `path`, and where the traces of it stand while it is under way.

    Its lock is held for as long as it is: so others can tell a write under way from what a killed one left. The traces
    have a name that nobody else gives a file, since they are removed when nobody holds the lock.
    """

    path: Path
    token: str

    @property
    def aside(self) -> Path:
        """What is being written; nobody misses it if it goes."""
        return self._trace(".part")

    @property
    def old(self) -> Path:
        """What stood at `path`, until what was written has its name."""
        return self._trace(".old")

    @property
    def lock(self) -> Path:
        return self._trace("-lock.txt")

    def _trace(self, suffix: str) -> Path:
        return self.path.with_name(f".{self.path.name}.{self.token}.lora-mixer{suffix}")

    def take_place(self, overwrite: bool) -> None:
        """What was written gets the name `path`."""
        if os.path.lexists(self.path):
            if not overwrite:
                raise _exists(self.path)
            self.path.replace(self.old)
        try:
            self.aside.replace(self.path)
        except BaseException:
            if os.path.lexists(self.old):
                self.old.replace(self.path)
            raise

    def clear(self) -> None:
        """Leaves one thing at `path`, what was written or what stood there before, and nothing beside it."""
        _remove(self.aside)
        if os.path.lexists(self.old):
            if os.path.lexists(self.path):
                self.old.replace(self.aside)  # from here on it is half gone, and never to be brought back
                _remove(self.aside)
            else:
                self.old.replace(self.path)


_TRACE = re.compile(r"\.(?P<name>.+)\.(?P<token>[0-9a-f]{8})\.lora-mixer(?:\.part|\.old|-lock\.txt)")


def _left(folder: Path) -> list[_Write]:
    """The writes of which there are traces in `folder`, under way or killed."""
    try:
        with os.scandir(folder) as entries:  # a shelf of thousands is looked at again and again
            found = [match for entry in entries if (match := _TRACE.fullmatch(entry.name))]
    except OSError:
        return []
    return [_Write(folder / name, token) for name, token in sorted({(one["name"], one["token"]) for one in found})]


@contextmanager
def _under_way(path: Path) -> Iterator[_Write]:
    write = _Write(path, secrets.token_hex(4))
    with telling(path), alone(path.parent):
        held = take(write.lock)
        if held is None:
            raise OSError(errno.EBUSY, "somebody else is writing under this name", str(path))
        try:
            write.aside.mkdir(mode=0o700)
        except BaseException:
            let_go(held, write.lock)
            raise
    try:
        yield write
    finally:
        try:
            with suppress(OSError), alone(path.parent):  # where that fails, the next look clears it
                write.clear()
        finally:
            let_go(held, write.lock)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _exists(path: Path) -> FileExistsError:
    return FileExistsError(f"{path} exists already: choose another name, or allow it to be overwritten")
