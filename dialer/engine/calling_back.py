"""Callbacks as people agree and change them. A time at which the law would let nobody ring is refused when it is given."""

from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

from dialer.callbacks import Booking, Callback, CallbackWish, local_instant
from dialer.campaign import CampaignPolicy
from dialer.compliance import earliest, snapshot_of
from dialer.errors import InvalidInputError
from dialer.events import DispositionChosen
from dialer.ids import AgentId, CallbackId
from dialer.law import Law
from dialer.leads import Lead
from dialer.ports import ProfileBook, Stores

CANCELLED = "callback_cancelled"
"""What holds a lead whose callback a person has cancelled."""


def check_time(field: str, at: datetime, lead: Lead, policy: CampaignPolicy, law: Law) -> None:
    """What may change until then (other calls) is looked at again when it is dialled. Raises InvalidInputError with the next
    instant that is allowed."""
    facts = replace(snapshot_of(lead, policy), agent_reserved=True)
    free = earliest(facts, law.of_call(lead.phone, "", at), at)
    if free == at:
        return
    local = (
        "" if free is None else free.astimezone(ZoneInfo(lead.zone)).isoformat(timespec="seconds")
    )
    allowed = f"the next is {local}" if local else "none is in reach"
    raise InvalidInputError(field, f"not allowed at that instant; {allowed}")


def booking_of(event: DispositionChosen, policy: CampaignPolicy) -> Booking | None:
    """What the agent's word books; None: it says no time. Raises InvalidInputError."""
    if event.callback_at is None:
        return None
    wish = event.wish or CallbackWish()
    return Booking(
        kind=wish.kind,
        due_at=event.callback_at,
        agent_id=event.agent_id if wish.own else None,
        grace=policy.callback_grace,
        most_tries=policy.callback_tries,
        note=wish.note,
    )


async def move_callback(
    stores: Stores,
    profiles: ProfileBook,
    callback_id: CallbackId,
    *,
    due_at: datetime | None,
    agent_id: AgentId | None,
    centre: str,
    now: datetime,
) -> Callback:
    """`due_at`: without an offset, by the person's clocks; None: as it is. `agent_id`: whom it is for; None: anyone. Raises as
    CallbackStore.move, and NotFoundError for an agent whom nobody knows."""
    callback = await stores.callbacks.get(callback_id)
    policy = (await stores.campaigns.get(callback.campaign_id)).policy
    lead = await stores.leads.get(callback.lead_id)
    if agent_id is not None and agent_id != callback.agent_id:
        await stores.agents.get(agent_id)
    wanted = callback.due_at if due_at is None else local_instant(due_at, lead.zone)
    law = profiles.law(policy.profile, sector=policy.sector, centre=centre)
    if callback.waits and wanted > now:
        check_time("due_at", wanted, lead, policy, law)
    return await stores.callbacks.move(
        callback_id, client_id=policy.client_id, due_at=wanted, agent_id=agent_id, at=now
    )


async def cancel_callback(stores: Stores, callback_id: CallbackId, *, now: datetime) -> Callback:
    """Raises as CallbackStore.cancel."""
    callback = await stores.callbacks.get(callback_id)
    policy = (await stores.campaigns.get(callback.campaign_id)).policy
    return await stores.callbacks.cancel(
        callback_id, client_id=policy.client_id, reason=CANCELLED, at=now
    )
