"""Rows of callbacks, for whoever changes them in a transaction of its own."""

from datetime import timedelta
from typing import Any

from sqlalchemy import Row, and_, or_, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.dml import Update

from dialer.adapters.sql.engine import insert_or_update
from dialer.adapters.sql.tables import PROMISED, callbacks
from dialer.callbacks import Callback
from dialer.ids import AgentId, CallbackId, CallId, CampaignId, ClientId, LeadId


async def callback_of_lead(connection: AsyncConnection, lead_id: LeadId) -> Callback | None:
    """The one that it waits for."""
    query = select(callbacks).where(callbacks.c.lead_id == lead_id, text(PROMISED))
    row = (await connection.execute(query.with_for_update())).one_or_none()
    return None if row is None else callback_of(row)


async def talk_callbacks(
    connection: AsyncConnection, call_id: CallId, lead_id: LeadId
) -> tuple[Callback | None, Callback | None]:
    """The one that was agreed in this call, and the one that the lead waits for."""
    waits = and_(callbacks.c.lead_id == lead_id, text(PROMISED))
    query = select(callbacks).where(or_(callbacks.c.id == call_id, waits)).with_for_update()
    found = [callback_of(row) for row in await connection.execute(query)]
    mine = next((each for each in found if each.callback_id == CallbackId(call_id)), None)
    return mine, next((each for each in found if each.waits), None)


async def put_callback(connection: AsyncConnection, callback: Callback) -> None:
    """New or changed."""
    statement = insert_or_update(connection, callbacks, row_of(callback), keep=frozenset())
    await connection.execute(statement)


def forget_notes(lead_id: LeadId) -> Update:
    """Notes say personal things."""
    return update(callbacks).where(callbacks.c.lead_id == lead_id).values(note="")


def callback_of(row: Row[Any]) -> Callback:
    return Callback(
        callback_id=CallbackId(row.id),
        client_id=ClientId(row.client_id),
        campaign_id=CampaignId(row.campaign_id),
        lead_id=LeadId(row.lead_id),
        kind=row.kind,
        due_at=row.due_at,
        agent_id=None if row.agent_id is None else AgentId(row.agent_id),
        grace=None if row.grace_seconds is None else timedelta(seconds=row.grace_seconds),
        most_tries=row.most_tries,
        note=row.note,
        state=row.state,
        tries=row.tries,
        booked_at=row.booked_at,
        booked_by=AgentId(row.booked_by),
        changed_at=row.changed_at,
        reason=row.reason,
    )


def row_of(callback: Callback) -> dict[str, Any]:
    return {
        "id": callback.callback_id,
        "client_id": callback.client_id,
        "campaign_id": callback.campaign_id,
        "lead_id": callback.lead_id,
        "kind": callback.kind,
        "due_at": callback.due_at,
        "agent_id": callback.agent_id,
        "grace_seconds": None if callback.grace is None else callback.grace.total_seconds(),
        "most_tries": callback.most_tries,
        "note": callback.note,
        "state": callback.state,
        "tries": callback.tries,
        "booked_at": callback.booked_at,
        "booked_by": callback.booked_by,
        "changed_at": callback.changed_at,
        "reason": callback.reason,
    }
