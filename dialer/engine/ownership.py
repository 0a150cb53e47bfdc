"""Which teams this server runs: leases in the database, taken when free, renewed while we live, given back when we stop.

Two servers on one database share the teams out; when one dies, the other takes its teams as the leases run out.

Who shares. A server whose link to the exchange is up takes a seat: a lease like a team's, under a name that no team can have.
So the number of seats that are held is the number of servers that share, and a server that dies leaves its seat as it leaves
its teams. With t teams and s seats a server's share is t / s, rounded up: it takes nobody's team only while it has fewer, and
gives one back when it has more. Since the shares of all add up to t or more, every team finds a server. While no other server
has a seat, a server takes every team, also without a seat of its own.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from dialer.ids import TeamId
from dialer.logs import get_logger
from dialer.ports import Clock, Lease, TeamLease

logger = get_logger(__name__)

LEASE = timedelta(seconds=6)
"""A dead server's teams stand still at most this long, plus one RENEWAL. Longer than reconcile.SETTLING, so that every
attempt of the dead server is old enough to be adopted."""

RENEWAL = timedelta(seconds=2)
"""Two renewals may fail before a lease runs out."""

SEATS = 64
SEAT = "@seat-"  # no team's id begins so


@dataclass(frozen=True, slots=True)
class Standing:
    """Who holds what at one instant."""

    leases: tuple[TeamLease, ...]

    def holder(self, team_id: TeamId) -> str | None:
        return next((one.owner for one in self.leases if one.team_id == team_id), None)

    def seated(self) -> frozenset[str]:
        return frozenset(one.owner for one in self.leases if one.team_id.startswith(SEAT))

    def first_end(self, *, besides: str) -> datetime | None:
        """When the first lease of the others runs out, if it is not renewed."""
        return min((one.until for one in self.leases if one.owner != besides), default=None)


def share(teams: int, servers: int) -> int:
    return -(-teams // servers)


class Ownership:
    """The leases of one life of one server. `owner` must be new for every life."""

    def __init__(self, leases: Lease, clock: Clock, owner: str) -> None:
        self._leases = leases
        self._clock = clock
        self.owner = owner
        self._fences: dict[TeamId, int] = {}
        self._seat: tuple[TeamId, int] | None = None

    def fence(self, team_id: TeamId) -> int | None:
        """Of a team that is ours; None: it is not."""
        return self._fences.get(team_id)

    async def standing(self) -> Standing:
        """Raises StoreUnavailableError, as all that follows."""
        return Standing(tuple(await self._leases.running(at=self._clock.now())))

    # --- how many -----------------------------------------------------------------------------------------------------

    async def sit_down(self, standing: Standing) -> None:
        """Be counted among the servers that share the teams."""
        if self._seat is not None:
            return
        names = (TeamId(f"{SEAT}{number}") for number in range(1, SEATS + 1))
        for name in names:
            if standing.holder(name) is None and (fence := await self._acquire(name)) is not None:
                self._seat = (name, fence)
                return

    async def stand_up(self) -> None:
        """Be counted no more."""
        if self._seat is not None:
            await self._leases.release(self._seat[0], fence=self._seat[1])
            self._seat = None

    def may_take(self, teams: int, standing: Standing) -> bool:
        """Whether one more of so many teams is within our share."""
        others = standing.seated() - {self.owner}
        if not others:
            return True
        return self._seat is not None and len(self._fences) < share(teams, len(others) + 1)

    def too_many(self, teams: int, standing: Standing) -> bool:
        others = standing.seated() - {self.owner}
        if not others or self._seat is None:
            return False
        return len(self._fences) > share(teams, len(others) + 1)

    # --- which --------------------------------------------------------------------------------------------------------

    async def take(self, team_id: TeamId) -> int | None:
        """Make the team ours if it is nobody's. Returns its fence; None: another server runs it."""
        if team_id in self._fences:
            return self._fences[team_id]
        fence = await self._acquire(team_id)
        if fence is not None:
            self._fences[team_id] = fence
            logger.info("team_taken", team=team_id, fence=fence)
        return fence

    async def give_back(self, team_id: TeamId) -> None:
        """Another server may take the team at once, and gets the leads that were reserved."""
        fence = self._fences[team_id]
        await self._leases.release(team_id, fence=fence)
        del self._fences[team_id]
        logger.info("team_given_back", team=team_id, fence=fence)

    async def renew(self) -> list[TeamId]:
        """Renew all; returns the teams that are not ours any more. The seat first: where its end is seen, our teams' is
        near, and whoever takes them counts without us."""
        if self._seat is not None and not await self._renew(*self._seat):
            self._seat = None
        lost = []
        for team_id, fence in list(self._fences.items()):
            if not await self._renew(team_id, fence):
                logger.error("team_lost", team=team_id, fence=fence)
                del self._fences[team_id]
                lost.append(team_id)
        return lost

    async def release(self) -> list[TeamId]:
        """Give all back, so that another server need not wait. Returns the teams."""
        await self.stand_up()
        teams = list(self._fences)
        for team_id in teams:
            await self.give_back(team_id)
        return teams

    async def _acquire(self, name: TeamId) -> int | None:
        return await self._leases.acquire(name, owner=self.owner, ttl=LEASE, at=self._clock.now())

    async def _renew(self, name: TeamId, fence: int) -> bool:
        return await self._leases.renew(name, fence=fence, ttl=LEASE, at=self._clock.now())
