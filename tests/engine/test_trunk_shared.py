"""A trunk that another team fills: calls are left out, nobody is rung, no lead is lost, and it goes on when there is room."""

from datetime import timedelta
from itertools import pairwise

from dialer.commands import CloseAttempt, PlaceCall
from dialer.ids import CampaignId, TrunkId
from dialer.leads import LeadState, LeadUpdate, NewLead, Outcome
from dialer.trunks import Trunk
from tests.engine.floor import PERSON, Floor, Public
from tests.support import playbook
from tests.support.virtual_loop import in_virtual_time

SHARED = TrunkId("shared")
OTHERS = CampaignId("others")


async def call_of_another_team(at: Floor) -> PlaceCall:
    """It holds a line of the trunk from now on."""
    policy = playbook.policy(campaign_id=OTHERS, name="Others", trunks=(SHARED,))
    now = at.clock.now()
    await at.stores.campaigns.save(policy)
    await at.stores.leads.add([NewLead(campaign_id=OTHERS, phone="+390690009999")], at=now)
    (lead,) = await at.stores.leads.reserve_due(
        OTHERS, 1, owner="another", lease=timedelta(hours=1), at=now
    )
    call = playbook.order(
        "theirs",
        campaign_id=OTHERS,
        lead_id=lead.lead_id,
        phone=lead.phone,
        trunk=SHARED,
        at=now,
    )
    result = await at.stores.attempts.open([call], owner="another")
    assert result.written == {call.call_id}
    return call


async def ends(at: Floor, call: PlaceCall) -> None:
    now = at.clock.now()
    update = LeadUpdate(
        lead_id=call.lead_id,
        state=LeadState.DONE,
        next_attempt_at=None,
        counts_as_attempt=True,
        outcome=Outcome.BUSY,
    )
    await at.stores.attempts.close(
        CloseAttempt(
            call_id=call.call_id,
            campaign_id=OTHERS,
            lead_update=update,
            outcome=Outcome.BUSY,
            ended_at=now,
            cause=17,
            ringing_at=None,
            answered_at=None,
            bridged_at=None,
            agent_id=None,
        )
    )


@in_virtual_time
async def test_while_another_team_fills_the_trunk_nobody_is_rung_and_then_all_are() -> None:
    at = Floor(2, Public(PERSON))
    await at.stores.trunks.save(Trunk(trunk_id=SHARED, lines=1))
    theirs = await call_of_another_team(at)
    async with at.working(4, trunks=(SHARED,)):
        await at.until(lambda: at.hoppered() == 4 and at.staffed() == 2)
        await at.until(lambda: at.team.trunks.of(SHARED).held is not None)
        start = at.clock.now()
        await at.until(lambda: at.clock.now() - start > timedelta(seconds=20))
        assert at.placed() == []
        assert len(at.journal.of("refused")) <= 25  # about once a second, not at every decision
        await ends(at, theirs)
        await at.until(lambda: len(at.metrics.outcomes) == 4, 300)
        await at.drain()
        attempts = await at.attempts()
        assert sorted(at.people.rung.values()) == [1] * 4
        assert [attempt.outcome for attempt in attempts] == [Outcome.TALKED] * 4
        spans = sorted((a.started_at, a.ended_at) for a in attempts if a.ended_at)
        assert all(end <= start for (_, end), (start, _) in pairwise(spans))
