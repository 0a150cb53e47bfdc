"""Tells the teams of this server when callbacks of their campaigns fall due, whoever booked or moved them, and counts them.

Read from the store every SECONDS: so late, at most, a team hears of one that was moved on another server or on the command line.
"""

import asyncio

from dialer.callback_ports import CallbackCounts
from dialer.campaign_run import CampaignRun
from dialer.engine.runner import TeamRunner
from dialer.engine.switchboard import Switchboard
from dialer.errors import StoreUnavailableError
from dialer.events import CallbacksExpected
from dialer.ids import CampaignId
from dialer.logs import get_logger
from dialer.ports import Clock, Stores

logger = get_logger(__name__)

SECONDS = 15.0


class CallbackWatch:
    """Of one server."""

    def __init__(self, *, stores: Stores, clock: Clock, switchboard: Switchboard) -> None:
        self._stores = stores
        self._clock = clock
        self._switchboard = switchboard
        self.counts: dict[CampaignId, CallbackCounts] = {}  # of the last look

    async def keep(self) -> None:
        """For good."""
        while True:
            await self.look()
            await asyncio.sleep(SECONDS)

    async def look(self) -> None:
        """Once. While the store cannot be read, what was told last holds."""
        counts: dict[CampaignId, CallbackCounts] = {}
        try:
            for runner, run in self._switchboard.runs():
                counts[run.policy.campaign_id] = await self._look_at(runner, run)
        except StoreUnavailableError as error:
            logger.warning("callbacks_not_read", reason=error)
            return
        self.counts = counts

    async def _look_at(self, runner: TeamRunner, run: CampaignRun) -> CallbackCounts:
        campaign_id, now = run.policy.campaign_id, self._clock.now()
        counts = await self._stores.callbacks.counts(campaign_id, at=now)
        if counts.waiting:
            next_at = await self._stores.callbacks.next_at(campaign_id, at=now)
            if next_at is not None:
                runner.post(CallbacksExpected(campaign_id=campaign_id, next_at=next_at, at=now))
        return counts
