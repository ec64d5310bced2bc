"""Experiments and votes, kept in one SQLite file: every change is all there, or not at all."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter, ValidationError

from ..mix import explain
from . import tables
from .database import open_database, open_to_read, telling
from .record import (
    Duel,
    Record,
    RecordsError,
    ScoresRecord,
    TrialRecord,
    Vote,
    check_scores,
    check_trial,
    check_vote,
)
from .summaries import Summary, duels, summaries
from .tables import sa

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

_PLAIN: TypeAdapter[Any] = TypeAdapter(Record)


class AlreadyKept(RecordsError):
    """The experiment is in the table already, under the number `id`."""

    def __init__(self, id: int) -> None:
        super().__init__(f"this experiment is kept already, as number {id}")
        self.id = id


class Records:
    """The table of experiments in the file `path`, made or brought to the newest schema when it is first used.

    May be used by several threads and programs at once. An experiment is added as it begins, and its trials and votes
    as they come, so that a crash loses at most what was not said yet. Reading writes nothing: no full or read-only disk
    is in its way, nor is another experiment that is damaged.

    >>> records = Records(folder / "records.sqlite")
    >>> id = records.add(Record.of(columns, model="SmolLM2", adapters=desk.adapters.values(), settings=generation))
    >>> trial = records.add_trial(id, TrialRecord.of(run.result, prompt))
    >>> records.vote(id, Vote(trial=trial, left=0, right=1, verdict="left"))
    >>> records.load(id).duels

    Raises:
        RecordsError: by every method: the file is damaged, of a newer LoRA Mixer, cannot be written, or the disk is
            full; or there is no such experiment. What was kept before is still there.
        MissingPackage: SQLAlchemy or Alembic is not installed.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path).absolute()
        self._engine: Engine | None = None
        self._reader: Engine | None = None
        self._opening = threading.Lock()

    def add(self, record: Record) -> int:
        """Keeps an experiment with all that it has so far; answers with its number.

        Raises:
            AlreadyKept: one with the same uid is there.
        """
        with self._transaction(write=True) as connection:
            known = sa.select(tables.experiments.c.id).where(tables.experiments.c.uid == record.uid)
            if (id := connection.scalar(known)) is not None:
                raise AlreadyKept(id)
            id = _insert_experiment(connection, record)
            for position, trial in enumerate(record.trials):
                _insert_trial(connection, id, position, trial)
            for vote in record.votes:
                _insert_vote(connection, id, vote)
        return id

    def add_trial(self, id: int, trial: TrialRecord) -> int:
        """Keeps one more trial of an experiment; answers with its place in it, from 0.

        Raises:
            ValueError: it has not one reply for each column.
        """
        with self._transaction(write=True) as connection:
            check_trial(trial, self._columns(connection, id))
            position = _count(connection, tables.trials, id)
            _insert_trial(connection, id, position, trial)
        return position

    def put_scores(self, id: int, trial: int, scores: ScoresRecord) -> None:
        """Keeps the scores of a trial, instead of those that it had.

        Raises:
            ValueError: they have not a row and a column for each column of the experiment; or there is no such trial.
        """
        t = tables.trials
        with self._transaction(write=True) as connection:
            check_scores(scores, self._columns(connection, id))
            place = (t.c.experiment_id == id) & (t.c.position == trial)
            if not connection.execute(sa.update(t).where(place).values(scores=_scores(scores))).rowcount:
                raise RecordsError(f"experiment {id} has no trial {trial} in {self.path}")

    def vote(self, id: int, vote: Vote) -> None:
        """Keeps a vote.

        Raises:
            ValueError: it names a trial or a column that the experiment has not.
        """
        with self._transaction(write=True) as connection:
            check_vote(vote, self._columns(connection, id), _count(connection, tables.trials, id))
            _insert_vote(connection, id, vote)

    def delete(self, id: int) -> None:
        """Forgets an experiment with its trials and votes."""
        with self._transaction(write=True) as connection:
            if not connection.execute(sa.delete(tables.experiments).where(tables.experiments.c.id == id)).rowcount:
                raise self._none(id)

    def list(self, limit: int | None = None) -> tuple[Summary, ...]:
        """The experiments, newest first; one that is damaged says so in its `problem`.

        Args:
            limit: at most so many; all if not given.
        """
        with self._transaction() as connection:
            return summaries(connection, limit)

    def load(self, id: int) -> Record:
        """An experiment with all its trials and votes."""
        try:
            with self._transaction() as connection:
                self._columns(connection, id)
                return _PLAIN.validate_python(_read(connection, id))
        except RecordsError:
            raise
        except ValidationError as error:
            raise RecordsError(f"experiment {id} in {self.path} cannot be read: {explain(error)}") from error
        except (ValueError, TypeError, LookupError, RecursionError) as error:
            raise RecordsError(f"experiment {id} in {self.path} is damaged, and cannot be read: {error}") from error

    def votes(self, model: str | None = None, told: Callable[[str], Any] | None = None) -> tuple[Duel, ...]:
        """All votes with their mixes, oldest first. Those that are damaged are left out.

        Args:
            model: only those about a model of this name.
            told: is told of every experiment of which votes were left out, in words.
        """
        with self._transaction() as connection:
            found, left_out = duels(connection, model)
        for id, why in left_out.items():
            if told is not None:
                told(f"votes of experiment {id} in {self.path} are damaged, and were left out ({why})")
        return found

    @contextmanager
    def _transaction(self, write: bool = False) -> Iterator[Connection]:
        with (
            telling(self.path),
            (self._opened() if write else self._opened_to_read())
            .connect()
            .execution_options(write=write) as connection,
            connection.begin(),
        ):
            yield connection

    def _opened(self) -> Engine:
        with self._opening:
            if self._engine is None or not self.path.exists():
                self._engine = None
                self._engine = open_database(self.path)
            return self._engine

    def _opened_to_read(self) -> Engine:
        with self._opening:
            if self._reader is None or not self.path.exists():
                self._reader = open_to_read(self.path)
        return self._reader or self._opened()

    def _columns(self, connection: Connection, id: int) -> int:
        """How many columns an experiment has; raises if there is no such experiment."""
        count = _count(connection, tables.columns, id)
        if not count:
            raise self._none(id)
        return count

    def _none(self, id: int) -> RecordsError:
        return RecordsError(f"there is no experiment {id} in {self.path}")


# Writing


def _inserted(connection: Connection, table: Any, row: dict[str, Any]) -> int:
    """The number that the new row was given."""
    key = connection.execute(sa.insert(table), row).inserted_primary_key
    assert key is not None
    return int(key[0])


def _insert_experiment(connection: Connection, record: Record) -> int:
    row = {
        "uid": record.uid,
        "time": record.time.isoformat(),
        "model": record.model,
        "host": record.host,
        "settings": record.settings,
    }
    id = _inserted(connection, tables.experiments, row)
    adapters = [
        {"experiment_id": id, "position": at, "name": one.name, "method": one.method, "rank": one.rank,
         "alpha": one.alpha, "hash": one.hash}
        for at, one in enumerate(record.adapters)
    ]  # fmt: skip
    if adapters:
        connection.execute(sa.insert(tables.adapters), adapters)
    columns = [
        {"experiment_id": id, "position": at, "label": column.label, "mix": column.mix.to_dict()}
        for at, column in enumerate(record.columns)
    ]
    connection.execute(sa.insert(tables.columns), columns)
    return id


def _insert_trial(connection: Connection, id: int, position: int, trial: TrialRecord) -> None:
    row = {
        "experiment_id": id,
        "position": position,
        "question": trial.question,
        "label": trial.label,
        "prompt": trial.prompt,
        "messages": [{"role": message.role, "content": message.content} for message in trial.messages],
        "seed": str(trial.seed),
        "seconds": trial.seconds,
        "note": trial.note,
        "scores": _scores(trial.scores),
    }
    key = _inserted(connection, tables.trials, row)
    replies = [
        {"trial_id": key, "position": at, "text": reply.text, "token_ids": list(reply.token_ids),
         "finish": reply.finish, "seconds": reply.seconds}
        for at, reply in enumerate(trial.replies)
    ]  # fmt: skip
    connection.execute(sa.insert(tables.replies), replies)


def _insert_vote(connection: Connection, id: int, vote: Vote) -> None:
    row = {
        "experiment_id": id,
        "trial": vote.trial,
        "left": vote.left,
        "right": vote.right,
        "verdict": vote.verdict,
        "blind": vote.blind,
        "source": vote.source,
        "time": vote.time.isoformat(),
    }
    connection.execute(sa.insert(tables.votes), row)


_SCORES: TypeAdapter[ScoresRecord | None] = TypeAdapter(ScoresRecord | None)


def _scores(scores: ScoresRecord | None) -> Any:
    return _SCORES.dump_python(scores, mode="json")


# Reading


def _count(connection: Connection, table: Any, id: int) -> int:
    return connection.scalar(sa.select(sa.func.count()).select_from(table).where(table.c.experiment_id == id)) or 0


def _read(connection: Connection, id: int) -> dict[str, Any]:
    e, t, r = tables.experiments, tables.trials, tables.replies
    record = dict(connection.execute(sa.select(e).where(e.c.id == id)).mappings().one())
    record["time"] = datetime.fromisoformat(record["time"])
    for name, drop in (("adapters", ("position",)), ("columns", ("position",)), ("votes", ("id",))):
        record[name] = [_without(row, *drop, "experiment_id") for row in _parts(connection, name, id)]
    for vote in record["votes"]:
        vote["time"] = datetime.fromisoformat(vote["time"])
    said = defaultdict(list)
    owned = sa.select(t.c.id).where(t.c.experiment_id == id)
    query = sa.select(r).where(r.c.trial_id.in_(owned)).order_by(r.c.trial_id, r.c.position)
    for row in connection.execute(query).mappings():
        said[row["trial_id"]].append(_without(row, "trial_id", "position"))
    record["trials"] = [
        {**_without(row, "id", "experiment_id", "position"), "seed": int(row["seed"]), "replies": said[row["id"]]}
        for row in _parts(connection, "trials", id)
    ]
    return record


def _parts(connection: Connection, name: str, id: int) -> Sequence[Any]:
    table = tables.metadata.tables[name]
    order = table.c.position if "position" in table.c else table.c.id
    return connection.execute(sa.select(table).where(table.c.experiment_id == id).order_by(order)).mappings().all()


def _without(row: Any, *names: str) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in names}
