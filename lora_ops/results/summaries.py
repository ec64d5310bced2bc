"""What is read of all experiments at once: a line of each, and their votes. What is damaged hides nothing else."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from ..mix import Mix
from . import tables
from .record import Duel
from .tables import sa

if TYPE_CHECKING:
    from sqlalchemy import Connection

#: What reading a damaged value may raise.
_DAMAGE = (ValueError, TypeError, LookupError, AttributeError, RecursionError)
_NEVER = datetime(1970, 1, 1, tzinfo=timezone.utc)


@dataclass(frozen=True)
class Summary:
    """One line of the list of experiments.

    Attributes:
        labels: of its columns.
        trials: how many there are.
        votes: how many were cast.
        first: the first question, shortened.
        settings: of the generation, and what else was kept among them.
        problem: what of this line cannot be read; empty if all of it can.
    """

    id: int
    uid: str
    time: datetime
    model: str
    host: str
    labels: tuple[str, ...]
    trials: int
    votes: int
    first: str
    settings: dict[str, Any] = field(default_factory=dict)
    problem: str = ""


def summaries(connection: Connection, limit: int | None) -> tuple[Summary, ...]:
    """The experiments, newest first; at most so many."""
    e, t, v = tables.experiments, tables.trials, tables.votes
    first = sa.func.coalesce(sa.func.nullif(t.c.label, ""), sa.func.substr(t.c.prompt, -300))
    query = (
        sa.select(
            *(_raw(e.c[name]) for name in ("id", "uid", "time", "model", "host", "settings")),
            sa.select(sa.func.count()).where(t.c.experiment_id == e.c.id).scalar_subquery().label("trials"),
            sa.select(sa.func.count()).where(v.c.experiment_id == e.c.id).scalar_subquery().label("votes"),
            sa.select(first).where(t.c.experiment_id == e.c.id, t.c.position == 0).scalar_subquery().label("first"),
        )
        .order_by(e.c.time.desc(), e.c.id.desc())
        .limit(limit)
    )
    rows = connection.execute(query).mappings().all()
    labels = _labels(connection, [row["id"] for row in rows])
    return tuple(_summary(row, labels.get(row["id"], ())) for row in rows)


def _summary(row: Any, labels: tuple[str, ...]) -> Summary:
    problems = [] if labels else ["its columns are gone"]
    time, settings = _NEVER, {}
    try:
        time = _time(row["time"])
    except _DAMAGE:
        problems.append("its time is no time")
    try:
        settings = dict(json.loads(row["settings"]))
    except _DAMAGE:
        problems.append("its settings are no JSON")
    uid, model, host = (str(row[name]) for name in ("uid", "model", "host"))
    return Summary(
        row["id"], uid, time, model, host, labels, row["trials"], row["votes"], str(row["first"] or "")[:300], settings,
        problem=", ".join(problems),
    )  # fmt: skip


def _labels(connection: Connection, ids: Sequence[int]) -> dict[int, tuple[str, ...]]:
    c = tables.columns
    found: dict[int, list[str]] = defaultdict(list)
    query = sa.select(c.c.experiment_id, _raw(c.c.label)).where(_among(c.c.experiment_id, ids))
    for id, label in connection.execute(query.order_by(c.c.position)):
        found[id].append(str(label))
    return {id: tuple(labels) for id, labels in found.items()}


def duels(connection: Connection, model: str | None) -> tuple[tuple[Duel, ...], dict[int, str]]:
    """All votes with their mixes, oldest first, and of which experiments votes were left out, with the reason."""
    e, v = tables.experiments, tables.votes
    names = ("experiment_id", "left", "right", "verdict", "blind", "source", "time")
    query = sa.select(*(_raw(v.c[name]) for name in names), _raw(e.c.model)).join(e, e.c.id == v.c.experiment_id)
    if model is not None:
        query = query.where(e.c.model == model)
    rows: Sequence[Any] = connection.execute(query.order_by(v.c.time, v.c.id)).all()
    columns = _columns(connection, sorted({row[0] for row in rows}))
    found, left_out = [], dict[int, str]()
    for id, left, right, verdict, blind, source, time, about in rows:
        try:
            there, here = _one_of(columns[id], left), _one_of(columns[id], right)
            duel = Duel(
                there[1], here[1], verdict, there[0], here[0], bool(blind), source, _time(time), about, id
            )  # fmt: skip
        except _DAMAGE as error:
            left_out.setdefault(id, str(error)[:200])
        else:
            found.append(duel)
    return tuple(found), left_out


_Column = tuple[str, Mix]


def _columns(connection: Connection, ids: Sequence[int]) -> dict[int, dict[int, _Column | str]]:
    """Of each experiment its columns by their place: label and mix, or why that cannot be read."""
    c = tables.columns
    found: dict[int, dict[int, _Column | str]] = defaultdict(dict)
    query = sa.select(c.c.experiment_id, c.c.position, _raw(c.c.label), _raw(c.c.mix))
    for id, position, label, mix in connection.execute(query.where(_among(c.c.experiment_id, ids))):
        try:
            found[id][position] = str(label), Mix.from_dict(json.loads(mix))
        except _DAMAGE as error:
            found[id][position] = f"column {position}: {error}"
    return found


def _one_of(columns: dict[int, _Column | str], place: Any) -> _Column:
    column = columns.get(place, f"there is no column {place!r}")
    if isinstance(column, str):
        raise ValueError(column)
    return column


def _time(text: str) -> datetime:
    time = datetime.fromisoformat(text)
    return time if time.tzinfo is not None else time.replace(tzinfo=timezone.utc)


def _raw(column: Any) -> Any:
    """As SQLite holds it: SQLAlchemy's own reading stops at the first value that it does not understand."""
    return sa.type_coerce(column, sa.types.NullType()).label(column.name)


def _among(column: Any, ids: Sequence[int]) -> Any:
    """Between the least and the greatest: SQLite takes a limited number of values one by one."""
    return column.between(min(ids), max(ids)) if ids else sa.false()
