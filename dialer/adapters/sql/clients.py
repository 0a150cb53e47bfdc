"""ClientStore on SQL. A client is never removed: do-not-call requests, consents and calls stay its own."""

from collections.abc import Collection

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncConnection

from dialer.adapters.sql.engine import Database, insert_or_update
from dialer.adapters.sql.faults import again
from dialer.adapters.sql.tables import clients
from dialer.clients import Client
from dialer.errors import NotFoundError
from dialer.ids import ClientId


class SqlClientStore:
    def __init__(self, database: Database) -> None:
        self._database = database

    @again
    async def save(self, client: Client) -> None:
        values = {"id": client.client_id, "name": client.name}
        async with self._database.write() as connection:
            await connection.execute(
                insert_or_update(connection, clients, values, keep=frozenset())
            )

    async def all(self) -> list[Client]:
        async with self._database.read() as connection:
            rows = await connection.execute(select(clients).order_by(clients.c.id))
            return [_client_of(row) for row in rows]


async def check_clients(connection: AsyncConnection, wanted: Collection[ClientId]) -> None:
    """Raises NotFoundError."""
    if not wanted:
        return
    query = select(clients.c.id).where(clients.c.id.in_(sorted(wanted)))
    if len((await connection.execute(query)).all()) < len(set(wanted)):
        raise NotFoundError("no such client")


def _client_of(row: Row[tuple[str, str]]) -> Client:
    return Client(client_id=ClientId(row.id), name=row.name)
