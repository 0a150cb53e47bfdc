"""LeadStore: what every store of leads does."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from dialer.errors import IllegalTransitionError, NotFoundError
from dialer.ids import CampaignId, LeadId
from dialer.leads import Lead, LeadState, NewLead, Outcome
from dialer.ports import ImportReport
from tests.contract.world import (
    AUTUMN,
    HOUR,
    LEASE,
    MINUTE,
    NOON,
    SPRING,
    World,
    call_to,
    number,
)


def new(*indexes: int, campaign: CampaignId = SPRING, priority: int = 0) -> list[NewLead]:
    return [
        NewLead(campaign_id=campaign, phone=number(index), priority=priority) for index in indexes
    ]


def phones(leads: list[Lead]) -> list[str]:
    return [lead.phone for lead in leads]


def numbers(*indexes: int) -> list[str]:
    return [number(index) for index in indexes]


class TestAdding:
    async def test_a_lead_is_stored_as_it_was_given(self, world: World) -> None:
        given = NewLead(
            campaign_id=SPRING,
            phone=number(1),
            name="Ada",
            zone="Europe/London",
            priority=3,
            external_id="A-17",
            attributes=(("Città", "Bari"), ("age", 33), ("vip", True)),
        )
        assert await world.stores.leads.add([given], at=NOON) == ImportReport(added=1, duplicates=0)
        (stored,) = await world.all()
        assert stored == Lead(
            lead_id=stored.lead_id,
            campaign_id=SPRING,
            phone=number(1),
            name="Ada",
            zone="Europe/London",
            priority=3,
            external_id="A-17",
            attributes=(("Città", "Bari"), ("age", 33), ("vip", True)),
            state=LeadState.NEW,
            attempts=0,
            never_rang=0,
            last_attempt_at=None,
            last_outcome=None,
            last_abandoned_at=None,
            next_attempt_at=None,
        )
        assert await world.get(stored) == stored

    async def test_a_number_that_the_campaign_has_is_a_duplicate_and_changes_nothing(
        self, world: World
    ) -> None:
        stored = await world.lead(1)
        again = replace(new(1)[0], name="Another", priority=9)
        report = await world.stores.leads.add([again, *new(2, 3, 2)], at=NOON)
        assert report == ImportReport(added=2, duplicates=2)
        assert await world.get(stored) == stored

    async def test_two_campaigns_may_have_the_same_number(self, world: World) -> None:
        await world.lead(1)
        report = await world.stores.leads.add(new(1, campaign=AUTUMN), at=NOON)
        assert report == ImportReport(added=1, duplicates=0)

    async def test_the_order_of_a_list_is_its_age(self, world: World) -> None:
        await world.stores.leads.add(new(*range(1200, 0, -1)), at=NOON)
        assert phones(await world.all()) == numbers(*range(1200, 0, -1))

    async def test_a_number_on_the_do_not_call_list_comes_in_excluded(self, world: World) -> None:
        await world.bar(number(1))
        assert (await world.lead(1)).state is LeadState.EXCLUDED

    async def test_leads_of_an_unknown_campaign_are_refused_and_none_is_added(
        self, world: World
    ) -> None:
        stray = new(2, campaign=CampaignId("winter"))
        with pytest.raises(NotFoundError):
            await world.stores.leads.add([*new(1), *stray], at=NOON)
        assert await world.all() == []

    async def test_nothing_is_added_from_an_empty_list(self, world: World) -> None:
        assert await world.stores.leads.add([], at=NOON) == ImportReport(added=0, duplicates=0)


class TestReservingOne:
    async def one(self, world: World, lead: Lead, owner: str = "two", **when: Any) -> Lead | None:
        at = when.get("at", NOON)
        return await world.stores.leads.reserve(lead.lead_id, owner=owner, lease=LEASE, at=at)

    async def test_a_new_lead_becomes_the_owners(self, world: World) -> None:
        lead = await world.lead(1)
        taken = await self.one(world, lead)
        assert taken == replace(lead, state=LeadState.RESERVED)
        assert await world.get(lead) == taken
        assert await world.reserve() == []

    async def test_a_lead_in_retry_before_its_time(self, world: World) -> None:
        call = await world.dialed(1)
        await world.close(call, state=LeadState.RETRY, next_at=NOON + HOUR)
        (lead,) = await world.all()
        taken = await self.one(world, lead)
        assert taken is not None
        await world.stores.leads.release([lead.lead_id], owner="two")
        assert await world.get(lead) == lead

    async def test_not_one_that_another_holds_until_the_lease_is_over(self, world: World) -> None:
        lead = await world.reserved(1)
        assert await self.one(world, lead) is None
        assert await self.one(world, lead, at=NOON + LEASE) is not None

    async def test_again_where_the_owner_holds_it(self, world: World) -> None:
        lead = await world.reserved(1)
        assert await self.one(world, lead, "one", at=NOON + MINUTE) is not None
        assert await world.reserve(owner="two", at=NOON + LEASE) == []
        assert await world.reserve(owner="two", at=NOON + LEASE + MINUTE) != []

    async def test_not_one_that_is_dialled_or_over(self, world: World) -> None:
        call = await world.dialed(1)
        (lead,) = await world.all()
        assert await self.one(world, lead) is None
        await world.close(call, state=LeadState.DONE)
        assert await self.one(world, lead) is None

    async def test_not_one_whose_number_is_being_rung_or_may_not_be(self, world: World) -> None:
        await world.dialed(1)
        same = await world.lead(1, campaign=AUTUMN)
        assert await self.one(world, same) is None
        listed = await world.lead(2)
        await world.stores.leads.add_do_not_call(number(2), reason="asked", at=NOON)
        assert await self.one(world, listed) is None

    async def test_one_that_nobody_knows(self, world: World) -> None:
        with pytest.raises(NotFoundError):
            await world.stores.leads.reserve(
                LeadId("01900000-0000-7000-8000-000000000000"), owner="two", lease=LEASE, at=NOON
            )


class TestReserving:
    async def test_by_priority_then_by_age(self, world: World) -> None:
        await world.stores.leads.add(new(1, 2), at=NOON)
        await world.stores.leads.add(new(3, 4, priority=5), at=NOON + MINUTE)
        await world.stores.leads.add(new(5, priority=-1), at=NOON - HOUR)
        assert phones(await world.reserve()) == numbers(3, 4, 1, 2, 5)

    async def test_reserved_leads_are_returned_as_they_are_stored(self, world: World) -> None:
        await world.lead(1)
        (lead,) = await world.reserve()
        assert lead.state is LeadState.RESERVED
        assert await world.get(lead) == lead

    @pytest.mark.parametrize("count", [0, -1])
    async def test_none_where_none_is_asked_for(self, world: World, count: int) -> None:
        await world.lead(1)
        assert await world.reserve(count) == []

    async def test_no_more_than_asked_for(self, world: World) -> None:
        await world.stores.leads.add(new(1, 2, 3), at=NOON)
        assert phones(await world.reserve(2)) == numbers(1, 2)
        assert phones(await world.reserve(2)) == numbers(3)
        assert await world.reserve(2) == []

    async def test_only_of_the_campaign(self, world: World) -> None:
        await world.lead(1, campaign=AUTUMN)
        assert await world.reserve() == []

    async def test_a_lead_in_retry_only_when_its_time_has_come(self, world: World) -> None:
        call = await world.dialed(1)
        await world.close(call, state=LeadState.RETRY, next_at=NOON + HOUR)
        assert await world.reserve(at=NOON + HOUR - timedelta(microseconds=1)) == []
        assert phones(await world.reserve(at=NOON + HOUR)) == numbers(1)

    async def test_a_lead_in_retry_without_a_time_is_due(self, world: World) -> None:
        await world.close(await world.dialed(1), state=LeadState.RETRY)
        assert phones(await world.reserve()) == numbers(1)

    async def test_retries_and_new_leads_share_one_order(self, world: World) -> None:
        call = await world.dialed(1)
        await world.close(call, state=LeadState.RETRY, next_at=NOON + HOUR)
        await world.stores.leads.add(new(2), at=NOON + MINUTE)
        assert phones(await world.reserve(at=NOON + HOUR)) == numbers(1, 2)

    async def test_a_lease_that_has_run_out_is_taken_over(self, world: World) -> None:
        lead = await world.reserved(1)
        assert await world.reserve(owner="two", at=NOON + LEASE - MINUTE) == []
        assert await world.reserve(owner="two", at=NOON + LEASE) == [lead]
        assert await world.open([call_to(lead)], owner="one") == set()
        assert await world.open([call_to(lead)], owner="two") != set()

    async def test_a_lease_that_has_run_out_is_its_owners_until_somebody_takes_it(
        self, world: World
    ) -> None:
        lead = await world.reserved(1)
        assert await world.reserve(0, owner="two", at=NOON + HOUR) == []
        assert await world.open([call_to(lead)]) != set()

    async def test_a_lead_that_is_being_dialled_has_no_lease(self, world: World) -> None:
        await world.dialed(1)
        assert await world.reserve(owner="two", at=NOON + 1000 * HOUR) == []

    @pytest.mark.parametrize("state", [LeadState.DONE, LeadState.EXCLUDED])
    async def test_what_is_final_is_never_reserved(self, world: World, state: LeadState) -> None:
        await world.close(await world.dialed(1), state=state)
        assert await world.reserve(at=NOON + 1000 * HOUR) == []

    async def test_a_number_that_is_being_rung_for_another_campaign_is_passed_over(
        self, world: World
    ) -> None:
        call = await world.dialed(1, campaign=AUTUMN)
        await world.stores.leads.add(new(1, 2), at=NOON)
        assert phones(await world.reserve(1)) == numbers(2)
        await world.close(call)
        assert phones(await world.reserve(1)) == numbers(1)

    async def test_two_callers_at_once_never_get_the_same_lead(self, world: World) -> None:
        await world.stores.leads.add(new(*range(60)), at=NOON)
        hauls = await asyncio.gather(*(world.reserve(10, owner=str(who)) for who in range(8)))
        taken = [lead.lead_id for haul in hauls for lead in haul]
        assert len(taken) == len(set(taken)) == 60


class TestGivingBack:
    async def test_a_lead_that_was_never_tried_is_new_again(self, world: World) -> None:
        lead = await world.reserved(1)
        await world.stores.leads.release([lead.lead_id], owner="one")
        assert await world.get(lead) == replace(lead, state=LeadState.NEW)
        assert await world.reserve(owner="two") == [lead]

    @pytest.mark.parametrize("outcome", [Outcome.BUSY, Outcome.FAILED])
    async def test_a_lead_that_was_tried_waits_in_retry(
        self, world: World, outcome: Outcome
    ) -> None:
        call = await world.dialed(1)
        await world.close(call, outcome, state=LeadState.RETRY, next_at=NOON + HOUR)
        (lead,) = await world.reserve(at=NOON + HOUR)
        await world.stores.leads.release([lead.lead_id], owner="one")
        assert await world.get(lead) == replace(lead, state=LeadState.RETRY)
        assert await world.reserve(at=NOON + HOUR) == [lead]

    async def test_leads_of_others_are_left_alone(self, world: World) -> None:
        lead = await world.reserved(1)
        await world.stores.leads.release([lead.lead_id, LeadId("unknown")], owner="two")
        assert await world.get(lead) == lead

    async def test_a_lead_that_is_being_dialled_is_left_alone(self, world: World) -> None:
        call = await world.dialed(1)
        await world.stores.leads.release([call.lead_id], owner="one")
        assert await world.stores.leads.release_owner("one") == 0
        assert await world.state(call) is LeadState.DIALING

    async def test_an_owner_gives_back_everything(self, world: World) -> None:
        await world.stores.leads.add(new(1, 2, 3), at=NOON)
        await world.reserve(2, owner="one")
        await world.reserve(1, owner="two")
        assert await world.stores.leads.release_owner("one") == 2
        assert await world.stores.leads.release_owner("one") == 0
        assert phones(await world.reserve()) == numbers(1, 2)

    async def test_nothing_is_given_back_for_an_empty_list(self, world: World) -> None:
        lead = await world.reserved(1)
        await world.stores.leads.release([], owner="one")
        assert await world.get(lead) == lead


class TestDeferring:
    async def defer(self, world: World, lead: Lead, state: LeadState, owner: str = "one") -> None:
        await world.stores.leads.defer(
            lead.lead_id, owner=owner, state=state, not_before=NOON + HOUR
        )

    async def test_a_deferred_lead_waits_until_its_time(self, world: World) -> None:
        lead = await world.reserved(1)
        await self.defer(world, lead, LeadState.RETRY)
        deferred = replace(lead, state=LeadState.RETRY, next_attempt_at=NOON + HOUR)
        assert await world.get(lead) == deferred
        assert await world.reserve(at=NOON + LEASE) == []
        assert phones(await world.reserve(at=NOON + HOUR)) == numbers(1)

    @pytest.mark.parametrize("state", [LeadState.DONE, LeadState.EXCLUDED])
    async def test_a_lead_may_be_taken_out_for_good(self, world: World, state: LeadState) -> None:
        lead = await world.reserved(1)
        await self.defer(world, lead, state)
        assert await world.get(lead) == replace(lead, state=state)
        assert await world.reserve(at=NOON + 1000 * HOUR) == []

    @pytest.mark.parametrize("state", [LeadState.NEW, LeadState.RESERVED, LeadState.DIALING])
    async def test_to_any_other_state_is_refused_and_changes_nothing(
        self, world: World, state: LeadState
    ) -> None:
        lead = await world.reserved(1)
        with pytest.raises(IllegalTransitionError):
            await self.defer(world, lead, state)
        assert await world.get(lead) == lead
        assert await world.open([call_to(lead)]) != set()

    async def test_a_lead_of_another_owner_is_left_alone(self, world: World) -> None:
        lead = await world.reserved(1)
        await self.defer(world, lead, LeadState.DONE, owner="two")
        assert await world.get(lead) == lead

    async def test_a_deferred_lead_has_no_owner_any_more(self, world: World) -> None:
        lead = await world.reserved(1)
        await self.defer(world, lead, LeadState.RETRY)
        await self.defer(world, lead, LeadState.DONE)
        assert await world.state(lead) is LeadState.RETRY


class TestLooking:
    async def test_an_unknown_lead_is_not_found(self, world: World) -> None:
        with pytest.raises(NotFoundError):
            await world.stores.leads.get(LeadId("unknown"))

    async def test_pages_follow_each_other_by_id(self, world: World) -> None:
        await world.stores.leads.add(new(1, 2, 3, 4, 5), at=NOON)
        await world.lead(6, campaign=AUTUMN)
        page = await world.stores.leads.page(SPRING, after=None, limit=3, state=None)
        rest = await world.stores.leads.page(SPRING, after=page[-1].lead_id, limit=3, state=None)
        assert phones(page) == numbers(1, 2, 3)
        assert phones(rest) == numbers(4, 5)

    async def test_a_page_of_one_state(self, world: World) -> None:
        await world.stores.leads.add(new(1, 2, 3, 4), at=NOON)
        await world.reserve(2)
        page = await world.stores.leads.page(SPRING, after=None, limit=10, state=LeadState.NEW)
        assert phones(page) == numbers(3, 4)
        assert await world.stores.leads.page(SPRING, after=None, limit=0, state=None) == []

    async def test_the_counts_name_every_state(self, world: World) -> None:
        counts = await world.stores.leads.counts(SPRING, at=NOON)
        assert counts.by_state == dict.fromkeys(LeadState, 0)
        assert (counts.due, counts.next_due_at) == (0, None)

    async def test_the_counts_tell_what_is_due_and_when_the_next_is(self, world: World) -> None:
        for index, delay in ((1, HOUR), (2, 2 * HOUR), (3, 3 * HOUR)):
            call = await world.dialed(index)
            await world.close(call, state=LeadState.RETRY, next_at=NOON + delay)
        await world.dialed(4)
        await world.reserved(5)
        await world.lead(6)
        await world.lead(7, campaign=AUTUMN)
        counts = await world.stores.leads.counts(SPRING, at=NOON + HOUR)
        assert (counts.due, counts.next_due_at) == (2, NOON + 2 * HOUR)  # 1 and 6
        assert counts.by_state[LeadState.RETRY] == 3
        assert counts.by_state[LeadState.DIALING] == counts.by_state[LeadState.RESERVED] == 1
        assert counts.by_state[LeadState.NEW] == 1

    async def test_a_lead_passed_over_is_due_all_the_same(self, world: World) -> None:
        call = await world.dialed(1)
        await world.close(call, state=LeadState.RETRY, next_at=NOON + HOUR)
        await world.dialed(1, campaign=AUTUMN)
        before = await world.stores.leads.counts(SPRING, at=NOON + HOUR)
        assert await world.reserve(at=NOON + HOUR) == []
        assert await world.stores.leads.counts(SPRING, at=NOON + HOUR) == before
        assert before.due == 1


class TestDoNotCall:
    async def test_the_list_knows_its_numbers(self, world: World) -> None:
        await world.bar(number(1))
        await world.bar(number(1))
        listed = await world.stores.leads.do_not_call([number(2), number(1), number(1)])
        assert listed == {number(1)}
        assert await world.stores.leads.do_not_call([]) == set()

    async def test_a_long_list_may_be_asked_for(self, world: World) -> None:
        await world.bar(number(1300))
        listed = await world.stores.leads.do_not_call(numbers(*range(1400)))
        assert listed == {number(1300)}

    async def test_leads_that_wait_with_the_number_are_excluded_in_every_campaign(
        self, world: World
    ) -> None:
        call = await world.dialed(1)
        await world.close(call, state=LeadState.RETRY, next_at=NOON + HOUR)
        fresh = await world.lead(1, campaign=AUTUMN)
        await world.bar(number(1))
        retried = await world.get(call)
        assert (retried.state, retried.next_attempt_at) == (LeadState.EXCLUDED, None)
        assert await world.state(fresh) is LeadState.EXCLUDED
        assert await world.reserve(at=NOON + 10 * HOUR) == []

    async def test_a_reserved_lead_is_excluded_and_cannot_be_dialled(self, world: World) -> None:
        lead = await world.reserved(1)
        await world.bar(number(1))
        assert await world.open([call_to(lead)]) == set()
        assert await world.stores.leads.release_owner("one") == 0
        assert await world.state(lead) is LeadState.EXCLUDED

    async def test_a_lead_that_is_being_dialled_is_excluded_when_its_attempt_closes(
        self, world: World
    ) -> None:
        call = await world.dialed(1)
        await world.bar(number(1))
        assert await world.state(call) is LeadState.DIALING
        await world.close(call, state=LeadState.RETRY, next_at=NOON + HOUR)
        lead = await world.get(call)
        assert (lead.state, lead.next_attempt_at) == (LeadState.EXCLUDED, None)
        assert lead.attempts == 1

    async def test_a_lead_that_is_done_stays_done(self, world: World) -> None:
        call = await world.dialed(1)
        await world.close(call)
        await world.bar(number(1))
        assert await world.state(call) is LeadState.DONE
