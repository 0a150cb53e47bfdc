"""Lease: one server runs a team, and one that lost it dials nobody."""

import asyncio
from datetime import datetime

import pytest

from dialer.ids import TeamId
from dialer.leads import LeadState, Outcome
from dialer.ports import Stores, TeamLease, fence_of, fenced_owner
from tests.contract.world import AUTUMN, HOUR, MINUTE, NOON, SPRING, World, call_to

NORTH, SOUTH = TeamId("north"), TeamId("south")
TTL = MINUTE
LATER = NOON + 2 * TTL  # the lease has run out


async def take(stores: Stores, owner: str, at: datetime = NOON, team: TeamId = NORTH) -> int | None:
    return await stores.leases.acquire(team, owner=owner, ttl=TTL, at=at)


async def taken(stores: Stores, owner: str, at: datetime = NOON, team: TeamId = NORTH) -> str:
    """The name under which `owner`, who gets the team, reserves leads."""
    fence = await take(stores, owner, at, team)
    assert fence is not None
    return fenced_owner(team, fence)


class TestHolding:
    async def test_a_team_is_run_by_the_first_who_asks(self, stores: Stores) -> None:
        assert await take(stores, "one") == 1
        assert await take(stores, "two") is None
        assert await stores.leases.held_by(NORTH, at=NOON) == TeamLease(
            team_id=NORTH, owner="one", fence=1, until=NOON + TTL
        )

    async def test_teams_are_held_apart(self, stores: Stores) -> None:
        assert await take(stores, "one") == 1
        assert await take(stores, "two", team=SOUTH) == 1
        assert await stores.leases.held_by(TeamId("west"), at=NOON) is None

    async def test_of_many_who_ask_at_once_one_gets_the_team(self, stores: Stores) -> None:
        fences = await asyncio.gather(*(take(stores, str(number)) for number in range(8)))
        assert sorted(fences, key=str) == [1, *[None] * 7]

    async def test_all_that_run_are_told(self, stores: Stores) -> None:
        await take(stores, "one", team=SOUTH)
        await take(stores, "two", at=NOON + TTL / 2)
        await take(stores, "one", team=TeamId("west"))
        await stores.leases.release(TeamId("west"), fence=1)
        running = await stores.leases.running(at=NOON + TTL / 2)
        assert [(lease.team_id, lease.owner, lease.fence) for lease in running] == [
            (NORTH, "two", 1),
            (SOUTH, "one", 1),
        ]
        later = await stores.leases.running(at=NOON + TTL)
        assert [lease.team_id for lease in later] == [NORTH]

    async def test_renewing_keeps_the_team(self, stores: Stores) -> None:
        await take(stores, "one")
        assert await stores.leases.renew(NORTH, fence=1, ttl=TTL, at=NOON + TTL / 2)
        assert await take(stores, "two", at=NOON + TTL) is None
        lease = await stores.leases.held_by(NORTH, at=NOON + TTL)
        assert lease is not None
        assert lease.until == NOON + 1.5 * TTL

    async def test_a_lease_that_runs_out_is_nobodys(self, stores: Stores) -> None:
        await take(stores, "one")
        assert await stores.leases.held_by(NORTH, at=NOON + TTL) is None
        assert await take(stores, "two", at=NOON + TTL) == 2

    async def test_a_lease_that_ran_out_may_be_renewed_while_nobody_took_the_team(
        self, stores: Stores
    ) -> None:
        await take(stores, "one")
        assert await stores.leases.renew(NORTH, fence=1, ttl=TTL, at=LATER)
        assert await take(stores, "two", at=LATER) is None

    async def test_who_was_replaced_cannot_renew(self, stores: Stores) -> None:
        await take(stores, "one")
        await take(stores, "two", at=LATER)
        assert not await stores.leases.renew(NORTH, fence=1, ttl=TTL, at=LATER)
        lease = await stores.leases.held_by(NORTH, at=LATER)
        assert lease == TeamLease(team_id=NORTH, owner="two", fence=2, until=LATER + TTL)

    async def test_nobody_renews_what_was_never_taken(self, stores: Stores) -> None:
        assert not await stores.leases.renew(NORTH, fence=0, ttl=TTL, at=NOON)

    async def test_a_team_that_is_given_back_may_be_taken_at_once(self, stores: Stores) -> None:
        await take(stores, "one")
        await stores.leases.release(NORTH, fence=1)
        assert await stores.leases.held_by(NORTH, at=NOON) is None
        assert not await stores.leases.renew(NORTH, fence=1, ttl=TTL, at=NOON)
        assert await take(stores, "two") == 2

    async def test_who_was_replaced_gives_nothing_back(self, stores: Stores) -> None:
        await take(stores, "one")
        await take(stores, "two", at=LATER)
        await stores.leases.release(NORTH, fence=1)
        assert await take(stores, "three", at=LATER) is None

    async def test_the_fence_only_grows(self, stores: Stores) -> None:
        seen = [await take(stores, "one")]
        await stores.leases.release(NORTH, fence=1)
        seen.append(await take(stores, "two"))
        seen.append(await take(stores, "two"))  # its earlier life ends
        seen.append(await take(stores, "one", at=LATER))
        assert seen == [1, 2, 3, 4]


class TestDialling:
    async def test_who_runs_the_team_dials(self, world: World) -> None:
        one = await taken(world.stores, "one")
        lead = await world.lead(1)
        assert await world.reserve(owner=one) != []
        assert await world.open([call_to(lead)], owner=one) != set()

    async def test_who_was_replaced_opens_no_attempt(self, world: World) -> None:
        one = await taken(world.stores, "one")
        lead = await world.lead(1)
        await world.reserve(owner=one)
        await taken(world.stores, "two", at=LATER)
        assert await world.open([call_to(lead)], owner=one) == set()
        assert await world.stores.attempts.of_lead(lead.lead_id) == []

    async def test_who_was_replaced_reserves_no_lead(self, world: World) -> None:
        one = await taken(world.stores, "one")
        two = await taken(world.stores, "two", at=LATER)
        lead = await world.lead(1)
        assert await world.reserve(owner=one, at=LATER) == []
        assert [own.lead_id for own in await world.reserve(owner=two, at=LATER)] == [lead.lead_id]

    async def test_who_was_replaced_does_not_get_the_leads_of_the_next(self, world: World) -> None:
        one = await taken(world.stores, "one")
        lead = await world.lead(1)
        await world.reserve(owner=one)
        two = await taken(world.stores, "two", at=LATER)
        await world.reserve(owner=two, at=LATER)
        await world.stores.leads.defer(
            lead.lead_id, owner=one, state=LeadState.DONE, not_before=None
        )
        await world.stores.leads.release([lead.lead_id], owner=one)
        assert await world.stores.leads.release_owner(one) == 0
        assert await world.open([call_to(lead)], owner=two) != set()

    @pytest.mark.parametrize("released", [True, False])
    async def test_reserved_leads_go_back_when_the_team_changes_hands(
        self, world: World, released: bool
    ) -> None:
        one = await taken(world.stores, "one")
        other = await taken(world.stores, "one", team=SOUTH)
        await world.lead(1)
        await world.lead(2, campaign=AUTUMN)
        await world.reserve(owner=one)
        (kept,) = await world.reserve(owner=other, campaign=AUTUMN)
        if released:
            await world.stores.leases.release(NORTH, fence=1)
        else:
            await taken(world.stores, "two", at=LATER)
        assert [lead.state for lead in await world.all()] == [LeadState.NEW]
        assert await world.state(kept) is LeadState.RESERVED

    async def test_open_attempts_stay_when_the_team_changes_hands(self, world: World) -> None:
        one = await taken(world.stores, "one")
        lead = await world.lead(1)
        await world.reserve(owner=one)
        await world.open([call_to(lead)], owner=one)
        two = await taken(world.stores, "two", at=LATER)
        assert await world.state(lead) is LeadState.DIALING
        assert len(await world.stores.attempts.still_open([SPRING])) == 1
        assert await world.reserve(owner=two, at=LATER + HOUR) == []

    async def test_who_gave_the_team_back_dials_nobody(self, world: World) -> None:
        one = await taken(world.stores, "one")
        lead = await world.lead(1)
        await world.reserve(owner=one)
        await world.stores.leases.release(NORTH, fence=1)
        assert await world.reserve(owner=one) == []
        assert await world.open([call_to(lead)], owner=one) == set()

    async def test_an_earlier_life_of_the_same_server_dials_nobody(self, world: World) -> None:
        before = await taken(world.stores, "one")
        now = await taken(world.stores, "one")
        await world.lead(1)
        assert await world.reserve(owner=before) == []
        assert len(await world.reserve(owner=now)) == 1

    async def test_a_lease_that_ran_out_is_good_until_somebody_takes_the_team(
        self, world: World
    ) -> None:
        one = await taken(world.stores, "one")
        lead = await world.lead(1)
        assert len(await world.reserve(owner=one, at=LATER)) == 1
        assert await world.open([call_to(lead, at=LATER)], owner=one) != set()

    async def test_who_was_replaced_may_still_tell_how_its_calls_ended(self, world: World) -> None:
        one = await taken(world.stores, "one")
        lead = await world.lead(1)
        await world.reserve(owner=one)
        call = call_to(lead)
        await world.open([call], owner=one)
        await taken(world.stores, "two", at=LATER)
        await world.close(call, Outcome.TALKED)
        assert await world.state(lead) is LeadState.DONE

    async def test_a_clock_that_is_ahead_takes_the_team_early_but_rings_nobody_twice(
        self, world: World
    ) -> None:
        one = await taken(world.stores, "one")
        lead = await world.lead(1)
        await world.reserve(owner=one)
        two = await taken(world.stores, "two", at=NOON + HOUR)  # it is noon
        await world.reserve(owner=two, at=NOON + HOUR)
        written = await asyncio.gather(
            world.open([call_to(lead, "first")], owner=one),
            world.open([call_to(lead, "second")], owner=two),
        )
        assert written == [set(), {"second"}]

    async def test_a_clock_that_is_behind_does_not_take_the_team(self, stores: Stores) -> None:
        await take(stores, "one")
        assert await take(stores, "two", at=NOON - HOUR) is None

    async def test_an_owner_without_a_fence_is_not_asked_for_one(self, world: World) -> None:
        await taken(world.stores, "one")
        await world.lead(1)
        assert len(await world.reserve(owner="team:north")) == 1

    async def test_a_fence_that_was_never_given_is_no_fence(self, world: World) -> None:
        await taken(world.stores, "one")
        await world.lead(1)
        for fence in (0, 2):
            assert await world.reserve(owner=fenced_owner(NORTH, fence)) == []
        assert await world.reserve(owner=fenced_owner(SOUTH, 1)) == []


@pytest.mark.parametrize("team", ["north", "a#1", "team:x", "two words"])
def test_an_owner_names_its_team_and_fence(team: str) -> None:
    assert fence_of(fenced_owner(TeamId(team), 17)) == (team, 17)


@pytest.mark.parametrize("owner", ["", "one", "team:north", "team:north#", "team:#1", "north#1"])
def test_other_owners_have_no_fence(owner: str) -> None:
    assert fence_of(owner) is None
