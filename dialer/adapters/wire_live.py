"""LiveState on a line: one value a team, which runs out when its server does not renew it."""

from collections.abc import Callable, Collection

from dialer.adapters.wire_format import GarbledError, pack_live, unpack_live
from dialer.adapters.wire_line import Line
from dialer.ids import TeamId
from dialer.live_ports import LIVE_SECONDS, LiveTeam
from dialer.logs import get_logger

logger = get_logger(__name__)


class WireLive:
    def __init__(self, line: Line, key_of: Callable[[TeamId], str]) -> None:
        self._line = line
        self._key_of = key_of

    def show(self, team: LiveTeam) -> None:
        key = self._key_of(team.view.team_id)
        self._line.put(key, pack_live(team), seconds=LIVE_SECONDS)

    async def shown(self, team_ids: Collection[TeamId]) -> list[LiveTeam]:
        values = await self._line.get([self._key_of(team_id) for team_id in team_ids])
        return [team for value in values if value is not None and (team := _read(value))]


def _read(value: bytes) -> LiveTeam | None:
    """None: it cannot be read, as if it was not there."""
    try:
        return unpack_live(value)
    except GarbledError:
        logger.warning("live_garbled", bytes=len(value))
        return None
