"""What a campaign's windows have seen elsewhere: the client's and the centre's other campaigns, and before it was loaded."""

from dataclasses import replace
from datetime import timedelta

from dialer.clients import Client
from dialer.engine.wider_windows import elsewhere
from dialer.events import NOTHING_SEEN, WindowCount
from dialer.ids import CampaignId, ClientId
from dialer.leads import Outcome
from dialer.profiles import AbandonWindow, Scope, WindowType
from tests.contract.world import AUTUMN, HOUR, NOON, SPRING, World, policy
from tests.support.playbook import ITALY

WINTER = CampaignId("winter")
ONE, LOST = WindowCount(answered=1), WindowCount(answered=1, abandoned=1)


def window(kind: WindowType, scope: Scope, length: timedelta | None = None) -> AbandonWindow:
    return AbandonWindow(type=kind, limit_ppm=30_000, length=length, scope=scope)


NARROW = replace(ITALY, windows=(window(WindowType.CALENDAR_DAY, Scope.CAMPAIGN),))
WIDE = replace(
    NARROW,
    windows_beyond=(
        window(WindowType.CALENDAR_DAY, Scope.CLIENT),
        window(WindowType.CALENDAR_DAY, Scope.CALL_CENTRE),
        window(WindowType.ROLLING, Scope.CAMPAIGN, 2 * HOUR),
    ),
)


async def tried(world: World, campaign: CampaignId, index: int, outcome: Outcome) -> None:
    """Answered at NOON."""
    call = await world.dialed(index, campaign=campaign)
    await world.close(call, outcome, answered_at=NOON, ended_at=NOON + timedelta(minutes=1))


async def test_each_window_counts_those_of_its_scope_that_the_team_does_not(world: World) -> None:
    await world.stores.clients.save(Client(client_id=ClientId("other"), name="Other"))
    await world.stores.campaigns.save(replace(policy(WINTER), client_id=ClientId("other")))
    await tried(world, SPRING, 1, Outcome.ABANDONED)
    await tried(world, AUTUMN, 2, Outcome.TALKED)
    await tried(world, AUTUMN, 3, Outcome.ABANDONED)
    await tried(world, WINTER, 4, Outcome.ABANDONED)
    campaign = await world.stores.campaigns.get(SPRING)
    everything = await world.stores.campaigns.all()
    found = await elsewhere(
        world.stores, campaign, everything, WIDE, NOON, loaded_at=NOON + HOUR, now=NOON + HOUR
    )
    of_client = await elsewhere(
        world.stores, campaign, everything, WIDE, NOON, loaded_at=NOON, now=NOON + 3 * HOUR
    )
    talked = WIDE.formula.late_connect_counts  # a talk whose waiting time nobody knew is late
    autumn = LOST + (LOST if talked else ONE)
    assert found == (NOTHING_SEEN, autumn, autumn + LOST, LOST)
    assert of_client == (NOTHING_SEEN, autumn, autumn + LOST, NOTHING_SEEN)


async def test_a_profile_of_the_campaigns_own_windows_asks_nothing(world: World) -> None:
    await tried(world, AUTUMN, 1, Outcome.ABANDONED)
    campaign = await world.stores.campaigns.get(SPRING)
    found = await elsewhere(
        world.stores, campaign, [], NARROW, NOON, loaded_at=NOON, now=NOON + HOUR
    )
    assert found == (NOTHING_SEEN,)
