"""Whether an owner still runs its team, asked inside the transaction that would make telephones ring."""

from sqlalchemy import and_, bindparam, select
from sqlalchemy.ext.asyncio import AsyncConnection

from dialer.adapters.sql.tables import team_leases
from dialer.ports import fence_of

standing = and_(
    team_leases.c.team_id == bindparam("team"),
    team_leases.c.fence == bindparam("number"),
    team_leases.c.owner.is_not(None),
)
"""The lease of :team, where it is held under the fence :number."""

_STANDS = select(team_leases.c.fence).where(standing).with_for_update(read=True)


async def holds(connection: AsyncConnection, owner: str) -> bool:
    """False for an owner whose fence is not its team's any more. True stays true until the end of the transaction: who
    would take the team over waits for it, and then sees what it wrote."""
    fenced = fence_of(owner)
    if fenced is None:
        return True
    team_id, fence = fenced
    found = await connection.execute(_STANDS, {"team": team_id, "number": fence})
    return found.one_or_none() is not None
