"""What a simulated exchange has up, against what the team believes: the engine's reconciliation, which waits for nothing here."""

from collections.abc import Sequence
from datetime import datetime
from typing import cast

from dialer.engine.reconcile import look
from dialer.events import Event, Fate
from dialer.forecast.lead_list import at_once
from dialer.ids import ONLY_NODE, CallId, CampaignId
from dialer.ports import AttemptStore, ChannelsUp, OpenAttempt, Telephony
from dialer.simulator.virtual import VirtualExchange
from dialer.team import Team


class _Asked:
    """An exchange that answers at once, and a store in which no attempt is open, as reconciliation asks them."""

    def __init__(self, exchange: VirtualExchange) -> None:
        self._exchange = exchange

    async def channels_up(self) -> ChannelsUp:
        return self._exchange.channels_up()

    async def fate(self, call_id: CallId) -> Fate:
        return self._exchange.fate(call_id)

    async def still_open(self, campaigns: list[CampaignId]) -> list[OpenAttempt]:
        return []


def look_up(team: Team, exchange: VirtualExchange, now: datetime) -> Sequence[Event]:
    """The events that bring the team in line with the exchange."""
    asked = _Asked(exchange)
    telephony, attempts = cast(Telephony, asked), cast(AttemptStore, asked)
    return at_once(look(team, ONLY_NODE, telephony, attempts, now)).events
