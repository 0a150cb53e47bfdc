"""All teams, wherever they run: our own as they are, the others as their servers last showed them.

Each server shows its teams when they change, at most every SHOW_SECONDS, and at least every REPEAT_SECONDS. What it showed
last is remembered, so that it can still be told, with its age, when nothing new comes.
"""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from dialer.engine.ownership import Ownership
from dialer.engine.switchboard import Switchboard
from dialer.errors import NotDeliveredError, NotFoundError, WireDownError
from dialer.ids import TeamId
from dialer.live_ports import LiveTeam, Wires
from dialer.logs import get_logger
from dialer.ports import Clock
from dialer.views import TeamView

logger = get_logger(__name__)

SHOW_SECONDS = 0.5
REPEAT_SECONDS = 2.0
STALE_SECONDS = 5.0
"""Older is not what the team is now: its server is gone, or the wire is."""

FORGET_SECONDS = 60.0


@dataclass(frozen=True, kw_only=True, slots=True)
class TeamPicture:
    """`age_seconds` of the view, by this server's clock; 0 for our own."""

    view: TeamView
    server: str
    host: str
    age_seconds: float = 0.0

    @property
    def stale(self) -> bool:
        return self.age_seconds > STALE_SECONDS


class Overview:
    """`teams`: those of the store. `host`: this machine's name, for people."""

    def __init__(
        self,
        *,
        wires: Wires,
        switchboard: Switchboard,
        ownership: Ownership,
        clock: Clock,
        teams: Callable[[], frozenset[TeamId]],
        host: str,
    ) -> None:
        self._wires = wires
        self._switchboard = switchboard
        self._ownership = ownership
        self._clock = clock
        self._host = host
        self._teams = teams
        self._seen: dict[TeamId, LiveTeam] = {}
        self._shown: dict[TeamId, TeamView] = {}
        self._sequence = 0

    async def teams(self) -> list[TeamPicture]:
        """By id. A team of which nobody has shown anything lately is left out."""
        own = self._switchboard.runners
        await self._look(self._teams() - set(own))
        pictures = [self._own(team_id) for team_id in own]
        pictures += [self._others(seen) for seen in self._seen.values()]
        return sorted(pictures, key=lambda picture: picture.view.team_id)

    async def team(self, team_id: TeamId) -> TeamPicture:
        """Raises NotFoundError; NotDeliveredError when another server runs the team and shows nothing."""
        if team_id in self._switchboard.runners:
            return self._own(team_id)
        await self._look({team_id})
        if team_id in self._seen:
            return self._others(self._seen[team_id])
        if team_id in self._teams():
            raise NotDeliveredError(f"another server runs team {team_id!r}, and shows nothing")
        raise NotFoundError(f"no team {team_id!r}")

    async def find(self, team_id: TeamId) -> TeamPicture | None:
        """None: nothing is known of it."""
        try:
            return await self.team(team_id)
        except (NotFoundError, NotDeliveredError):
            return None

    def _own(self, team_id: TeamId) -> TeamPicture:
        view = self._switchboard.runners[team_id].view()
        return TeamPicture(view=view, server=self._wires.server, host=self._host)

    def _others(self, seen: LiveTeam) -> TeamPicture:
        age = max((self._clock.now() - seen.view.at).total_seconds(), 0.0)
        return TeamPicture(
            view=seen.view, server=seen.server, host=seen.host, age_seconds=round(age, 3)
        )

    async def _look(self, teams: Iterable[TeamId]) -> None:
        """Bring what we have seen of these up to date, as far as it can be."""
        if not self._wires.shared:
            return
        for team in await self._shown_now(sorted(teams)):
            known = self._seen.get(team.view.team_id)
            if known is None or (team.fence, team.sequence) >= (known.fence, known.sequence):
                self._seen[team.view.team_id] = team
        now, own = self._clock.now(), self._switchboard.runners
        self._seen = {
            team_id: seen
            for team_id, seen in self._seen.items()
            if team_id not in own and (now - seen.view.at).total_seconds() < FORGET_SECONDS
        }

    async def _shown_now(self, teams: list[TeamId]) -> list[LiveTeam]:
        if not self._wires.stats().up:
            return []
        try:
            return await self._wires.live.shown(teams)
        except WireDownError:
            return []

    # --- showing ours -------------------------------------------------------------------------------------------------

    async def show_forever(self) -> None:
        while True:
            for team_id in list(self._switchboard.runners):
                try:
                    self._show(team_id)
                except Exception:  # the other teams, and the next picture, are shown
                    logger.exception("show_failed", team=team_id)
            await asyncio.sleep(SHOW_SECONDS)

    def _show(self, team_id: TeamId) -> None:
        view = self._switchboard.runners[team_id].view()
        fence, last = self._ownership.fence(team_id), self._shown.get(team_id)
        if fence is None or (last is not None and not _worth_showing(last, view)):
            return
        self._sequence += 1
        self._shown[team_id] = view
        self._wires.live.show(
            LiveTeam(
                view=view,
                server=self._wires.server,
                host=self._host,
                fence=fence,
                sequence=self._sequence,
            )
        )


def _worth_showing(last: TeamView, view: TeamView) -> bool:
    if (view.at - last.at).total_seconds() >= REPEAT_SECONDS - SHOW_SECONDS / 2:
        return True
    return replace(view, at=last.at) != last
