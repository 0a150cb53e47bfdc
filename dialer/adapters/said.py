"""What an agent says of an attempt, and what was said of it before: pure functions, shared by every store."""

from dataclasses import replace
from datetime import datetime

from dialer.commands import RecordDisposition
from dialer.dispositions import Category
from dialer.do_not_call import DoNotCall
from dialer.ports import Attempt, FormerDisposition

SAID_BY_AGENT = "said to an agent"
"""Why a number is on the do-not-call list, when a disposition put it there."""


def barred_by_agent(phone: str, record: RecordDisposition) -> DoNotCall:
    """The entry that a do-not-call disposition makes. For every client: who says it to one is called by none."""
    return DoNotCall(
        digits=phone, reason=SAID_BY_AGENT, source="call", who=record.agent_id, added_at=record.at
    )


def wrong_number_of(record: RecordDisposition) -> datetime | None:
    """When it was said that the number is somebody else's."""
    wrong = record.ruling is not None and record.ruling.category is Category.WRONG_NUMBER
    return record.at if wrong else None


def said_of(attempt: Attempt, record: RecordDisposition) -> Attempt:
    """The attempt with its new disposition; who talked stays its agent."""
    return replace(
        attempt,
        disposition=record.disposition,
        category=record.ruling.category if record.ruling else None,
        blocks_number=record.ruling.blocks_number if record.ruling else False,
        disposed_at=record.at,
        agent_id=attempt.agent_id or record.agent_id,
    )


def former_of(attempt: Attempt, record: RecordDisposition) -> FormerDisposition | None:
    """What the record replaces; None: nothing, or the same again."""
    if attempt.disposition is None or attempt.disposition == record.disposition:
        return None
    return FormerDisposition(
        call_id=attempt.call_id,
        agent_id=attempt.agent_id,
        disposition=attempt.disposition,
        category=attempt.category,
        said_at=attempt.disposed_at,
        replaced_at=record.at,
        replaced_by=record.agent_id,
    )
