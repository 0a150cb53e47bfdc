"""A dry run: what the law would let be dialled of the leads that come first, now and within the next hour. Nobody is rung."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from dialer.campaign import CampaignPolicy
from dialer.compliance import Denied, check, snapshot_of
from dialer.ids import LeadId
from dialer.law import Law
from dialer.leads import Lead

AHEAD = timedelta(hours=1)


@dataclass(frozen=True, kw_only=True, slots=True)
class Rehearsal:
    looked_at: int
    allowed: tuple[LeadId, ...]  # now, in the order in which they would be dialled
    later: int  # not now, but within the hour
    held: Mapping[str, int]  # by reason: not within the hour


def rehearse(leads: Sequence[Lead], policy: CampaignPolicy, law: Law, now: datetime) -> Rehearsal:
    """`leads` in the order in which they would be taken, none of them on a do-not-call list. Where the law wants an agent held
    for a lead, one is."""
    allowed: list[LeadId] = []
    held: Counter[str] = Counter()
    later = 0
    for lead in leads:
        facts = replace(snapshot_of(lead, policy), agent_reserved=True)
        verdict = check(facts, law.of_call(lead.phone, "", now), now)
        if not isinstance(verdict, Denied):
            allowed.append(lead.lead_id)
        elif verdict.not_before is not None and verdict.not_before <= now + AHEAD:
            later += 1
        else:
            held[verdict.reason] += 1
    return Rehearsal(
        looked_at=len(leads), allowed=tuple(allowed), later=later, held=dict(held.most_common())
    )
