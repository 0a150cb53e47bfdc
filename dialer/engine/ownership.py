"""Which teams this server runs: leases in the database, taken when free, renewed while we live, given back when we stop.

Two servers on one database share the teams out; when one dies, the other takes its teams as the leases run out.
"""

from datetime import timedelta

from dialer.ids import TeamId
from dialer.logs import get_logger
from dialer.ports import Clock, Lease

logger = get_logger(__name__)

LEASE = timedelta(seconds=6)
"""A dead server's teams stand still at most this long, plus one RENEWAL. Longer than reconcile.SETTLING, so that every
attempt of the dead server is old enough to be adopted."""

RENEWAL = timedelta(seconds=2)
"""Two renewals may fail before a lease runs out."""


class Ownership:
    """The leases of one life of one server. `owner` must be new for every life."""

    def __init__(self, leases: Lease, clock: Clock, owner: str) -> None:
        self._leases = leases
        self._clock = clock
        self._owner = owner
        self._fences: dict[TeamId, int] = {}

    def fence(self, team_id: TeamId) -> int | None:
        """Of a team that is ours; None: it is not."""
        return self._fences.get(team_id)

    async def take(self, team_id: TeamId) -> int | None:
        """Make the team ours if it is nobody's. Returns its fence; None: another server runs it."""
        if team_id in self._fences:
            return self._fences[team_id]
        fence = await self._leases.acquire(
            team_id, owner=self._owner, ttl=LEASE, at=self._clock.now()
        )
        if fence is not None:
            self._fences[team_id] = fence
            logger.info("team_taken", team=team_id, fence=fence)
        return fence

    async def renew(self) -> list[TeamId]:
        """Renew all; returns the teams that are not ours any more. Raises StoreUnavailableError."""
        lost = []
        for team_id, fence in list(self._fences.items()):
            ours = await self._leases.renew(team_id, fence=fence, ttl=LEASE, at=self._clock.now())
            if not ours:
                logger.error("team_lost", team=team_id, fence=fence)
                del self._fences[team_id]
                lost.append(team_id)
        return lost

    async def release(self) -> None:
        """Give all back, so that another server need not wait."""
        for team_id in list(self._fences):
            await self.give_back(team_id)

    async def give_back(self, team_id: TeamId) -> None:
        """Another server may take the team at once, and gets the leads that were reserved."""
        await self._leases.release(team_id, fence=self._fences[team_id])
        del self._fences[team_id]
