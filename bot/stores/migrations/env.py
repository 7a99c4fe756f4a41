"""Alembic's environment: the connection is always handed over by bot.stores.migrate."""

from alembic import context

from bot.stores.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
