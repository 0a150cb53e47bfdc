"""Which calls of a batch may be opened: pure, shared by every store, so that all obey one rule."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from dialer.adapters.call_limits import Refusal, Tried, limit_on, tried_by
from dialer.commands import PlaceCall
from dialer.events import NotOpened
from dialer.ids import CallId, CampaignId, LeadId, TrunkId
from dialer.ports import OpenResult
from dialer.trunks import Trunk

CLOCKS_APART = timedelta(seconds=4)
"""Servers' clocks may differ by so much. An attempt that seems to begin later yet is one of before a clock was put back."""


@dataclass(frozen=True, slots=True)
class TrunkUse:
    """What a trunk carries, over all teams: open attempts, and attempts that began within its rate."""

    open: int = 0
    recent: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class OpeningFacts:
    """What the store finds under its locks. A trunk that is not in `limited` has no limits."""

    held: Mapping[LeadId, CampaignId]  # leads that the owner holds
    barred: Collection[CallId]  # whose number is on the do-not-call list for their client
    blocked: Collection[str]  # numbers that a disposition blocks
    tried: Sequence[Tried] = ()  # attempts that the calls' limits may count
    limited: Mapping[TrunkId, Trunk]
    uses: Mapping[TrunkId, TrunkUse]


def admitted(
    calls: Sequence[PlaceCall], facts: OpeningFacts
) -> tuple[list[PlaceCall], dict[CallId, Refusal]]:
    """The calls that may be written, in their order, and why not the others."""
    uses, tried = dict(facts.uses), list(facts.tried)
    room: list[PlaceCall] = []
    refused: dict[CallId, Refusal] = {}
    for call in calls:
        use = uses.get(call.trunk, TrunkUse())
        reason = (
            _not_allowed(call, facts)
            or limit_on(call, tried)
            or _above(facts.limited.get(call.trunk), use)
        )
        if reason is None:
            uses[call.trunk] = TrunkUse(use.open + 1, use.recent + 1)
            tried.append(tried_by(call))
            room.append(call)
        else:
            refused[call.call_id] = reason if isinstance(reason, tuple) else (reason, None)
    return room, refused


def result(
    calls: Sequence[PlaceCall], written: Collection[CallId], refused: Mapping[CallId, Refusal]
) -> OpenResult:
    """`refused`: by `admitted`; what is neither there nor written met an open attempt or a used id."""
    left = {call.call_id for call in calls}.difference(written)
    reasons = {call_id: refused.get(call_id, _ALREADY_OPEN) for call_id in left}
    return OpenResult(
        written=frozenset(written),
        refused={call_id: reason for call_id, (reason, _) in reasons.items()},
        free_at={call_id: at for call_id, (_, at) in reasons.items() if at is not None},
    )


_ALREADY_OPEN: Refusal = (NotOpened.ALREADY_OPEN, None)


def none(calls: Sequence[PlaceCall], reason: NotOpened) -> OpenResult:
    """All are refused."""
    return OpenResult(refused={call.call_id: reason for call in calls})


def _not_allowed(call: PlaceCall, facts: OpeningFacts) -> NotOpened | None:
    if facts.held.get(call.lead_id) != call.campaign_id:
        return NotOpened.NOT_RESERVED
    if call.call_id in facts.barred:
        return NotOpened.DO_NOT_CALL
    return NotOpened.NUMBER_BLOCKED if call.phone in facts.blocked else None


def _above(trunk: Trunk | None, use: TrunkUse) -> NotOpened | None:
    if trunk is None:
        return None
    if trunk.lines is not None and use.open >= trunk.lines:
        return NotOpened.TRUNK_LINES
    if trunk.rate is not None and use.recent >= trunk.rate[0]:
        return NotOpened.TRUNK_RATE
    return None
