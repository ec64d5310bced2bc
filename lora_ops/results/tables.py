"""The tables of experiments as the newest migration leaves them; `lora_ops/migrations` gets them there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..optional_packages import needed

__all__ = ["HEAD", "adapters", "columns", "experiments", "metadata", "replies", "sa", "trials", "votes"]

if TYPE_CHECKING:
    import sqlalchemy as sa
else:
    sa = needed("sqlalchemy", "keeping experiments")

#: The newest revision in `migrations/versions`.
HEAD = "0003"

metadata = sa.MetaData()


def _of(parent: str, primary: bool = False) -> sa.Column[int]:
    return sa.Column(
        f"{parent}_id", sa.ForeignKey(f"{parent}s.id", ondelete="CASCADE"), nullable=False, index=not primary,
        primary_key=primary,
    )  # fmt: skip


experiments = sa.Table(
    "experiments",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("uid", sa.String(32), nullable=False),
    sa.Column("time", sa.String(40), nullable=False),  # ISO 8601, UTC
    sa.Column("model", sa.Text, nullable=False),
    sa.Column("host", sa.Text, nullable=False),
    sa.Column("settings", sa.JSON, nullable=False),
    sa.UniqueConstraint("uid", name="one_experiment_a_uid"),
    sqlite_autoincrement=True,  # a number is never given twice: what a page still shows may have been deleted
)

adapters = sa.Table(
    "adapters",
    metadata,
    _of("experiment", primary=True),
    sa.Column("position", sa.Integer, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("method", sa.Text, nullable=False),
    sa.Column("rank", sa.Integer, nullable=False),
    sa.Column("alpha", sa.Float, nullable=False),
    sa.Column("hash", sa.Text, nullable=False),
)

columns = sa.Table(
    "columns",
    metadata,
    _of("experiment", primary=True),
    sa.Column("position", sa.Integer, primary_key=True),
    sa.Column("label", sa.Text, nullable=False),
    sa.Column("mix", sa.JSON, nullable=False),
)

trials = sa.Table(
    "trials",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    _of("experiment"),
    sa.Column("position", sa.Integer, nullable=False),
    sa.Column("question", sa.Integer, nullable=False),
    sa.Column("label", sa.Text, nullable=False),
    sa.Column("prompt", sa.Text, nullable=False),
    sa.Column("messages", sa.JSON, nullable=False),
    sa.Column(
        "seed", sa.String(24), nullable=False
    ),  # up to 64 bits without a sign, which SQLite's integers cannot hold
    sa.Column("seconds", sa.Float, nullable=False),
    sa.Column("note", sa.Text, nullable=False),
    sa.Column("scores", sa.JSON(none_as_null=True)),
    sa.UniqueConstraint("experiment_id", "position", name="one_trial_a_position"),
)

replies = sa.Table(
    "replies",
    metadata,
    _of("trial", primary=True),
    sa.Column("position", sa.Integer, primary_key=True),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("token_ids", sa.JSON, nullable=False),
    sa.Column("finish", sa.String(16), nullable=False),
    sa.Column("seconds", sa.Float, nullable=False),
)

votes = sa.Table(
    "votes",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    _of("experiment"),
    sa.Column("trial", sa.Integer, nullable=False),
    sa.Column("left", sa.Integer, nullable=False),
    sa.Column("right", sa.Integer, nullable=False),
    sa.Column("verdict", sa.String(8), nullable=False),
    sa.Column("blind", sa.Boolean, nullable=False),
    sa.Column("source", sa.String(8), nullable=False),
    sa.Column("time", sa.String(40), nullable=False),
)
