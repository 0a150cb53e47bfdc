"""Leads with several numbers, in every store: which one is rung, what a call makes of them, who is a duplicate or barred."""

import asyncio
from dataclasses import replace
from datetime import datetime

import pytest

from dialer.commands import RecordDisposition
from dialer.dispositions import Category, Ruling
from dialer.ids import AgentId
from dialer.leads import Lead, LeadState, LeadUpdate, NewLead, Outcome
from dialer.persons import new_numbers
from tests.contract.world import AUTUMN, HOUR, MINUTE, NOON, SPRING, World, call_to, closing, number

ZONE = "Europe/Rome"
PAUSE, OWN = 5 * MINUTE, 3 * HOUR
LATER = NOON + MINUTE + PAUSE


def person(*indexes: int, campaign: str = SPRING) -> NewLead:
    phones = [number(index) for index in indexes]
    return NewLead(
        campaign_id=campaign,  # type: ignore[arg-type]
        phone=phones[0],
        numbers=new_numbers([(phone, ZONE) for phone in phones]),
    )


async def added(world: World, *leads: NewLead) -> int:
    return (await world.stores.leads.add(leads, at=NOON)).added


async def one_person(world: World, *indexes: int) -> Lead:
    assert await added(world, person(*indexes)) == 1
    (lead,) = await world.reserve()
    return lead


async def call(
    world: World,
    lead: Lead,
    outcome: Outcome,
    *,
    at: datetime = NOON,
    again_at: datetime | None = None,
    others: bool = True,
) -> Lead:
    """Rings the number whose turn it is; the lead afterwards."""
    placed = call_to(lead, f"{lead.lead_id[-12:]}-{at.timestamp()}", at=at)
    assert await world.open([placed])
    closed = closing(placed, outcome, LeadState.DONE, None, at + MINUTE, None, None)
    update = LeadUpdate(
        lead_id=lead.lead_id,
        state=LeadState.RETRY if again_at else LeadState.DONE,
        next_attempt_at=again_at,
        counts_as_attempt=True,
        outcome=outcome,
        others_from=at + MINUTE + PAUSE if others else None,
    )
    await world.stores.attempts.close(replace(closed, lead_update=update))
    return await world.get(lead)


class TestTurns:
    async def test_a_person_is_stored_with_all_numbers_the_first_one_first(
        self, world: World
    ) -> None:
        lead = await one_person(world, 1, 2, 3)
        assert lead.phone == number(1)
        assert lead.every_phone == (number(1), number(2), number(3))

    async def test_the_next_number_is_due_after_a_short_pause_the_same_one_after_its_own(
        self, world: World
    ) -> None:
        lead = await one_person(world, 1, 2)
        after = await call(world, lead, Outcome.NO_ANSWER, again_at=NOON + OWN)
        assert (after.phone, after.state) == (number(2), LeadState.RETRY)
        assert after.next_attempt_at == LATER
        assert after.attempts == 1
        assert await world.reserve(at=LATER - MINUTE) == []
        (lead,) = await world.reserve(at=LATER)
        assert lead.phone == number(2)
        after = await call(world, lead, Outcome.BUSY, at=LATER, again_at=LATER + OWN)
        assert (after.phone, after.next_attempt_at) == (number(1), NOON + OWN)
        assert [one.tries for one in after.numbers] == [1, 1]
        assert [one.last_outcome for one in after.numbers] == ["no_answer", "busy"]

    async def test_a_number_that_is_over_does_not_end_the_person_the_last_one_does(
        self, world: World
    ) -> None:
        lead = await one_person(world, 1, 2)
        after = await call(world, lead, Outcome.INVALID_NUMBER)
        assert (after.phone, after.state) == (number(2), LeadState.RETRY)
        (lead,) = await world.reserve(at=LATER)
        after = await call(world, lead, Outcome.INVALID_NUMBER, at=LATER)
        assert (after.phone, after.state) == (number(2), LeadState.DONE)

    async def test_who_was_reached_is_not_rung_on_another_number(self, world: World) -> None:
        lead = await one_person(world, 1, 2)
        after = await call(world, lead, Outcome.TALKED, others=False)
        assert (after.phone, after.state) == (number(1), LeadState.DONE)

    async def test_a_call_to_another_number_than_the_one_whose_turn_it_is_is_refused(
        self, world: World
    ) -> None:
        lead = await one_person(world, 1, 2)
        wrong = call_to(replace(lead, phone=number(2)))
        assert await world.open([wrong]) == frozenset()
        assert await world.open([call_to(lead)])

    async def test_a_register_that_lists_one_number_leaves_the_others(self, world: World) -> None:
        lead = await one_person(world, 1, 2)
        await world.stores.leads.defer(
            lead.lead_id,
            owner="one",
            state=LeadState.RETRY,
            not_before=NOON + HOUR,
            reason="register_listed",
        )
        (lead,) = await world.reserve()
        assert lead.phone == number(2)
        await world.stores.leads.defer(
            lead.lead_id,
            owner="one",
            state=LeadState.RETRY,
            not_before=NOON + 2 * HOUR,
            reason="register_listed",
        )
        assert await world.reserve(at=NOON + HOUR - MINUTE) == []
        (lead,) = await world.reserve(at=NOON + HOUR)
        assert lead.phone == number(1)

    async def test_calling_hours_are_the_persons(self, world: World) -> None:
        lead = await one_person(world, 1, 2)
        await world.stores.leads.defer(
            lead.lead_id,
            owner="one",
            state=LeadState.RETRY,
            not_before=NOON + HOUR,
            reason="calling_hours",
        )
        after = await world.get(lead)
        assert (after.phone, after.next_attempt_at) == (number(1), NOON + HOUR)


class TestAgentsWords:
    async def said(self, world: World, lead: Lead, category: Category, *, early: bool) -> Lead:
        placed = call_to(lead)
        assert await world.open([placed])
        if not early:
            await world.close(placed, Outcome.TALKED)
        ruling = Ruling(
            category=category,
            blocks_number=category is Category.WRONG_NUMBER,
            do_not_call=category is Category.DO_NOT_CALL,
            lead_state=LeadState.DONE,
        )
        await world.stores.attempts.record_disposition(
            RecordDisposition(
                call_id=placed.call_id,
                agent_id=AgentId("101"),
                disposition="said",
                ruling=ruling,
                callback_at=None,
                at=NOON + 2 * MINUTE,
            )
        )
        if early:
            await world.close(placed, Outcome.TALKED)
        return await world.get(lead)

    @pytest.mark.parametrize("early", [True, False])
    async def test_a_wrong_number_is_over_and_the_person_is_not(
        self, world: World, early: bool
    ) -> None:
        lead = await one_person(world, 1, 2)
        after = await self.said(world, lead, Category.WRONG_NUMBER, early=early)
        assert (after.phone, after.state) == (number(2), LeadState.RETRY)
        assert [one.over for one in after.numbers] == [True, False]

    @pytest.mark.parametrize("early", [True, False])
    async def test_who_wants_no_calls_gets_none_on_any_number(
        self, world: World, early: bool
    ) -> None:
        lead = await one_person(world, 1, 2)
        after = await self.said(world, lead, Category.DO_NOT_CALL, early=early)
        assert after.state in (LeadState.DONE, LeadState.EXCLUDED)
        numbers = [number(1), number(2)]
        assert await world.stores.leads.do_not_call(numbers) == set(numbers)
        assert await world.reserve(at=NOON + 100 * HOUR) == []


class TestNumbersOfOthers:
    async def test_a_number_belongs_to_one_lead_of_a_campaign(self, world: World) -> None:
        assert await added(world, person(1, 2), person(3)) == 2
        assert await added(world, person(2)) == 0  # among another's
        assert await added(world, person(4, 3)) == 0  # another has it alone
        assert await added(world, person(5, 2)) == 0
        assert await added(world, person(1), person(3), person(1, 2)) == 0
        assert await added(world, person(2, 4, campaign=AUTUMN)) == 1

    async def test_the_first_of_a_file_counts(self, world: World) -> None:
        assert await added(world, person(1, 2), person(2), person(3), person(4, 3), person(4)) == 3
        assert {lead.every_phone for lead in await world.all()} == {
            (number(1), number(2)),
            (number(3),),
            (number(4),),
        }

    async def test_a_number_is_found_whose_turn_has_not_come(self, world: World) -> None:
        lead = await one_person(world, 1, 2)
        for index in (1, 2):
            found = await world.stores.leads.with_number(SPRING, number(index))
            assert found is not None
            assert found.lead_id == lead.lead_id
        assert await world.stores.leads.with_number(AUTUMN, number(2)) is None

    async def test_many_who_add_the_same_persons_at_once_add_each_number_once(
        self, world: World
    ) -> None:
        await asyncio.gather(
            *(added(world, person(n, 100 + n), person(100 + n, n)) for n in range(5) for _ in "ab"),
            *(added(world, person(100 + n)) for n in range(5)),
        )
        phones = [phone for lead in await world.all() for phone in lead.every_phone]
        assert sorted(phones) == sorted(set(phones))


class TestBarred:
    async def test_a_listed_number_bars_the_person_whichever_it_is(self, world: World) -> None:
        lead = await one_person(world, 1, 2)
        await world.bar(number(2))
        assert await world.state(lead) is LeadState.EXCLUDED

    async def test_who_is_listed_already_comes_in_barred(self, world: World) -> None:
        await world.bar(number(2))
        assert await added(world, person(1, 2)) == 1
        (lead,) = await world.all()
        assert lead.state is LeadState.EXCLUDED

    async def test_one_listed_while_the_person_is_called_bars_at_the_end_of_the_call(
        self, world: World
    ) -> None:
        lead = await one_person(world, 1, 2)
        placed = call_to(lead)
        assert await world.open([placed])
        await world.bar(number(2))
        await world.close(placed, state=LeadState.RETRY, next_at=NOON + HOUR)
        assert await world.state(lead) is LeadState.EXCLUDED

    async def test_erasing_a_person_erases_all_numbers(self, world: World) -> None:
        lead = await one_person(world, 1, 2)
        await call(world, lead, Outcome.NO_ANSWER, again_at=NOON + OWN)
        await world.stores.ledger.erase(lead.lead_id, at=NOON + HOUR)
        gone = await world.get(lead)
        assert (gone.numbers, gone.attributes, gone.state) == ((), (), LeadState.EXCLUDED)
        assert await added(world, person(2), person(1)) == 2
