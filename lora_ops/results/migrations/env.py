"""Runs migrations on the connection that `lora_ops/results/records.py` hands over, inside its transaction."""

from alembic import context

context.configure(
    connection=context.config.attributes["connection"],
    transactional_ddl=True,  # SQLite can undo DDL too: a migration that is cut off leaves the old schema
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
