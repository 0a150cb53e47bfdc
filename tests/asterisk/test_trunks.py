"""Trunks on a real pair: what one could not carry goes by the next, rung once; limits as the far end saw them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from asterisk_conf.numbering import FarEndBehaviour, FarEndKind, encode
from dialer.config import TrunkSettings
from dialer.leads import Lead, LeadState, NewLead, Outcome
from dialer.testbed import TRUNK, AsteriskPair, CdrRow
from dialer.testbed_render import DEAD_TRUNK
from tests.support.live_server import CAMPAIGN, LiveServer, live_server, until

pytestmark = pytest.mark.asterisk

CODES = ["2001", "2002", "2003", "2004"]
GOOD = TrunkSettings(id="good", dial=f"PJSIP/{{number}}@{TRUNK}", priority=2)
FULL = TrunkSettings(id="full", dial=f"PJSIP/{{number}}75030000@{TRUNK}")
"""The far end obeys the last eight digits that it is sent: whoever is dialled, it answers 503."""
DEAD = TrunkSettings(id="dead", dial=f"PJSIP/{{number}}@{DEAD_TRUNK}")
"""A port where nobody listens."""

PERSON = FarEndBehaviour(FarEndKind.PERSON, 0.3, 1)


def numbers(behaviour: FarEndBehaviour, count: int, first: int) -> list[str]:
    return [
        encode(
            FarEndBehaviour(
                behaviour.kind,
                behaviour.ring_seconds,
                behaviour.talk_seconds,
                behaviour.sip_code,
                first + n,
            )
        )
        for n in range(count)
    ]


def leads_of(phones: Sequence[str]) -> list[NewLead]:
    return [NewLead(campaign_id=CAMPAIGN, phone=phone) for phone in phones]


async def campaign_over(server: LiveServer, phones: Sequence[str]) -> dict[str, Lead]:
    """Dial until every lead has been tried to its verdict; the leads by number."""
    await server.log_in(CODES)
    await server.start()
    decided = (Outcome.TALKED, Outcome.REJECTED, Outcome.NO_ANSWER)
    run = server.dialer.switchboard.runner(server.view().team_id).team.runs[CAMPAIGN]
    await until(
        lambda: sum(run.outcomes[each] for each in decided) == len(phones), 60, "every verdict"
    )
    await until(lambda: not server.view().calls, 10, "every channel gone")
    await server.settle()
    found = await server.dialer.stores.leads.page(CAMPAIGN, after=None, limit=1000, state=None)
    return {lead.phone: lead for lead in found}


async def outcomes_by_trunk(server: LiveServer, lead: Lead) -> list[tuple[str, Outcome | None]]:
    attempts = await server.dialer.stores.attempts.of_lead(lead.lead_id)
    return [(attempt.trunk, attempt.outcome) for attempt in attempts]


def rung(pair: AsteriskPair, before: int, phones: Sequence[str]) -> dict[str, list[CdrRow]]:
    rows = pair.far_end.cdr()[before:]
    return {phone: [row for row in rows if row.number == phone] for phone in phones}


@pytest.mark.timeout(120)
async def test_what_a_full_trunk_refuses_goes_by_the_next_and_what_people_refuse_does_not(
    asterisk_pair: AsteriskPair, tmp_path: Path
) -> None:
    persons = numbers(PERSON, 12, 7000)
    decliners = numbers(FarEndBehaviour(FarEndKind.REFUSES, sip_code=603), 2, 7100)
    absent = numbers(FarEndBehaviour(FarEndKind.REFUSES, sip_code=480), 2, 7200)
    phones = persons + decliners + absent
    before = len(asterisk_pair.far_end.cdr())
    async with live_server(
        asterisk_pair, tmp_path, CODES, leads_of(phones), [FULL, GOOD], mode="progressive"
    ) as server:
        leads = await campaign_over(server, phones)
        tried = {phone: await outcomes_by_trunk(server, lead) for phone, lead in leads.items()}
        await server.log_out()
    moved = [phone for phone in phones if tried[phone][0] == ("full", Outcome.CONGESTION)]
    assert len(moved) >= 3  # before the trunk was down, and its probes
    assert len(moved) < len(phones)  # the others were spared it
    for phone in phones:
        assert [trunk for trunk, _ in tried[phone]] in (["good"], ["full", "good"])
        assert leads[phone].attempts == 1  # the trunk's failure burned none
        assert leads[phone].never_rang == 0
        assert len(rung(asterisk_pair, before, [phone])[phone]) == 1
    assert {tried[phone][-1][1] for phone in persons} == {Outcome.TALKED}
    assert {tried[phone][-1][1] for phone in decliners} == {Outcome.REJECTED}
    assert {leads[phone].state for phone in decliners} == {LeadState.DONE}
    assert {tried[phone][-1][1] for phone in absent} == {Outcome.NO_ANSWER}


@pytest.mark.timeout(120)
async def test_when_nobody_replies_on_a_trunk_calls_go_by_the_next(
    asterisk_pair: AsteriskPair, tmp_path: Path
) -> None:
    phones = numbers(PERSON, 8, 7300)
    before = len(asterisk_pair.far_end.cdr())
    async with live_server(
        asterisk_pair,
        tmp_path,
        CODES,
        leads_of(phones),
        [DEAD, GOOD],
        mode="progressive",
        ring_timeout_seconds=5,
    ) as server:
        leads = await campaign_over(server, phones)
        tried = {phone: await outcomes_by_trunk(server, lead) for phone, lead in leads.items()}
        await server.log_out()
    silent = [phone for phone in phones if tried[phone][0] == ("dead", Outcome.UNREACHABLE)]
    assert 3 <= len(silent) < len(phones)
    for phone in phones:
        assert tried[phone][-1] == ("good", Outcome.TALKED)
        assert leads[phone].attempts == 1
        assert len(rung(asterisk_pair, before, [phone])[phone]) == 1


@pytest.mark.timeout(120)
async def test_the_far_end_never_sees_more_calls_than_the_trunks_limits(
    asterisk_pair: AsteriskPair, tmp_path: Path
) -> None:
    phones = numbers(PERSON, 12, 7400)
    narrow = GOOD.model_copy(update={"lines": 2, "calls_per_second": 1.5})
    before = len(asterisk_pair.far_end.cdr())
    async with live_server(
        asterisk_pair, tmp_path, CODES, leads_of(phones), [narrow], mode="ratio", dial_ratio=3
    ) as server:
        leads = await campaign_over(server, phones)
        of_leads = [
            await server.dialer.stores.attempts.of_lead(lead.lead_id) for lead in leads.values()
        ]
        await server.log_out()
    rows = [row for found in rung(asterisk_pair, before, phones).values() for row in found]
    assert len(rows) == len(phones)
    starts = sorted(row.start_at for row in rows)
    at_once = [sum(row.start_at <= at < row.end_at for row in rows) for at in starts]
    assert max(at_once) <= 2
    placed = sorted(attempt.started_at for (attempt,) in of_leads)
    gaps = [(later - one).total_seconds() for one, later in pairwise(placed)]
    assert min(gaps) > 0.9  # one call in a second
    late = [at_far_end - ours for ours, at_far_end in zip(placed, starts, strict=True)]
    assert timedelta(0) < min(late)
    assert max(late) < timedelta(seconds=3)
