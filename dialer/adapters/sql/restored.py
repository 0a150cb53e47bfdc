"""A database that was put back from a backup, made safe: what happened after the backup is not in it.

Nobody is dialled before a person has looked (every campaign is held), and a server that still runs on the state before
can write nothing that rings (every fence is higher than any it may have). Leads that were reserved are free. Attempts that
were open stay open: the next server looks on the exchange what became of them.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select, update

from dialer.adapters.sql.campaigns import HOLD
from dialer.adapters.sql.engine import Database, insert_or_skip
from dialer.adapters.sql.faults import again
from dialer.adapters.sql.leads import GIVE_BACK
from dialer.adapters.sql.tables import agents, attempts, campaigns, team_leases

FENCES = 100_000
"""More take-overs of a team than can be between a backup and its restore."""


@dataclass(frozen=True, slots=True)
class Restored:
    """What the database holds now."""

    campaigns_held: int
    leads_given_back: int
    open_attempts: int
    newest_attempt_at: datetime | None  # what came after it is forgotten


@again
async def mark_restored(database: Database, *, at: datetime) -> Restored:
    """One transaction. Raises StoreUnavailableError."""
    async with database.write() as connection:
        held = await connection.execute(HOLD, {"since": at})
        teams = select(agents.c.team_id).union(select(campaigns.c.team_id))
        for (team_id,) in (await connection.execute(teams)).all():
            row = {"team_id": team_id, "owner": None, "fence": 0, "until": at}
            await connection.execute(insert_or_skip(connection, team_leases), row)
        raised = team_leases.c.fence + FENCES
        await connection.execute(update(team_leases).values(fence=raised, owner=None))
        freed = await connection.execute(GIVE_BACK)
        still_open = select(func.count()).where(attempts.c.ended_at.is_(None))
        newest = select(func.max(attempts.c.started_at))
        return Restored(
            campaigns_held=held.rowcount,
            leads_given_back=freed.rowcount,
            open_attempts=(await connection.execute(still_open)).scalar_one(),
            newest_attempt_at=(await connection.execute(newest)).scalar_one(),
        )


async def is_in_use(database: Database, *, at: datetime) -> bool:
    """Whether a server holds a lease now."""
    held = select(func.count()).where(team_leases.c.owner.is_not(None), team_leases.c.until > at)
    async with database.read() as connection:
        return bool((await connection.execute(held)).scalar_one())
