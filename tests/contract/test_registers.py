"""RegisterStore: what every one of them does."""

from dataclasses import replace
from datetime import timedelta

import pytest

from dialer.leads import LeadState, NewLead
from dialer.persons import new_numbers
from dialer.registers import RegisterCounts, RegisterResult
from tests.contract.world import NOON, SPRING, World, number

DAY = timedelta(days=1)
RPO = "RPO"
CLEAR = RegisterResult(register=RPO, phone=number(1), checked_at=NOON, listed=False)
LISTED = replace(CLEAR, checked_at=NOON + DAY, listed=True)


async def results(world: World, index: int = 1) -> tuple[RegisterResult, ...]:
    return (await world.stores.registers.results([number(index)])).get(number(index), ())


async def due(world: World, obtained_after: int, limit: int = 10) -> list[str]:
    """The numbers that are due, read page by page; `obtained_after` in days."""
    found: list[str] = []
    after = None
    while page := await world.stores.registers.due(
        RPO,
        campaign_id=SPRING,
        obtained_after=NOON + obtained_after * DAY,
        after=after,
        limit=limit,
    ):
        found += [phone for _, phone in page]
        after = page[-1][0]
    return sorted(found)


@pytest.mark.parametrize("limit", [1, 2, 10])
async def test_all_numbers_of_a_person_are_to_be_asked(world: World, limit: int) -> None:
    phones = [number(index) for index in range(1, 7)]
    persons = [
        NewLead(
            campaign_id=SPRING,
            phone=three[0],
            numbers=new_numbers([(phone, "Europe/Rome") for phone in three]),
        )
        for three in (phones[:3], phones[3:])
    ]
    await world.stores.leads.add(persons, at=NOON)
    assert await due(world, 0, limit) == phones
    known = RegisterResult(register=RPO, phone=number(2), checked_at=NOON + DAY, listed=False)
    await world.stores.registers.record([known])
    assert await due(world, 0, limit) == sorted({*phones} - {number(2)})


async def test_the_newest_answer_stands_whatever_comes_first(world: World) -> None:
    store = world.stores.registers
    assert await store.record([LISTED]) == 1
    assert await store.record([CLEAR]) == 0
    assert await results(world) == (LISTED,)
    newer = replace(CLEAR, checked_at=NOON + 2 * DAY)
    assert await store.record([LISTED, newer, CLEAR]) == 1
    assert await results(world) == (newer,)


async def test_registers_do_not_mix(world: World) -> None:
    other = replace(LISTED, register="TPS")
    await world.stores.registers.record([other, CLEAR])
    assert await results(world) == (CLEAR, other)
    assert await world.stores.registers.results([number(2)]) == {}


async def test_due_is_what_was_never_asked_or_too_long_ago(world: World) -> None:
    for index in range(1, 6):
        await world.lead(index)
    await world.stores.registers.record([CLEAR, replace(LISTED, phone=number(2))])
    assert await due(world, 0) == [number(3), number(4), number(5)]
    assert await due(world, 1, limit=1) == [number(index) for index in (1, 3, 4, 5)]
    assert await due(world, 2, limit=2) == [number(index) for index in range(1, 6)]


async def test_due_are_only_leads_that_wait(world: World) -> None:
    call = await world.dialed(1)
    await world.close(call, state=LeadState.DONE)
    await world.lead(2)
    assert await due(world, 0) == [number(2)]


async def test_leads_are_counted_by_what_the_register_said(world: World) -> None:
    for index in range(1, 6):
        await world.lead(index)
    await world.stores.registers.record(
        [
            CLEAR,
            replace(CLEAR, phone=number(2), checked_at=NOON - DAY),
            replace(LISTED, phone=number(3)),
        ]
    )
    counts = await world.stores.registers.counts(RPO, campaign_id=SPRING, obtained_after=NOON)
    assert counts == RegisterCounts(fresh=1, listed=1, stale=1, never=2)
    assert counts.due == 3
