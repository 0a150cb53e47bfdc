"""How servers share the teams out: leases and seats in the store, from literals of time."""

from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from dialer.adapters.memory import memory_stores
from dialer.engine.ownership import LEASE, Ownership, share
from dialer.ids import TeamId
from dialer.ports import Stores
from tests.support.virtual_loop import START

TEAMS = [TeamId(name) for name in ("a", "b", "c", "d", "e")]


class SetClock:
    def __init__(self) -> None:
        self.at = START

    def now(self) -> datetime:
        return self.at.astimezone(UTC)

    async def wait_until(self, instant: datetime) -> None:
        self.at = max(self.at, instant)


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
def stores() -> Stores:
    return memory_stores(random=Random(1))


async def sit(server: Ownership) -> None:
    await server.sit_down(await server.standing())


async def take_all(server: Ownership) -> list[TeamId]:
    """What a look takes."""
    standing = await server.standing()
    return [
        team
        for team in TEAMS
        if standing.holder(team) is None
        and server.may_take(len(TEAMS), standing)
        and await server.take(team) is not None
    ]


@pytest.mark.parametrize(
    ("teams", "servers", "each"), [(4, 2, 2), (3, 2, 2), (1, 2, 1), (5, 3, 2), (0, 2, 0), (7, 1, 7)]
)
def test_a_share_is_rounded_up(teams: int, servers: int, each: int) -> None:
    assert share(teams, servers) == each


async def test_alone_a_server_takes_all_with_or_without_a_seat(
    stores: Stores, clock: SetClock
) -> None:
    assert await take_all(Ownership(stores.leases, clock, "one")) == TEAMS


async def test_two_that_sit_take_a_share_each(stores: Stores, clock: SetClock) -> None:
    one, two = (Ownership(stores.leases, clock, name) for name in ("one", "two"))
    await sit(one)
    await sit(two)
    assert await take_all(one) == TEAMS[:3]
    assert await take_all(two) == TEAMS[3:]


async def test_without_a_seat_nothing_is_taken_beside_one_that_sits(
    stores: Stores, clock: SetClock
) -> None:
    one, two = (Ownership(stores.leases, clock, name) for name in ("one", "two"))
    await sit(one)
    assert await take_all(two) == []


async def test_who_has_too_many_gives_back_until_shares_are_fair(
    stores: Stores, clock: SetClock
) -> None:
    one, two = (Ownership(stores.leases, clock, name) for name in ("one", "two"))
    await sit(one)
    await take_all(one)
    assert not one.too_many(len(TEAMS), await one.standing())
    await sit(two)
    given = []
    while one.too_many(len(TEAMS), await one.standing()):
        team = next(team for team in TEAMS if one.fence(team) is not None)
        await one.give_back(team)
        assert not one.may_take(len(TEAMS), await one.standing())  # it does not take it again
        given.append(team)
        assert await take_all(two) == [team]
    assert given == TEAMS[:2]


async def test_the_seat_of_a_dead_server_runs_out_with_its_teams(
    stores: Stores, clock: SetClock
) -> None:
    one, two = (Ownership(stores.leases, clock, name) for name in ("one", "two"))
    await sit(one)
    await sit(two)
    await take_all(one)
    await take_all(two)
    clock.at += LEASE - timedelta(seconds=1)
    assert await one.renew() == []
    clock.at += timedelta(seconds=1)
    assert await take_all(one) == TEAMS[3:]
    assert await two.renew() == TEAMS[3:]


async def test_a_seat_is_used_again(stores: Stores, clock: SetClock) -> None:
    for life in range(5):
        server = Ownership(stores.leases, clock, f"life {life}")
        await sit(server)
        [lease] = (await server.standing()).leases
        assert lease.team_id == "@seat-1"
        await server.release()


async def test_who_stood_up_is_counted_no_more(stores: Stores, clock: SetClock) -> None:
    one, two = (Ownership(stores.leases, clock, name) for name in ("one", "two"))
    await sit(one)
    await sit(two)
    await two.stand_up()
    assert await take_all(one) == TEAMS
