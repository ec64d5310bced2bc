"""Adapters, columns and replies get tables of their own; trials get a place, a label, messages and tokens."""

from collections import Counter
from uuid import uuid4

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    connection = op.get_bind()
    old = {name: _rows(connection, name) for name in ("experiments", "trials", "votes")}
    for name in ("votes", "trials", "experiments"):
        op.drop_table(name)
    new = _create()
    for experiment in old["experiments"]:
        _move_experiment(new, experiment)
    places = _move_trials(new, old["trials"])
    for vote in old["votes"]:
        owner, trial = places[vote.pop("trial_id")]
        op.bulk_insert(new["votes"], [{**vote, "experiment_id": owner, "trial": trial}])


def _rows(connection: sa.Connection, name: str) -> list[dict]:
    table = sa.Table(name, sa.MetaData(), autoload_with=connection, resolve_fks=False)
    return [dict(row) for row in connection.execute(sa.select(table).order_by(table.c.id)).mappings()]


def _move_experiment(new: dict[str, sa.Table], experiment: dict) -> None:
    adapters, columns = experiment.pop("adapters"), experiment.pop("columns")
    op.bulk_insert(new["experiments"], [{**experiment, "uid": uuid4().hex, "host": ""}])
    owner = {"experiment_id": experiment["id"]}
    op.bulk_insert(new["adapters"], [{**owner, "position": at, **one} for at, one in enumerate(adapters)])
    op.bulk_insert(new["columns"], [{**owner, "position": at, **one} for at, one in enumerate(columns)])


def _move_trials(new: dict[str, sa.Table], trials: list[dict]) -> dict[int, tuple[int, int]]:
    """Moves them, and answers with the experiment and the place in it of each trial, by its number."""
    places: dict[int, tuple[int, int]] = {}
    questions: dict[int, dict[str, int]] = {}
    counts: Counter[int] = Counter()
    for trial in trials:
        experiment, replies = trial["experiment_id"], trial.pop("replies")
        asked = questions.setdefault(experiment, {})
        question = asked.setdefault(trial["prompt"], len(asked))
        position = counts[experiment]
        counts[experiment] += 1
        places[trial["id"]] = (experiment, position)
        more = {"position": position, "question": question, "label": "", "messages": [], "note": ""}
        op.bulk_insert(new["trials"], [{**trial, **more, "seed": str(trial["seed"])}])
        said = [{"trial_id": trial["id"], "position": at, "token_ids": [], **one} for at, one in enumerate(replies)]
        op.bulk_insert(new["replies"], said)
    return places


def _create() -> dict[str, sa.Table]:
    return {
        "experiments": op.create_table(
            "experiments",
            sa.Column("id", sa.Integer, primary_key=True),
            sa.Column("uid", sa.String(32), nullable=False),
            sa.Column("time", sa.String(40), nullable=False),
            sa.Column("model", sa.Text, nullable=False),
            sa.Column("host", sa.Text, nullable=False),
            sa.Column("settings", sa.JSON, nullable=False),
            sa.UniqueConstraint("uid", name="one_experiment_a_uid"),
            sqlite_autoincrement=True,
        ),
        "adapters": op.create_table(
            "adapters",
            _of("experiment", primary=True),
            sa.Column("position", sa.Integer, primary_key=True),
            sa.Column("name", sa.Text, nullable=False),
            sa.Column("method", sa.Text, nullable=False),
            sa.Column("rank", sa.Integer, nullable=False),
            sa.Column("alpha", sa.Float, nullable=False),
        ),
        "columns": op.create_table(
            "columns",
            _of("experiment", primary=True),
            sa.Column("position", sa.Integer, primary_key=True),
            sa.Column("label", sa.Text, nullable=False),
            sa.Column("mix", sa.JSON, nullable=False),
        ),
        "trials": op.create_table(
            "trials",
            sa.Column("id", sa.Integer, primary_key=True),
            _of("experiment"),
            sa.Column("position", sa.Integer, nullable=False),
            sa.Column("question", sa.Integer, nullable=False),
            sa.Column("label", sa.Text, nullable=False),
            sa.Column("prompt", sa.Text, nullable=False),
            sa.Column("messages", sa.JSON, nullable=False),
            sa.Column("seed", sa.String(24), nullable=False),
            sa.Column("seconds", sa.Float, nullable=False),
            sa.Column("note", sa.Text, nullable=False),
            sa.UniqueConstraint("experiment_id", "position", name="one_trial_a_position"),
        ),
        "replies": op.create_table(
            "replies",
            _of("trial", primary=True),
            sa.Column("position", sa.Integer, primary_key=True),
            sa.Column("text", sa.Text, nullable=False),
            sa.Column("token_ids", sa.JSON, nullable=False),
            sa.Column("finish", sa.String(16), nullable=False),
            sa.Column("seconds", sa.Float, nullable=False),
        ),
        "votes": op.create_table(
            "votes",
            sa.Column("id", sa.Integer, primary_key=True),
            _of("experiment"),
            sa.Column("trial", sa.Integer, nullable=False),
            sa.Column("left", sa.Integer, nullable=False),
            sa.Column("right", sa.Integer, nullable=False),
            sa.Column("verdict", sa.String(8), nullable=False),
            sa.Column("time", sa.String(40), nullable=False),
        ),
    }


def _of(parent: str, primary: bool = False) -> sa.Column:
    key = sa.ForeignKey(f"{parent}s.id", ondelete="CASCADE")
    return sa.Column(f"{parent}_id", sa.Integer, key, nullable=False, index=not primary, primary_key=primary)
