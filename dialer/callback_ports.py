"""The port of callbacks; see `dialer.ports`, which has it among the stores."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from dialer.callbacks import Callback, CallbackState
from dialer.ids import AgentId, CallbackId, CampaignId, ClientId, LeadId
from dialer.leads import Lead


@dataclass(frozen=True, kw_only=True, slots=True)
class CallbackFilter:
    """Which callbacks of a campaign; what is None is not looked at."""

    state: CallbackState | None = None
    agent_id: AgentId | None = None
    due_from: datetime | None = None
    due_before: datetime | None = None

    def takes(self, callback: Callback) -> bool:
        return (
            (self.state is None or callback.state is self.state)
            and (self.agent_id is None or callback.agent_id == self.agent_id)
            and (self.due_from is None or callback.due_at >= self.due_from)
            and (self.due_before is None or callback.due_at < self.due_before)
        )


EVERY_CALLBACK = CallbackFilter()


@dataclass(frozen=True, kw_only=True, slots=True)
class CallbackCounts:
    """Of the callbacks of a campaign that wait, at one instant."""

    waiting: int
    overdue: int  # of these, those whose agreed time is past
    first_due_at: datetime | None = None  # the earliest of the agreed times


class CallbackStore(Protocol):
    """What was promised to people. They are booked, and settled, by the AttemptStore: in the transaction that keeps the agent's
    word, or the end of a call. At most one of a lead waits.

    Every method is one transaction and raises StoreUnavailableError when the database cannot be reached.
    """

    async def get(self, callback_id: CallbackId) -> Callback:
        """Raises NotFoundError."""
        ...

    async def page(
        self,
        campaign_id: CampaignId,
        wanted: CallbackFilter,
        *,
        after: CallbackId | None,
        limit: int,
    ) -> list[Callback]:
        """By id, for paging; those of the campaign's present client only."""
        ...

    async def waiting_of(self, lead_ids: Collection[LeadId]) -> dict[LeadId, Callback]:
        """What these leads wait for."""
        ...

    async def reserve_due(
        self, campaign_id: CampaignId, count: int, *, owner: str, lease: timedelta, at: datetime
    ) -> list[Lead]:
        """Up to `count` leads with a callback that may be tried at `at`, by the times that were agreed; else as
        LeadStore.reserve_due. Each with its callback."""
        ...

    async def next_at(self, campaign_id: CampaignId, *, at: datetime) -> datetime | None:
        """The earliest instant at which a lead with a callback may be reserved; one that is past: now. None: no lead with a
        callback waits. Callbacks whose lead is over by now, whoever ended it, are settled: cancelled where it is EXCLUDED,
        expired where it is DONE."""
        ...

    async def counts(self, campaign_id: CampaignId, *, at: datetime) -> CallbackCounts: ...

    async def escalate(self, callback_id: CallbackId, *, at: datetime) -> None:
        """From now on it is for anyone. One that is not BOOKED is left alone."""
        ...

    async def move(
        self,
        callback_id: CallbackId,
        *,
        client_id: ClientId,
        due_at: datetime,
        agent_id: AgentId | None,
        at: datetime,
    ) -> Callback:
        """To another time, or for somebody else (None: anyone); its lead follows. Raises NotFoundError, also where it is another
        client's; ConflictError where it is over or its lead is being called; InvalidInputError for a time that is past."""
        ...

    async def cancel(
        self, callback_id: CallbackId, *, client_id: ClientId, reason: str, at: datetime
    ) -> Callback:
        """Its lead is not called again: DONE, `reason` as what holds it. Cancelling a cancelled one changes nothing. Raises as
        `move` does."""
        ...
