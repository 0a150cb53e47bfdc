"""Lease in memory."""

from dataclasses import replace
from datetime import datetime, timedelta

from dialer.adapters.lead_changes import after_release
from dialer.adapters.memory_tables import MemoryTables
from dialer.ids import TeamId
from dialer.ports import TeamLease, fenced_owner


class MemoryLease:
    def __init__(self, tables: MemoryTables) -> None:
        self._tables = tables

    async def acquire(
        self, team_id: TeamId, *, owner: str, ttl: timedelta, at: datetime
    ) -> int | None:
        other = await self.held_by(team_id, at=at)
        if other is not None and other.owner != owner:
            return None
        known = self._tables.leases.get(team_id)
        fence = known.fence + 1 if known else 1
        lease = TeamLease(team_id=team_id, owner=owner, fence=fence, until=at + ttl)
        self._tables.leases[team_id] = lease
        self._tables.released.discard(team_id)
        self._give_back(team_id, fence - 1)
        return fence

    async def renew(self, team_id: TeamId, *, fence: int, ttl: timedelta, at: datetime) -> bool:
        lease = self._tables.lease(team_id, fence)
        if lease is None:
            return False
        self._tables.leases[team_id] = replace(lease, until=at + ttl)
        return True

    async def release(self, team_id: TeamId, *, fence: int) -> None:
        if self._tables.lease(team_id, fence) is not None:
            self._tables.released.add(team_id)
            self._give_back(team_id, fence)

    async def held_by(self, team_id: TeamId, *, at: datetime) -> TeamLease | None:
        lease = self._tables.leases.get(team_id)
        running = lease is not None and lease.until > at and team_id not in self._tables.released
        return lease if running else None

    async def running(self, *, at: datetime) -> list[TeamLease]:
        teams = sorted(self._tables.leases)
        return [held for team in teams if (held := await self.held_by(team, at=at)) is not None]

    def _give_back(self, team_id: TeamId, fence: int) -> None:
        for lead_id in set(self._tables.held[fenced_owner(team_id, fence)]):
            self._tables.put_lead(after_release(self._tables.leads[lead_id].lead))
