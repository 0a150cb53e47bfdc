"""A PostgreSQL that is stopped, started and killed under the stores."""

import asyncio
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress

import pytest

from dialer.adapters.sql.store import open_stores
from dialer.errors import StoreUnavailableError
from dialer.ids import CallId
from dialer.leads import LeadState, NewLead
from tests.contract.world import MINUTE, NOON, SPRING, World, call_to, number, policy
from tests.support import postgres
from tests.support.postgres import Cluster

pytestmark = pytest.mark.service


@pytest.fixture(scope="module")
def mortal() -> Iterator[Cluster]:
    """A cluster that the tests may stop, and that writes to the disk as in production."""
    with postgres.cluster(durable=True) as running:
        yield running


@pytest.fixture
async def world(mortal: Cluster, names: Iterator[str]) -> AsyncIterator[World]:
    name = next(names)
    mortal.sql("postgres", f"CREATE DATABASE {name}")
    world = World(await open_stores(mortal.url(name)))
    await world.stores.campaigns.save(policy(SPRING))
    yield world
    await world.stores.close()


async def restart(cluster: Cluster, how: signal.Signals) -> None:
    """While the loop goes on."""
    await asyncio.to_thread(cluster.stop, how)
    cluster.launch()
    await asyncio.to_thread(cluster.wait)


HOW = [signal.SIGINT, signal.SIGQUIT]


@pytest.mark.parametrize("how", HOW, ids=["stopped", "killed"])
async def test_a_restart_between_two_operations_is_not_noticed(
    world: World, mortal: Cluster, how: signal.Signals
) -> None:
    await world.lead(1)
    await restart(mortal, how)
    (lead,) = await world.reserve()
    assert await world.open([call_to(lead)]) != set()


async def test_while_it_is_away_the_store_is_unavailable_and_then_it_is_back(
    world: World, mortal: Cluster
) -> None:
    lead = await world.lead(1)
    await asyncio.to_thread(mortal.stop)
    for _ in range(2):
        with pytest.raises(StoreUnavailableError) as caught:
            await world.stores.health.ping()
        assert caught.value.retryable
        with pytest.raises(StoreUnavailableError):
            await world.reserve()
    mortal.start()
    assert await world.get(lead) == lead


@pytest.mark.parametrize("how", HOW, ids=["stopped", "killed"])
async def test_a_restart_in_mid_use_loses_nothing_that_was_confirmed(
    world: World, mortal: Cluster, how: signal.Signals
) -> None:
    """Some tasks reserve, open and close as fast as they can; each confirmed step is there afterwards."""
    await world.stores.leads.add(
        [NewLead(campaign_id=SPRING, phone=number(index)) for index in range(4_000)], at=NOON
    )
    opened: set[CallId] = set()
    closed: set[CallId] = set()
    busy, restarted = asyncio.Event(), asyncio.Event()

    async def work(owner: str) -> None:
        finished = 0
        while finished < 5:  # that many rounds after the restart
            with suppress(StoreUnavailableError):
                calls = [call_to(lead) for lead in await world.reserve(3, owner=owner)]
                opened.update(await world.open(calls, owner=owner))
                for call in calls:
                    await world.close(call, state=LeadState.RETRY, next_at=NOON + MINUTE)
                    closed.add(call.call_id)
                if len(closed) > 30:
                    busy.set()
                finished += restarted.is_set()

    async def interrupt() -> None:
        await busy.wait()
        await restart(mortal, how)
        restarted.set()

    async with asyncio.TaskGroup() as group:
        group.create_task(interrupt())
        for owner in "abc":
            group.create_task(work(owner))

    tried = {lead.lead_id for lead in await world.all() if lead.attempts == 1}
    attempts = [
        attempt for lead_id in tried for attempt in await world.stores.attempts.of_lead(lead_id)
    ]
    ended = {attempt.call_id for attempt in attempts if attempt.ended_at is not None}
    still_open = {one.call_id for one in await world.stores.attempts.still_open([SPRING])}
    assert closed <= ended
    assert opened <= ended | still_open
    assert len(attempts) == len(tried)
