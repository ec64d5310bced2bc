"""The log: where an error came from that a page or a terminal tells in a sentence. One logger for the whole package.

Nothing is written before a host names a folder, and none of it is a prompt, a reply or a key: see `discreet`.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from logging.handlers import RotatingFileHandler
from pathlib import Path

from . import redaction as discreet
from . import versions
from .folder_lock import alone

LOGGER = logging.getLogger(__name__.partition(".")[0])
NAME = "log.txt"
#: Its bytes, and how many older ones stay beside it: log.txt.1, log.txt.2.
MOST, OLDER = 512 * 1024, 2
#: Seconds that a line waits for another process that writes; then it is not kept.
_PATIENCE = 2.0
_LOCK = ".log-lock.txt"


def keep(folder: Path | None) -> None:
    """Writes the log into `folder` from now on, and nowhere else; None is nowhere. Nothing is made before there is
    something to write.

    What is warned of goes to the terminal as it does without a log; what a page tells does not.
    """
    for handler in [one for one in LOGGER.handlers if isinstance(one, LogFile | _Terminal)]:
        LOGGER.removeHandler(handler)
        handler.close()
    LOGGER.propagate = folder is None
    LOGGER.setLevel(logging.NOTSET if folder is None else logging.INFO)
    if folder is not None:
        LOGGER.addHandler(LogFile(folder / NAME))
        LOGGER.addHandler(_Terminal())


def note(error: BaseException, what: str = "told on the page", above: int = 0) -> None:
    """Writes down where an error came from, once for each error.

    Args:
        error: what is, or will be, told in a sentence.
        what: what became of it, in a few words.
        above: whose name stands before it: the caller's, or so many calls above.
    """
    if not any(isinstance(handler, LogFile) for handler in LOGGER.handlers) or getattr(error, "_is_noted", False):
        return
    with suppress(AttributeError, TypeError):  # an error without a place for it is written twice
        error._is_noted = True  # type: ignore[attr-defined]
    LOGGER.info(what, exc_info=error, stacklevel=2 + above, extra={"on_page": True})


def last_lines(folder: Path | None, most: int = 60) -> list[str]:
    """The end of the log in `folder`; none where nothing is kept."""
    if folder is None:
        return []
    try:
        with (folder / NAME).open("rb") as file:
            file.seek(0, 2)
            file.seek(max(0, file.tell() - 400 * most))
            return file.read().decode("utf-8", "replace").splitlines()[-most:]
    except OSError:
        return []


class LogFile(RotatingFileHandler):
    """The file, open only while a line is written: so it can be rotated, moved and deleted while programs run that
    write into it, on Windows too, and several processes write one after the other.

    What cannot be written is not kept: a disk that is full must not be why something else fails.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path, maxBytes=MOST, backupCount=OLDER, encoding="utf-8", delay=True, errors="replace")
        self.setFormatter(_Discreet("%(asctime)s %(levelname)s %(module)s: %(message)s"))
        self.addFilter(_NotAgain())
        self._has_begun = False

    def emit(self, record: logging.LogRecord) -> None:
        with suppress(OSError), alone(Path(self.baseFilename).parent, _PATIENCE, _LOCK):
            try:
                super().emit(record)
            finally:
                if self.stream is not None:
                    self.stream.close()
                    self.stream = None

    def doRollover(self) -> None:
        with suppress(OSError):  # somebody has it open, on Windows: it grows until they have not
            super().doRollover()

    def _open(self):  # type: ignore[no-untyped-def]
        """As the file begins, and once in each process, it says what is installed."""
        stream = super()._open()
        if not self._has_begun or not stream.tell():
            self._has_begun = True
            stream.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {discreet.discreet(versions.in_a_line())}\n")
        return stream

    def handleError(self, record: logging.LogRecord) -> None:
        """Nobody is told."""


class _Terminal(logging.StreamHandler):
    """What Python does with warnings that nobody handles, but for what a page has told."""

    def __init__(self) -> None:
        super().__init__()
        self.setLevel(logging.WARNING)
        self.addFilter(lambda record: not getattr(record, "on_page", False))

    def emit(self, record: logging.LogRecord) -> None:
        self.stream = sys.stderr
        super().emit(record)


class _Discreet(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        parts = [discreet.discreet(self.formatMessage(self._with_message(record)))]
        if record.exc_info and record.exc_info[1] is not None:
            parts += [f"  {line}" for line in discreet.told(record.exc_info[1]).splitlines()]
        return "\n".join(parts)

    def _with_message(self, record: logging.LogRecord) -> logging.LogRecord:
        shown = logging.makeLogRecord(record.__dict__)
        shown.args = tuple(map(_argument, record.args)) if isinstance(record.args, tuple) else record.args
        shown.message, shown.asctime = shown.getMessage(), self.formatTime(record, self.datefmt)
        return shown


def _argument(value: object) -> object:
    return discreet.message(value) if isinstance(value, BaseException) else value


class _NotAgain(logging.Filter):
    """A page asks every two seconds: the same again, one after the other, is written once."""

    _last: tuple[object, ...] = ()

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        now = (record.name, record.levelno, record.getMessage(), type(error), str(error), list(_where(error)))
        self._last, before = now, self._last
        return now != before


def _where(error: BaseException | None) -> Iterator[tuple[str, int]]:
    step = error.__traceback__ if error is not None else None
    while step is not None:
        yield step.tb_frame.f_code.co_filename, step.tb_lineno
        step = step.tb_next
