"""The file that the tables lie in: opened, checked, brought to the newest schema, and its failures put into words."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..optional_packages import needed
from .record import RecordsError
from .tables import HEAD, sa

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

MIGRATIONS = Path(__file__).resolve().parent / "migrations"
#: How long a writer waits for another one, in seconds.
PATIENCE = 15.0
#: How long a reader waits: hardly ever at all, and somebody looks at an empty page meanwhile.
READERS_PATIENCE = 5.0
#: Bytes that SQLite's log and its index take at least.
_LOG = 64 * 1024


@contextmanager
def telling(path: Path) -> Iterator[None]:
    """Says in words what SQLite could not do with the file.

    Raises:
        RecordsError: instead of whatever SQLite and SQLAlchemy raise.
    """
    try:
        yield
    except (sqlite3.Error, sa.exc.DBAPIError) as error:
        raise RecordsError(_in_words(path, str(getattr(error, "orig", error)))) from error
    except OSError as error:
        raise RecordsError(_in_words(path, error.strerror or str(error))) from error


def _in_words(path: Path, problem: str) -> str:
    small = problem.lower()
    if "full" in small or "no space left" in small or ("disk i/o" in small and _no_room(path)):
        return f"the disk is full: nothing was written to {path}, and what it held before is still there"
    if "malformed" in small or "not a database" in small or "no such table" in small or "no such column" in small:
        return damaged(path, problem)
    if "locked" in small or "busy" in small:
        return f"{path} is in use by another program, which did not let go of it: try again ({problem})"
    if "readonly" in small or "unable to open" in small or "denied" in small or "read-only" in small:
        return f"{path} cannot be written: is it, or its folder, read-only? ({problem})"
    return f"{path} could not be read or written: {problem}"


def _no_room(path: Path) -> bool:
    """Whether there is no room beside the file for SQLite's log: it then speaks of an I/O error."""
    try:
        return shutil.disk_usage(path.parent).free < _LOG
    except OSError:
        return False


def damaged(path: Path, problem: str) -> str:
    """What to tell about a file that cannot be used as it is."""
    return (
        f"{path} is damaged, or is no table of experiments ({problem}). It was left as it is: "
        "move it away to begin a new one, or put a copy of it back"
    )


def open_database(path: Path) -> Engine:
    """An engine for the file, which is made if there is none, and brought to the newest schema.

    A file that is damaged, or that is not ours, is not written to.

    Raises:
        RecordsError: it is damaged, not ours, or of a newer LoRA Mixer, or cannot be written.
        MissingPackage: it must be made or migrated, and Alembic is not installed.
    """
    with telling(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        if schema(path) != HEAD:
            migrate(path)
        return _engine(path, foreign_keys=True)


def open_to_read(path: Path) -> Engine | None:
    """An engine that writes nothing, so that no full or read-only disk is in its way; nor is what is damaged elsewhere.

    None if there is no file yet, or it must be brought to the newest schema first: `open_database` does both.

    Raises:
        RecordsError: it cannot be read, or is not ours.
    """
    if not path.exists() or not path.stat().st_size:
        return None
    with telling(path), closing(_reader(path)) as connection:
        if _revision(connection, path) != HEAD:
            return None
    return sa.create_engine("sqlite://", creator=lambda: _reader(path), poolclass=sa.pool.NullPool)


def _reader(path: Path) -> sqlite3.Connection:
    try:
        return _readable(f"{path.as_uri()}?mode=rw")  # SQLite itself makes that a read-only one where it must
    except sqlite3.OperationalError:
        log = path.with_name(path.name + "-wal")
        if not path.exists() or (log.exists() and log.stat().st_size):
            raise  # the newest experiments are in the log alone
        # Beside the file SQLite wants to make another, for its locks. Nobody can write there, so none is needed.
        return _readable(f"{path.as_uri()}?immutable=1")


def _readable(uri: str) -> sqlite3.Connection:
    # SQLAlchemy closes it in whatever thread collects it.
    connection = sqlite3.connect(uri, uri=True, timeout=READERS_PATIENCE, check_same_thread=False)
    try:
        connection.isolation_level = None
        connection.text_factory = _text
        connection.execute("PRAGMA query_only = ON")
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except BaseException:
        connection.close()
        raise
    return connection


def _text(data: bytes) -> str:
    """What is no UTF-8 any more becomes marks: one such text is not to keep all others from being read."""
    return data.decode("utf-8", "replace")


def schema(path: Path) -> str | None:
    """The revision of the schema that the file has; None if it is empty or not there.

    Raises:
        RecordsError: it is damaged, or not ours.
        sqlite3.Error: it cannot be read.
    """
    with closing(sqlite3.connect(path, timeout=PATIENCE)) as connection:
        (health,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        if health != "ok":
            raise RecordsError(damaged(path, health.strip().splitlines()[-1]))
        return _revision(connection, path)


def _revision(connection: sqlite3.Connection, path: Path) -> str | None:
    names = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if not names:
        return None
    if not {"alembic_version", "experiments"} <= names:
        raise RecordsError(damaged(path, "it holds other tables"))
    versions = [version for (version,) in connection.execute("SELECT version_num FROM alembic_version")]
    if len(versions) != 1:
        raise RecordsError(damaged(path, "it does not say which schema it has"))
    return str(versions[0])


def _engine(path: Path, foreign_keys: bool) -> Engine:
    """An engine whose transactions are SQLite's own: nothing is written before a commit, not even by DDL."""
    engine = sa.create_engine(
        sa.URL.create("sqlite", database=str(path)),
        poolclass=sa.pool.NullPool,  # between two writes the file is closed: it may be copied, or moved away
        connect_args={"timeout": PATIENCE},
    )

    @sa.event.listens_for(engine, "connect")
    def _prepare(connection: Any, _: Any) -> None:
        connection.isolation_level = None  # the driver begins no transactions by itself: see `_begin`
        connection.execute("PRAGMA journal_mode = WAL")  # readers do not wait, a crash leaves the last commit
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(f"PRAGMA foreign_keys = {'ON' if foreign_keys else 'OFF'}")

    @sa.event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        write = connection.get_execution_options().get("write", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")

    return engine


def migrate(path: Path, revision: str = "head") -> None:
    """Brings the file to a revision of the schema, in one transaction: all the way, or not at all.

    Raises:
        RecordsError: its schema is of a newer LoRA Mixer.
        MissingPackage: Alembic is not installed.
    """
    needed("alembic", "keeping experiments")
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    found = schema(path)
    try:
        ScriptDirectory.from_config(config).get_revision(found or "head")
    except CommandError:
        raise RecordsError(
            f"{path} was written by a newer LoRA Mixer (schema {found}; this one knows up to {HEAD}). "
            "It was left as it is: update LoRA Mixer, or move the file away to begin a new one"
        ) from None
    # Tables that are made anew must not take those that point to them along: so no foreign keys meanwhile.
    with _engine(path, foreign_keys=False).connect().execution_options(write=True) as connection, connection.begin():
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
        if connection.exec_driver_sql("PRAGMA foreign_key_check").first() is not None:
            raise RecordsError(damaged(path, "parts of it belong to nothing"))
