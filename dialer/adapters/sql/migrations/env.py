"""Run by Alembic; dialer.adapters.sql.migrate hands over the connection and owns the transaction."""

from alembic import context

from dialer.adapters.sql.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
