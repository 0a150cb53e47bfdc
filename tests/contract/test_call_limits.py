"""Caps are counted in the transaction that writes the attempt: over lists, campaigns and servers, whoever comes first."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from random import Random
from zoneinfo import ZoneInfo

import pytest

from dialer.adapters.sql.engine import connect
from dialer.adapters.sql.store import open_stores
from dialer.adapters.sql.tables import attempts
from dialer.adapters.sql.tried import _OF_NUMBERS, _OF_PERSONS
from dialer.commands import CallLimits, PlaceCall
from dialer.events import NotOpened
from dialer.ids import CampaignId
from dialer.leads import Lead, LeadState, NewLead, Outcome
from dialer.ports import Stores
from dialer.profiles import Cap, CapPer
from tests.contract.world import (
    AUTUMN,
    HOUR,
    LEASE,
    MINUTE,
    NOON,
    SPRING,
    World,
    call_to,
    closing,
    number,
    policy,
)

WINTER = CampaignId("winter")
ROME = ZoneInfo("Europe/Rome")
TWO_A_DAY = Cap(most=2, per=CapPer.CALLED_PERSON_AND_CLIENT, days=1)


def limited(call: PlaceCall, *caps: Cap, person: str = "") -> PlaceCall:
    limits = CallLimits(person=person or call.phone, zone=ROME, caps=caps)
    return replace(call, limits=limits)


async def test_a_cap_counts_over_campaigns_and_says_when_the_next_call_may_be_made(
    world: World,
) -> None:
    cap = Cap(most=2, per=CapPer.CALLED_NUMBER, length=24 * HOUR)
    for minute, campaign in enumerate((SPRING, AUTUMN)):
        lead = await world.reserved(1, campaign=campaign)
        call = limited(call_to(lead, at=NOON + minute * MINUTE), cap)
        assert await world.open([call]) == {call.call_id}
        await world.close(call, Outcome.NO_ANSWER, state=LeadState.RETRY)
    (lead,) = await world.reserve(at=NOON + HOUR)
    third = limited(call_to(lead, "third", at=NOON + HOUR), cap)
    result = await world.stores.attempts.open([third], owner="one")
    assert result.refused == {third.call_id: NotOpened.CALL_CAP}
    assert result.free_at == {third.call_id: NOON + 24 * HOUR}
    assert await world.state(lead) is LeadState.RESERVED
    free = replace(third, at=NOON + 24 * HOUR)
    assert await world.open([free]) == {free.call_id}


async def test_two_numbers_of_one_person_in_one_batch_count_together(world: World) -> None:
    for index in range(3):
        await world.lead(index)
    calls = [limited(call_to(lead), TWO_A_DAY, person="rossi") for lead in await world.reserve()]
    assert await world.open(calls) == {calls[0].call_id, calls[1].call_id}


async def test_a_call_that_never_rang_does_not_count(world: World) -> None:
    cap = Cap(most=1, per=CapPer.CALLED_NUMBER, days=1)
    call = limited(call_to(await world.reserved(1)), cap)
    assert await world.open([call]) == {call.call_id}
    await world.close(call, Outcome.CONGESTION, state=LeadState.RETRY)
    (lead,) = await world.reserve(at=NOON + HOUR)
    again = limited(call_to(lead, "again", at=NOON + HOUR), cap)
    assert await world.open([again]) == {again.call_id}


@pytest.fixture
async def servers(url: str) -> AsyncIterator[list[Stores]]:
    opened = [await open_stores(url, random=Random(seed)) for seed in range(2)]
    for campaign_id in (SPRING, AUTUMN, WINTER):
        await opened[0].campaigns.save(policy(campaign_id))
    yield opened
    for stores in opened:
        await stores.close()


PERSONS = 6


async def _dial(stores: Stores, owner: str, random: Random, placed: list[PlaceCall]) -> None:
    """One server dials whatever is due in the three campaigns, in its own order, until nothing is left."""
    for turn in range(8):
        campaigns = random.sample([SPRING, AUTUMN, WINTER], 3)
        for campaign_id in campaigns:
            leads = await stores.leads.reserve_due(
                campaign_id, random.randint(1, 5), owner=owner, lease=LEASE, at=NOON
            )
            calls = [_call(lead, f"{owner}-{turn}-{lead.lead_id[-16:]}") for lead in leads]
            random.shuffle(calls)
            result = await stores.attempts.open(calls, owner=owner)
            mine = [call for call in calls if call.call_id in result.written]
            placed += mine
            await asyncio.gather(*(_close(stores, call) for call in mine))
            await stores.leads.release([lead.lead_id for lead in leads], owner=owner)


def _call(lead: Lead, call_id: str) -> PlaceCall:
    assert lead.external_id is not None
    return limited(call_to(lead, call_id), TWO_A_DAY, person=lead.external_id)


async def _close(stores: Stores, call: PlaceCall) -> None:
    await stores.attempts.close(
        closing(call, Outcome.NO_ANSWER, LeadState.RETRY, NOON, NOON + MINUTE)
    )


@pytest.mark.parametrize("seed", range(4))
async def test_two_servers_dial_persons_of_three_lists_no_more_often_than_the_cap(
    servers: list[Stores], seed: int
) -> None:
    """Persons with several numbers, one of which is in all three lists; every lead stays due, so that only the cap stops them."""
    new = [
        NewLead(campaign_id=campaign, phone=number(10 * person + kind), external_id=f"p{person}")
        for person in range(PERSONS)
        for kind, campaign in enumerate((SPRING, AUTUMN, WINTER))
    ]
    new += [
        NewLead(campaign_id=campaign, phone=number(10 * person + 9), external_id=f"p{person}")
        for person in range(PERSONS)
        for campaign in (SPRING, AUTUMN, WINTER)
    ]
    await servers[0].leads.add(new, at=NOON)
    placed: list[PlaceCall] = []
    dialling = [
        _dial(stores, f"server-{seed}-{index}", Random(10 * seed + index), placed)
        for index, stores in enumerate((*servers, *servers))
    ]
    await asyncio.gather(*dialling)
    assert Counter(call.limits.person for call in placed) == {
        f"p{person}": TWO_A_DAY.most for person in range(PERSONS)
    }


async def test_the_attempts_that_a_cap_counts_are_found_by_index(url: str) -> None:
    stores = await open_stores(url)
    await stores.close()
    database = connect(url)
    explain = "EXPLAIN QUERY PLAN " if url.startswith("sqlite") else "EXPLAIN "
    names = {"ix_attempts_phone": _OF_NUMBERS, "ix_attempts_person": _OF_PERSONS}
    async with database.write() as connection:
        if not url.startswith("sqlite"):
            await connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        for name, query in names.items():
            bound = query.params(phones=["+39061"], persons=["x"], since=NOON).compile(
                connection.sync_connection,
                compile_kwargs={"literal_binds": True, "render_postcompile": True},
            )
            plan = await connection.exec_driver_sql(explain + str(bound))
            assert any(name in str(row) for row in plan), name
    await database.close()
    assert attempts.c.person.nullable
