"""Scores, hashes of adapters, and where a vote came from."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("adapters", sa.Column("hash", sa.Text, nullable=False, server_default=""))
    op.add_column("trials", sa.Column("scores", sa.JSON))
    # Until then there were only votes in blind sessions.
    op.add_column("votes", sa.Column("blind", sa.Boolean, nullable=False, server_default=sa.true()))
    op.add_column("votes", sa.Column("source", sa.String(8), nullable=False, server_default="blind"))
