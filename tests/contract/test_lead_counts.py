"""The counts of leads that triggers keep, against a full recount; by many at once, and when they are added up meanwhile."""

import asyncio
from collections.abc import AsyncIterator
from random import Random

import pytest

from dialer.adapters.sql.engine import Database, connect
from dialer.adapters.sql.lead_counts import fold, held_leads, recounted
from dialer.adapters.sql.migrate import migrate
from dialer.adapters.sql.store import stores_on
from dialer.lead_lists import ListSettings
from dialer.leads import DO_NOT_CALL, LeadState, NewLead, Outcome
from dialer.ports import HeldLeads
from tests.contract.world import HOUR, MINUTE, NOON, SPRING, World, call_to, number, policy

LEADS = 300


@pytest.fixture
async def database(url: str) -> AsyncIterator[Database]:
    await migrate(url)
    database = connect(url)
    yield database
    await database.close()


@pytest.fixture
async def world(database: Database) -> World:
    """Two lists with leads."""
    world = World(stores_on(database, Random(1)))
    await world.stores.campaigns.save(policy(SPRING))
    warm = await world.stores.lists.put(ListSettings(campaign_id=SPRING, name="warm"), at=NOON)
    new = [
        NewLead(campaign_id=SPRING, phone=number(n), list_id=[0, warm.list_id][n % 2])  # type: ignore[list-item, arg-type]
        for n in range(LEADS)
    ]
    await world.stores.leads.add(new, at=NOON)
    return world


async def both_ways(database: Database) -> tuple[list[HeldLeads], list[HeldLeads]]:
    async with database.read() as connection:
        return await held_leads(connection, SPRING), await recounted(connection, SPRING)


async def one_caller(world: World, name: str, seed: int) -> None:
    """Reserves, and does with each lead one of the things that can be done."""
    random = Random(seed)
    store = world.stores
    for _ in range(12):
        for lead in await world.reserve(4, owner=name, at=NOON + HOUR * random.randrange(3)):
            later = NOON + MINUTE * random.randrange(600)
            match random.randrange(5):
                case 0:
                    await store.leads.release([lead.lead_id], owner=name)
                case 1:
                    await store.leads.defer(
                        lead.lead_id,
                        owner=name,
                        state=random.choice([LeadState.RETRY, LeadState.DONE]),
                        not_before=later,
                        reason=random.choice(["calling_hours", "trunks_down"]),
                    )
                case 2:
                    await world.bar(lead.phone)
                case _:
                    call = call_to(lead, f"{name}-{random.getrandbits(64)}")
                    if await world.open([call], owner=name):
                        state = random.choice([LeadState.RETRY, LeadState.DONE])
                        outcome = random.choice([*Outcome])
                        await world.close(call, outcome, state=state, next_at=later)


async def folding(database: Database, times: int) -> None:
    for _ in range(times):
        async with database.write() as connection:
            await fold(connection)


async def test_they_equal_a_recount_whatever_many_do_at_once(
    world: World, database: Database
) -> None:
    async with asyncio.TaskGroup() as group:
        for seed in range(4):
            group.create_task(one_caller(world, f"caller {seed}", seed))
        group.create_task(folding(database, 20))
    counted, again = await both_ways(database)
    assert counted == again
    assert sum(each.number for each in counted) == LEADS
    assert len({each.reason for each in counted}) > 5
    await folding(database, 1)
    assert await both_ways(database) == (counted, counted)


async def test_a_transaction_that_is_undone_leaves_no_count(
    world: World, database: Database
) -> None:
    before, _ = await both_ways(database)
    strays = [NewLead(campaign_id=SPRING, phone=number(n + 1000), list_id=5) for n in range(9)]  # type: ignore[arg-type]
    with pytest.raises(Exception, match="no such list"):
        await world.stores.leads.add(strays, at=NOON)
    assert await both_ways(database) == (before, before)


async def test_what_holds_leads_back_is_told_with_its_hour(world: World) -> None:
    first, second, third = await world.reserve(3)
    later = NOON + HOUR + MINUTE
    await world.stores.leads.defer(
        first.lead_id, owner="one", state=LeadState.RETRY, not_before=later, reason="calling_hours"
    )
    call = call_to(second)
    await world.open([call])
    await world.close(call, Outcome.BUSY, state=LeadState.RETRY, next_at=NOON + 20 * MINUTE)
    await world.bar(third.phone)
    found = await world.stores.leads.holdings(SPRING, at=NOON)
    told = {(each.reason, each.wakes_at): each.number for each in found.held if each.reason}
    assert told == {
        ("calling_hours", NOON + HOUR): 1,
        ("busy", NOON): 1,
        (DO_NOT_CALL, None): 1,
    }
    assert (found.due, found.next_hour, found.next_due_at) == (297, 1, NOON + 20 * MINUTE)
    later_on = await world.stores.leads.holdings(SPRING, at=NOON + HOUR)
    assert (later_on.due, later_on.next_hour) == (298, 1)


async def test_leads_that_are_there_before_the_counts_are_counted(url: str) -> None:
    await migrate(url, to="0036")
    database = connect(url)
    async with database.write() as connection:
        await connection.exec_driver_sql(
            "INSERT INTO campaigns (id, name, team_id, state, policy)"
            " VALUES ('spring', 'Spring', 'one', 'paused', '{}')"
        )
        await connection.exec_driver_sql(
            "INSERT INTO leads (id, campaign_id, phone, name, zone, priority, state, attempts,"
            " never_rang) VALUES ('a', 'spring', '+391', '', 'Europe/Rome', 0, 'new', 0, 0),"
            " ('b', 'spring', '+392', '', 'Europe/Rome', 0, 'done', 1, 0)"
        )
    await migrate(url)
    counted, again = await both_ways(database)
    await database.close()
    assert counted == again
    assert [(each.state, each.number) for each in counted] == [("done", 1), ("new", 1)]


async def test_leads_in_hand_while_the_counts_are_counted_anew(url: str) -> None:
    """Counted as reserved by the triggers of before, as what they are at rest by those of now; given back, they are no fewer."""
    await migrate(url, to="0050")
    database = connect(url)
    async with database.write() as connection:
        await connection.exec_driver_sql(
            "INSERT INTO campaigns (id, name, team_id, state, policy)"
            " VALUES ('spring', 'Spring', 'one', 'paused', '{}')"
        )
        await connection.exec_driver_sql(
            "INSERT INTO leads (id, campaign_id, phone, name, zone, priority, state, attempts,"
            " never_rang, last_attempt_at, last_outcome, owner) VALUES"
            " ('a', 'spring', '+391', '', 'Europe/Rome', 0, 'new', 0, 0, NULL, NULL, NULL),"
            " ('b', 'spring', '+392', '', 'Europe/Rome', 0, 'reserved', 0, 0, NULL, NULL, 'x'),"
            " ('c', 'spring', '+393', '', 'Europe/Rome', 0, 'reserved', 1, 0,"
            " '2026-03-02 10:00:00.000000', 'busy', 'x')"
        )
    await migrate(url)
    try:
        counted, again = await both_ways(database)
        assert counted == again
        assert [(each.state, each.number) for each in counted] == [("new", 1), ("reserved", 2)]
        await stores_on(database, Random(1)).leads.release_owner("x")
        counted, again = await both_ways(database)
        assert counted == again
        assert [(each.state, each.reason, each.number) for each in counted] == [
            ("new", "", 2),
            ("retry", "busy", 1),
        ]
    finally:
        await database.close()
