"""Trunks in the store, and their limits: held at every instant, over all teams, in the transaction that would dial."""

import asyncio
from datetime import timedelta

from dialer.commands import PlaceCall
from dialer.events import NotOpened
from dialer.ids import CallId
from dialer.leads import LeadState
from dialer.trunks import NumberFormat, Trunk
from tests.contract.world import AUTUMN, MINUTE, NOON, SPRING, TRUNK, World, call_to, number

SECOND = timedelta(seconds=1)
FULL = Trunk(
    trunk_id=TRUNK,
    dial="PJSIP/{number}@carrier",
    number_format=NumberFormat.NATIONAL,
    prefix="9",
    country="IT",
    prefixes=("+39", "+378"),
    lines=30,
    calls_per_second=2.5,
    caller_ids=("+390612345678", "+390212345678"),
    priority=2,
    weight=3,
    nodes=("north",),
)


async def calls_of(world: World, count: int, first: int = 1) -> list[PlaceCall]:
    """Calls to new leads, reserved by "one"."""
    for index in range(first, first + count):
        await world.lead(index)
    return [call_to(lead) for lead in await world.reserve(count)]


async def refused(world: World, calls: list[PlaceCall]) -> dict[CallId, NotOpened]:
    return (await world.stores.attempts.open(calls, owner="one")).refused


class TestKeeping:
    async def test_a_trunk_comes_back_as_it_was_saved(self, world: World) -> None:
        plain = Trunk(trunk_id=TRUNK)
        for trunk in (plain, FULL):
            await world.stores.trunks.save(trunk)
            assert await world.stores.trunks.all() == [trunk]


class TestLines:
    async def test_calls_above_the_lines_are_left_out_and_their_leads_stay_reserved(
        self, world: World
    ) -> None:
        await world.stores.trunks.save(Trunk(trunk_id=TRUNK, lines=2))
        calls = await calls_of(world, 3)
        assert await refused(world, calls) == {calls[2].call_id: NotOpened.TRUNK_LINES}
        assert await world.state(calls[2]) is LeadState.RESERVED
        assert await refused(world, calls[2:]) == {calls[2].call_id: NotOpened.TRUNK_LINES}
        await world.close(calls[0])
        assert await refused(world, calls[2:]) == {}

    async def test_another_trunk_and_one_that_the_store_does_not_know_are_free(
        self, world: World
    ) -> None:
        await world.stores.trunks.save(Trunk(trunk_id=TRUNK, lines=1))
        first, *others = await calls_of(world, 4)
        elsewhere = [call_to(await world.get(call), trunk="unknown") for call in others]
        assert await refused(world, [first, *elsewhere]) == {}

    async def test_a_limit_that_is_lowered_holds_from_the_next_call_on(self, world: World) -> None:
        calls = await calls_of(world, 3)
        await world.stores.trunks.save(Trunk(trunk_id=TRUNK, lines=3))
        assert await refused(world, calls[:2]) == {}
        await world.stores.trunks.save(Trunk(trunk_id=TRUNK, lines=1))
        assert await refused(world, calls[2:]) == {calls[2].call_id: NotOpened.TRUNK_LINES}

    async def test_teams_that_dial_at_once_share_the_lines(self, world: World) -> None:
        """Twenty transactions, each of two calls, of two owners and campaigns."""
        await world.stores.trunks.save(Trunk(trunk_id=TRUNK, lines=7))
        batches: list[tuple[str, list[PlaceCall]]] = []
        for owner, campaign, first in (("one", SPRING, 100), ("two", AUTUMN, 200)):
            for index in range(first, first + 20):
                await world.lead(index, campaign=campaign)
            found = await world.reserve(20, campaign=campaign, owner=owner)
            calls = [call_to(lead) for lead in found]
            batches += [(owner, calls[at : at + 2]) for at in range(0, 20, 2)]
        opened = await asyncio.gather(*(world.open(calls, owner=who) for who, calls in batches))
        assert sum(len(written) for written in opened) == 7
        assert len(await world.stores.attempts.still_open([SPRING, AUTUMN])) == 7


class TestRate:
    async def test_within_any_second_no_more_calls_begin_than_the_rate(self, world: World) -> None:
        await world.stores.trunks.save(Trunk(trunk_id=TRUNK, calls_per_second=2.5))
        calls = await calls_of(world, 4)
        when = (NOON, NOON + SECOND / 2, NOON + SECOND * 0.9, NOON + SECOND)
        opened = [
            await world.open([call_to(await world.get(call), at=at)])
            for call, at in zip(calls, when, strict=True)
        ]
        assert [len(written) for written in opened] == [1, 1, 0, 1]

    async def test_a_call_that_has_ended_counts_until_its_second_is_over(
        self, world: World
    ) -> None:
        await world.stores.trunks.save(Trunk(trunk_id=TRUNK, calls_per_second=1, lines=1))
        first, second = await calls_of(world, 2)
        assert await refused(world, [first]) == {}
        await world.close(first, ended_at=NOON + SECOND / 10)
        assert await refused(world, [second]) == {second.call_id: NotOpened.TRUNK_RATE}

    async def test_less_than_one_a_second_is_one_call_in_its_time(self, world: World) -> None:
        await world.stores.trunks.save(Trunk(trunk_id=TRUNK, calls_per_second=0.1))
        calls = await calls_of(world, 3)
        when = (NOON, NOON + 9 * SECOND, NOON + 10 * SECOND)
        opened = [
            await world.open([call_to(await world.get(call), at=at)])
            for call, at in zip(calls, when, strict=True)
        ]
        assert [len(written) for written in opened] == [1, 0, 1]


class TestWhyNot:
    async def test_every_call_that_is_left_out_says_why(self, world: World) -> None:
        await world.stores.trunks.save(Trunk(trunk_id=TRUNK, lines=2))
        open_, barred, fits, above = await calls_of(world, 4)
        stranger = call_to(await world.lead(9))
        twin = await world.reserved(open_index(open_), campaign=AUTUMN)
        assert await refused(world, [open_]) == {}
        await world.bar(barred.phone)
        assert await refused(world, [barred, stranger, fits, above]) == {
            barred.call_id: NotOpened.NOT_RESERVED,  # the list has taken its lead out
            stranger.call_id: NotOpened.NOT_RESERVED,
            above.call_id: NotOpened.TRUNK_LINES,
        }
        again = call_to(twin, "again", trunk="other")
        assert await refused(world, [again]) == {again.call_id: NotOpened.ALREADY_OPEN}

    async def test_a_server_that_lost_its_team(self, world: World) -> None:
        call = call_to(await world.reserved())
        result = await world.stores.attempts.open([call], owner="team:one#7")
        assert (result.written, result.refused) == (
            frozenset(),
            {call.call_id: NotOpened.TEAM_LOST},
        )

    async def test_what_was_refused_can_be_opened_later(self, world: World) -> None:
        await world.stores.trunks.save(Trunk(trunk_id=TRUNK, lines=1))
        first, second = await calls_of(world, 2)
        assert await refused(world, [first, second]) == {second.call_id: NotOpened.TRUNK_LINES}
        await world.close(first, ended_at=NOON + MINUTE)
        assert await world.open([second]) == {second.call_id}


def open_index(call: PlaceCall) -> int:
    return next(index for index in range(100) if number(index) == call.phone)
