"""AgentDirectory on SQL."""

from datetime import datetime
from typing import Any

from sqlalchemy import Row, select, update

from dialer.adapters.sql.engine import Database, insert_or_update
from dialer.adapters.sql.faults import again
from dialer.adapters.sql.tables import agents
from dialer.errors import NotFoundError
from dialer.ids import AgentId, TeamId
from dialer.ports import AgentRecord


class SqlAgentDirectory:
    def __init__(self, database: Database) -> None:
        self._database = database

    @again
    async def save(self, agent: AgentRecord) -> None:
        values = {"id": agent.agent_id, "name": agent.name, "team_id": agent.team_id}
        async with self._database.write() as connection:
            await connection.execute(insert_or_update(connection, agents, values, keep=frozenset()))

    @again
    async def set_shift_end(self, agent_id: AgentId, ends_at: datetime | None) -> None:
        said = update(agents).where(agents.c.id == agent_id).values(shift_ends_at=ends_at)
        async with self._database.write() as connection:
            if (await connection.execute(said)).rowcount == 0:
                raise NotFoundError("no such agent")

    async def get(self, agent_id: AgentId) -> AgentRecord:
        async with self._database.read() as connection:
            found = await connection.execute(select(agents).where(agents.c.id == agent_id))
            row = found.one_or_none()
        if row is None:
            raise NotFoundError("no such agent")
        return _agent_of(row)

    async def all(self) -> list[AgentRecord]:
        async with self._database.read() as connection:
            rows = await connection.execute(select(agents).order_by(agents.c.id))
            return [_agent_of(row) for row in rows]


def _agent_of(row: Row[Any]) -> AgentRecord:
    return AgentRecord(
        agent_id=AgentId(row.id),
        name=row.name,
        team_id=TeamId(row.team_id),
        shift_ends_at=row.shift_ends_at,
    )
