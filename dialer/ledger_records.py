"""What the ledger says of an attempt: all that is known of it, as one flat record. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from dialer.commands import CloseAttempt, RecordDisposition
from dialer.ids import AgentId, CallId, CampaignId, LeadId
from dialer.ledger import Draft, Kind, Value, instant


@dataclass(frozen=True, kw_only=True, slots=True)
class Opened:
    """What the store wrote of an attempt before it rang, and while it was up."""

    call_id: CallId
    campaign_id: CampaignId
    lead_id: LeadId
    chain: str  # the client company that is called for
    caller_id: str
    trunk: str
    trunk_country: str | None
    node: str | None
    profile: str | None
    checks: str | None
    started_at: datetime
    answered_at: datetime | None
    bridged_at: datetime | None
    agent_id: AgentId | None


def waited_ms(opened: Opened, close: CloseAttempt) -> int | None:
    """From the answer to the agent, or to the end where there was none; rounded up, so that late stays late. None: nobody
    saw the answer."""
    answered_at = close.answered_at or opened.answered_at
    if answered_at is None:
        return None
    until = close.bridged_at or opened.bridged_at or close.ended_at
    return max(-((answered_at - until) // timedelta(milliseconds=1)), 0)


def of_call(opened: Opened, close: CloseAttempt, phone_hash: str) -> Draft:
    """The end of an attempt. What the close does not know of answer, bridge and agent stays as it was marked."""
    checks: list[str] = opened.checks.split() if opened.checks else []
    body: dict[str, Value] = {
        "kind": Kind.CALL.value,
        "call": opened.call_id,
        "campaign": opened.campaign_id,
        "lead": opened.lead_id,
        "phone": phone_hash,
        "caller_id": opened.caller_id,
        "trunk": opened.trunk,
        "trunk_country": opened.trunk_country,
        "server": opened.node,
        "profile": opened.profile,
        "checks": checks,
        "placed_at": instant(opened.started_at),
        "ringing_at": instant(close.ringing_at),
        "answered_at": instant(close.answered_at or opened.answered_at),
        "screening": close.screening.value if close.screening else None,
        "screened": close.screened,
        "screened_at": instant(close.screened_at),
        "waiting_at": instant(close.waiting_at),
        "bridged_at": instant(close.bridged_at or opened.bridged_at),
        "talk_ended_at": instant(close.talk_ended_at),
        "dropped_at": instant(close.dropped_at),
        "message": close.message,
        "ended_at": instant(close.ended_at),
        "outcome": close.outcome.value,
        "cause": close.cause,
        "agent": close.agent_id or opened.agent_id,
    }
    return Draft(chain=opened.chain, at=close.ended_at, body=body)


def of_disposition(record: RecordDisposition, chain: str) -> Draft:
    body: dict[str, Value] = {
        "kind": Kind.DISPOSITION.value,
        "call": record.call_id,
        "agent": record.agent_id,
        "disposition": record.disposition,
        "category": record.ruling.category.value if record.ruling else None,
        "callback_at": instant(record.callback_at),
    }
    return Draft(chain=chain, at=record.at, body=body)


def of_label(call_id: CallId, label: str, by: str, at: datetime, chain: str) -> Draft:
    body: dict[str, Value] = {
        "kind": Kind.MACHINE_LABEL.value,
        "call": call_id,
        "label": label,
        "by": by,
    }
    return Draft(chain=chain, at=at, body=body)


def of_erasure(lead_id: LeadId, attempts: int, at: datetime, chain: str) -> Draft:
    body: dict[str, Value] = {"kind": Kind.ERASED.value, "lead": lead_id, "attempts": attempts}
    return Draft(chain=chain, at=at, body=body)


def of_pruning(
    first_seq: int, first_prev: str, before: datetime, at: datetime, chain: str
) -> Draft:
    """`first_seq` is the first row that stays, `first_prev` the hash of the last that goes."""
    body: dict[str, Value] = {
        "kind": Kind.PRUNED.value,
        "first_seq": first_seq,
        "first_prev": first_prev,
        "before": instant(before),
    }
    return Draft(chain=chain, at=at, body=body)
