"""Rows to domain objects and back, column by column."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, Row

from dialer.adapters.person_numbers import packed_numbers, unpacked_numbers
from dialer.adapters.sql.tables import attempts, campaigns, leads
from dialer.attributes import unpacked
from dialer.ids import AgentId, CallId, CampaignId, LeadId, ListId, NodeId, TrunkId
from dialer.leads import Lead, LeadState
from dialer.ledger_records import Opened
from dialer.ports import Attempt, FormerDisposition, OpenAttempt

CHAIN = campaigns.c.client_id
"""Of the ledger: the client company of the attempt's campaign."""

LEAD_COLUMNS = [
    leads.c.id,
    leads.c.campaign_id,
    leads.c.phone,
    leads.c.name,
    leads.c.zone,
    leads.c.priority,
    leads.c.state,
    leads.c.attempts,
    leads.c.never_rang,
    leads.c.last_attempt_at,
    leads.c.last_outcome,
    leads.c.last_abandoned_at,
    leads.c.next_attempt_at,
    leads.c.external_id,
    leads.c.list_id,
    leads.c.answer_odds,
    leads.c.held_by,
    leads.c.attributes,
    leads.c.numbers,
]

ATTEMPT_COLUMNS = [
    attempts.c.id,
    attempts.c.campaign_id,
    attempts.c.lead_id,
    attempts.c.trunk,
    attempts.c.started_at,
    attempts.c.ringing_at,
    attempts.c.answered_at,
    attempts.c.bridged_at,
    attempts.c.ended_at,
    attempts.c.outcome,
    attempts.c.cause,
    attempts.c.agent_id,
    attempts.c.disposition,
    attempts.c.category,
    attempts.c.blocks_number,
    attempts.c.disposed_at,
]

OPEN_ATTEMPT_COLUMNS = [
    attempts.c.id,
    attempts.c.campaign_id,
    attempts.c.lead_id,
    attempts.c.trunk,
    attempts.c.node,
    attempts.c.started_at,
    attempts.c.answered_at,
    attempts.c.bridged_at,
    attempts.c.agent_id,
    leads.c.attempts,
]


OPENED_COLUMNS: list[ColumnElement[Any]] = [
    attempts.c.id.label("call_id"),
    attempts.c.phone.label("attempt_phone"),
    attempts.c.caller_id,
    attempts.c.trunk,
    attempts.c.trunk_country,
    attempts.c.node,
    attempts.c.profile,
    attempts.c.checks,
    attempts.c.started_at,
    attempts.c.answered_at,
    attempts.c.bridged_at,
    attempts.c.agent_id,
    CHAIN.label("chain"),
]
"""Of an attempt, beside LEAD_COLUMNS of its lead."""


def opened_of(row: Row[Any]) -> Opened:
    """A row of LEAD_COLUMNS and OPENED_COLUMNS."""
    return Opened(
        call_id=CallId(row.call_id),
        campaign_id=CampaignId(row.campaign_id),
        lead_id=LeadId(row.id),
        chain=row.chain,
        caller_id=row.caller_id,
        trunk=row.trunk,
        trunk_country=row.trunk_country,
        node=row.node,
        profile=row.profile,
        checks=row.checks,
        started_at=row.started_at,
        answered_at=row.answered_at,
        bridged_at=row.bridged_at,
        agent_id=None if row.agent_id is None else AgentId(row.agent_id),
    )


def lead_of(row: Row[Any], state: LeadState | None = None) -> Lead:
    """`state`: since the row was read; None: as it says."""
    return Lead(
        lead_id=LeadId(row.id),
        campaign_id=CampaignId(row.campaign_id),
        phone=row.phone,
        name=row.name,
        zone=row.zone,
        priority=row.priority,
        state=state or row.state,
        attempts=row.attempts,
        never_rang=row.never_rang,
        last_attempt_at=row.last_attempt_at,
        last_outcome=row.last_outcome,
        last_abandoned_at=row.last_abandoned_at,
        next_attempt_at=row.next_attempt_at,
        external_id=row.external_id,
        list_id=ListId(row.list_id),
        answer_odds=row.answer_odds,
        held_by=row.held_by,
        attributes=unpacked(row.attributes),
        numbers=unpacked_numbers(row.numbers) if row.numbers else (),
    )


def settled_values(lead: Lead) -> Mapping[str, Any]:
    """The columns of a lead that nobody holds and nobody dials: what an attempt, deferral or disposition can change."""
    return (_turn(lead) if lead.numbers else {}) | {
        "state": lead.state,
        "attempts": lead.attempts,
        "never_rang": lead.never_rang,
        "last_outcome": lead.last_outcome,
        "last_abandoned_at": lead.last_abandoned_at,
        "next_attempt_at": lead.next_attempt_at,
        "held_by": lead.held_by,
        "owner": None,
        "wakes_at": lead.next_attempt_at if lead.state is LeadState.RETRY else None,
    }


def _turn(lead: Lead) -> dict[str, Any]:
    return {
        "phone": lead.phone,
        "zone": lead.zone,
        "numbers": packed_numbers(lead.numbers),
    }


def attempt_of(row: Row[Any]) -> Attempt:
    return Attempt(
        call_id=CallId(row.id),
        campaign_id=CampaignId(row.campaign_id),
        lead_id=LeadId(row.lead_id),
        trunk=TrunkId(row.trunk),
        started_at=row.started_at,
        ringing_at=row.ringing_at,
        answered_at=row.answered_at,
        bridged_at=row.bridged_at,
        ended_at=row.ended_at,
        outcome=row.outcome,
        cause=row.cause,
        agent_id=None if row.agent_id is None else AgentId(row.agent_id),
        disposition=row.disposition,
        category=row.category,
        blocks_number=bool(row.blocks_number),
        disposed_at=row.disposed_at,
    )


def open_attempt_of(row: Row[Any]) -> OpenAttempt:
    """A row of OPEN_ATTEMPT_COLUMNS."""
    return OpenAttempt(
        call_id=CallId(row.id),
        campaign_id=CampaignId(row.campaign_id),
        lead_id=LeadId(row.lead_id),
        trunk=TrunkId(row.trunk),
        started_at=row.started_at,
        answered_at=row.answered_at,
        bridged_at=row.bridged_at,
        agent_id=None if row.agent_id is None else AgentId(row.agent_id),
        attempts=row.attempts,
        node=None if row.node is None else NodeId(row.node),
    )


def former_of(row: Row[Any]) -> FormerDisposition:
    """A row of former_dispositions."""
    return FormerDisposition(
        call_id=CallId(row.call_id),
        agent_id=None if row.agent_id is None else AgentId(row.agent_id),
        disposition=row.disposition,
        category=row.category,
        said_at=row.said_at,
        replaced_at=row.replaced_at,
        replaced_by=AgentId(row.replaced_by),
    )
