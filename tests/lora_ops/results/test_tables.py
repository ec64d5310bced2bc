"""The newest schema is where the migrations lead."""

from __future__ import annotations

from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from helpers import kept

from lora_mixer.lora_ops.results import database, tables


def test_the_migrations_lead_to_the_tables(records, path):
    records.list()
    with database._engine(path, foreign_keys=True).connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), tables.metadata) == []
    assert kept.query(path, "SELECT version_num FROM alembic_version") == [(tables.HEAD,)]
    assert kept.query(path, "PRAGMA journal_mode") == [("wal",)]
