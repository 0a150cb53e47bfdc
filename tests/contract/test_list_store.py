"""ListStore: the lists of a campaign, how they are mixed, and the order of each."""

from collections import Counter
from datetime import timedelta

import pytest

from dialer.errors import InvalidInputError, NotFoundError
from dialer.ids import CampaignId, ListId
from dialer.lead_lists import LeadList, LeadOrder, ListSettings, unnamed_list
from dialer.leads import DEFAULT_LIST, Lead, LeadState, NewLead, Outcome
from tests.contract.world import AUTUMN, HOUR, MINUTE, NOON, SPRING, World, call_to, number


def settings(
    name: str = "warm",
    *,
    weight: int = 1,
    order: LeadOrder = LeadOrder.PRIORITY,
    seed: int = 0,
    campaign: CampaignId = SPRING,
) -> ListSettings:
    return ListSettings(campaign_id=campaign, name=name, weight=weight, order=order, seed=seed)


async def put(world: World, wanted: ListSettings) -> ListId:
    return (await world.stores.lists.put(wanted, at=NOON)).list_id


async def add(
    world: World, list_id: ListId, *indexes: int, priority: int = 0, zone: str = "Etc/UTC"
) -> None:
    """One after the other, a minute apart."""
    for index in indexes:
        new = NewLead(
            campaign_id=SPRING, phone=number(index), list_id=list_id, priority=priority, zone=zone
        )
        await world.stores.leads.add([new], at=NOON + index * MINUTE)


def taken(leads: list[Lead]) -> list[int]:
    """The indexes of their numbers."""
    return [int(lead.phone[-7:]) for lead in leads]


class TestKeeping:
    async def test_every_campaign_has_the_unnamed_list(self, world: World) -> None:
        assert await world.stores.lists.all(SPRING) == [unnamed_list(SPRING)]
        assert (await world.lead(1)).list_id == DEFAULT_LIST

    async def test_a_list_is_kept_as_it_was_put(self, world: World) -> None:
        wanted = settings(weight=3, order=LeadOrder.RANDOM, seed=-7)
        stored = await world.stores.lists.put(wanted, at=NOON)
        assert stored == LeadList(list_id=ListId(1), settings=wanted, created_at=NOON)
        assert await world.stores.lists.all(SPRING) == [unnamed_list(SPRING), stored]
        assert await world.stores.lists.all(AUTUMN) == [unnamed_list(AUTUMN)]

    async def test_a_known_name_changes_that_list(self, world: World) -> None:
        first = await put(world, settings(weight=1))
        other = await put(world, settings("cold"))
        later = await world.stores.lists.put(settings(weight=9), at=NOON + HOUR)
        assert (later.list_id, later.created_at, other) == (first, NOON, ListId(2))
        weights = [each.settings.weight for each in await world.stores.lists.all(SPRING)]
        assert weights == [1, 9, 1]

    async def test_the_unnamed_list_can_be_changed_too(self, world: World) -> None:
        assert await put(world, settings("", weight=0)) == DEFAULT_LIST
        await world.lead(1)
        assert await world.reserve() == []

    @pytest.mark.parametrize(
        ("wanted", "field"),
        [
            (settings(weight=-1), "weight"),
            (settings(weight=1001), "weight"),
            (settings("x" * 201), "name"),
            (settings(seed=2**63), "seed"),
        ],
    )
    async def test_settings_that_cannot_be_are_refused(
        self, world: World, wanted: ListSettings, field: str
    ) -> None:
        with pytest.raises(InvalidInputError) as caught:
            await world.stores.lists.put(wanted, at=NOON)
        assert caught.value.field == field

    async def test_an_unknown_campaign_or_list_is_refused(self, world: World) -> None:
        with pytest.raises(NotFoundError):
            await world.stores.lists.put(settings(campaign=CampaignId("winter")), at=NOON)
        with pytest.raises(NotFoundError):
            await add(world, ListId(5), 1)
        assert await world.all() == []


class TestMixing:
    async def mixed(self, world: World, *weights: int, each: int = 40) -> dict[int, ListId]:
        """Lists with these weights, each with so many leads; whose list an index is."""
        owner: dict[int, ListId] = {}
        for place, weight in enumerate(weights):
            list_id = await put(world, settings(f"list {place}", weight=weight))
            indexes = range(place * each, (place + 1) * each)
            owner |= dict.fromkeys(indexes, list_id)
            new = [
                NewLead(campaign_id=SPRING, phone=number(index), list_id=list_id)
                for index in indexes
            ]
            await world.stores.leads.add(new, at=NOON)
        return owner

    async def test_by_weight_in_any_stretch(self, world: World) -> None:
        owner = await self.mixed(world, 3, 1)
        lists = [owner[index] for index in taken(await world.reserve(16))]
        for start in range(0, 16, 4):
            assert Counter(lists[start : start + 4]) == {ListId(1): 3, ListId(2): 1}

    async def test_also_when_leads_are_asked_for_one_by_one(self, world: World) -> None:
        owner = await self.mixed(world, 2, 1)
        lists = [owner[taken(await world.reserve(1))[0]] for _ in range(12)]
        assert Counter(lists) == {ListId(1): 8, ListId(2): 4}

    async def test_a_list_without_leads_leaves_its_turns_to_the_others(self, world: World) -> None:
        owner = await self.mixed(world, 1, 1, each=5)
        assert len(await world.reserve(10)) == 10
        await add(world, owner[0], *range(100, 110))
        assert taken(await world.reserve(8)) == [*range(100, 108)]

    async def test_a_list_with_weight_0_rests(self, world: World) -> None:
        owner = await self.mixed(world, 0, 1, each=5)
        assert {owner[index] for index in taken(await world.reserve(10))} == {ListId(2)}

    async def test_one_number_in_three_lists_is_rung_once(self, world: World) -> None:
        for campaign in (SPRING, AUTUMN):
            list_id = await put(world, settings(campaign=campaign))
            new = NewLead(campaign_id=campaign, phone=number(1), list_id=list_id)
            await world.stores.leads.add([new, new], at=NOON)
        (spring,) = await world.reserve()
        (autumn,) = await world.reserve(campaign=AUTUMN)
        assert len(await world.open([call_to(spring), call_to(autumn, "other")])) == 1


class TestOrder:
    async def one(self, world: World, order: LeadOrder, seed: int = 0) -> ListId:
        return await put(world, settings(order=order, seed=seed))

    async def tried(self, world: World, outcome: Outcome = Outcome.BUSY, *, hour: int = 12) -> None:
        """The next lead, tried at this hour and due at once."""
        at = NOON + timedelta(hours=hour - 12)
        (lead,) = await world.reserve(1, at=at)
        call = call_to(lead, at=at)
        await world.open([call])
        await world.close(call, outcome, state=LeadState.RETRY, next_at=NOON, ended_at=at)

    async def test_newest_first(self, world: World) -> None:
        await add(world, await self.one(world, LeadOrder.NEWEST), 1, 2, 3)
        assert taken(await world.reserve()) == [3, 2, 1]

    async def test_least_attempted_then_priority_then_age(self, world: World) -> None:
        list_id = await self.one(world, LeadOrder.LEAST_ATTEMPTED)
        await add(world, list_id, 1, 2)
        await self.tried(world)
        await add(world, list_id, 3, priority=5)
        assert taken(await world.reserve()) == [3, 2, 1]

    async def test_at_random_the_same_for_the_same_seed(self, world: World) -> None:
        list_id = await self.one(world, LeadOrder.RANDOM)
        await add(world, list_id, *range(20))
        orders = []
        for seed in (1, 2, 1):
            await self.one(world, LeadOrder.RANDOM, seed)
            leads = await world.reserve()
            orders.append(taken(leads))
            await world.stores.leads.release([lead.lead_id for lead in leads], owner="one")
        assert orders[0] == orders[2] != orders[1]
        assert sorted(orders[0]) == sorted(orders[1]) == [*range(20)] != orders[0]

    async def test_whose_best_hour_it_is(self, world: World) -> None:
        """New ones: at 18 by their clocks. Who answered at 10 is best rung at 10."""
        list_id = await self.one(world, LeadOrder.BEST_HOUR)
        await add(world, list_id, 1)
        await self.tried(world, Outcome.HUNG_UP, hour=10)
        await add(world, list_id, 2, zone="Asia/Tokyo")  # 9 by UTC
        await add(world, list_id, 3)
        for hour, order in ((9, [2, 1, 3]), (10, [1, 3, 2]), (11, [3, 2, 1]), (0, [2, 1, 3])):
            at = NOON + timedelta(days=1, hours=hour - 12)
            leads = await world.reserve(at=at)
            assert taken(leads) == order
            await world.stores.leads.release([lead.lead_id for lead in leads], owner="one")

    async def test_a_new_order_holds_for_all_leads_also_those_that_sleep(
        self, world: World
    ) -> None:
        list_id = await self.one(world, LeadOrder.PRIORITY)
        await add(world, list_id, 1, 2, 3)
        await self.tried(world)
        await self.one(world, LeadOrder.NEWEST)
        assert taken(await world.reserve(at=NOON + HOUR)) == [3, 2, 1]
