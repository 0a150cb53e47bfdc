"""WakeUps on a line: told to every server, many within a moment as one."""

import asyncio
from collections.abc import Callable

from dialer.adapters.wire_format import WAKE, Envelope, Wake, pack
from dialer.adapters.wire_line import Line
from dialer.ids import CampaignId

MOMENT_SECONDS = 0.1


class WireWakeUps:
    def __init__(self, line: Line, *, server: str, everybody: str) -> None:
        self._line = line
        self._server = server
        self._everybody = everybody
        self._pending: set[CampaignId] = set()
        self._on_wake: Callable[[CampaignId], None] = lambda campaign_id: None

    def listen(self, on_wake: Callable[[CampaignId], None]) -> None:
        self._on_wake = on_wake

    def wake(self, campaign_id: CampaignId) -> None:
        if not self._line.shared:
            return
        if not self._pending:
            asyncio.get_running_loop().call_later(MOMENT_SECONDS, self._tell)
        self._pending.add(campaign_id)

    def _tell(self) -> None:
        for campaign_id in sorted(self._pending):
            message = pack(WAKE, Wake(campaign_id), sender=self._server)
            self._line.send(self._everybody, message)
        self._pending.clear()

    def receive(self, envelope: Envelope) -> None:
        if envelope.sender != self._server:
            self._on_wake(envelope.thing.campaign_id)
