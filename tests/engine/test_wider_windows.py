"""What the client's other campaigns did comes to the team that dials: its calls are held back for it."""

import asyncio
from dataclasses import replace
from datetime import timedelta

from dialer.commands import CloseAttempt
from dialer.engine.wider_windows import SECONDS, WiderWindows
from dialer.ids import CampaignId
from dialer.leads import LeadState, LeadUpdate, NewLead, Outcome
from dialer.profiles import AbandonWindow, Scope, WindowType
from tests.contract.world import call_to
from tests.engine.floor import Floor, floor
from tests.support import playbook
from tests.support.playbook import ITALY, SPRING
from tests.support.virtual_loop import in_virtual_time

AUTUMN = CampaignId("autumn")
DAY = AbandonWindow(type=WindowType.CALENDAR_DAY, limit_ppm=30_000, length=None, scope=Scope.CLIENT)
WIDE = replace(ITALY, version="wide", windows_beyond=(DAY,))


async def abandon_in_autumn(at: Floor) -> None:
    now = at.clock.now()
    await at.stores.campaigns.save(replace(playbook.policy(), campaign_id=AUTUMN, name="Autumn"))
    await at.stores.leads.add([NewLead(campaign_id=AUTUMN, phone="+390699999999")], at=now)
    (lead,) = await at.stores.leads.reserve_due(
        AUTUMN, 1, owner=at.runner.owner, lease=timedelta(minutes=5), at=now
    )
    call = call_to(lead, at=now)
    assert (await at.stores.attempts.open([call], owner=at.runner.owner)).written
    await at.stores.attempts.close(
        CloseAttempt(
            call_id=call.call_id,
            campaign_id=AUTUMN,
            lead_update=LeadUpdate(
                lead_id=lead.lead_id,
                state=LeadState.DONE,
                next_attempt_at=None,
                counts_as_attempt=True,
                outcome=Outcome.ABANDONED,
            ),
            outcome=Outcome.ABANDONED,
            ended_at=now,
            cause=16,
            ringing_at=None,
            answered_at=now,
            bridged_at=None,
            agent_id=None,
        )
    )


@in_virtual_time
async def test_the_teams_window_knows_the_other_campaigns_within_half_a_minute() -> None:
    async with floor(agents=2, leads=0) as at:
        at.runner.post(playbook.campaign(profile=WIDE))
        windows = WiderWindows(stores=at.stores, clock=at.clock, switchboard=at.switchboard)
        await at.runner.settle()
        budget = at.runner.team.runs[SPRING].budget
        assert not budget.over_limit
        await abandon_in_autumn(at)
        async with asyncio.TaskGroup() as group:
            keeping = group.create_task(windows.keep())
            await asyncio.sleep(SECONDS + 1)
            keeping.cancel()
        assert budget.over_limit
        assert budget.allowance(0.0, at.clock.now()).braked
