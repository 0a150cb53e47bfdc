"""DoNotCallStore, and that nobody on the list is rung: what every store does."""

import asyncio
from dataclasses import replace
from datetime import datetime

import pytest

from dialer.clients import Client
from dialer.do_not_call import EVERYBODY, DncAction, DncKey, DoNotCall
from dialer.errors import NotFoundError
from dialer.events import NotOpened
from dialer.ids import ClientId, LeadId
from dialer.leads import LeadState, NewLead, Outcome
from dialer.ports import Stores
from tests.contract.world import AUTUMN, HOUR, NOON, SPRING, World, call_to, number, policy

ACME = ClientId("acme")
DAY = 24 * HOUR
PLAIN = DoNotCall(digits=number(1), reason="asked", added_at=NOON)
OF_ACME = DoNotCall(
    digits=number(1),
    reason="wrote a letter",
    added_at=NOON,
    client_id=ACME,
    source="letter",
    who="anna",
    expires_at=NOON + DAY,
)
PREFIX = DoNotCall(digits="+3934700000", reason="test range", added_at=NOON, by_prefix=True)


@pytest.fixture
async def two(stores: Stores) -> World:
    """Spring calls for the main client, autumn for Acme."""
    await stores.clients.save(Client(client_id=ACME, name="Acme"))
    await stores.campaigns.save(policy(SPRING))
    await stores.campaigns.save(replace(policy(AUTUMN), client_id=ACME))
    return World(stores)


async def matching(
    world: World, index: int, client_id: ClientId = ACME, at: datetime = NOON
) -> tuple[DoNotCall, ...]:
    found = await world.stores.do_not_call.matching([number(index)], client_id=client_id, at=at)
    return found.get(number(index), ())


class TestTheList:
    async def test_entries_come_back_as_they_were_added(self, two: World) -> None:
        entries = [PLAIN, OF_ACME, PREFIX, replace(PREFIX, client_id=ACME)]
        assert await two.stores.do_not_call.add(entries) == 4
        page = await two.stores.do_not_call.page(after=None, limit=10)
        assert sorted(page, key=lambda e: e.key) == sorted(entries, key=lambda e: e.key)

    async def test_it_is_read_page_by_page(self, two: World) -> None:
        entries = [replace(PLAIN, digits=number(index)) for index in range(4)]
        entries += [replace(OF_ACME, digits=number(index)) for index in range(3)]
        entries += [PREFIX, replace(PREFIX, digits=OF_ACME.digits, client_id=ACME)]
        await two.stores.do_not_call.add(entries)
        read: list[DoNotCall] = []
        while page := await two.stores.do_not_call.page(
            after=read[-1].key if read else None, limit=2
        ):
            read += page
        assert len(read) == len(entries)
        assert {entry.key for entry in read} == {entry.key for entry in entries}

    async def test_what_lasts_longer_stands(self, two: World) -> None:
        store = two.stores.do_not_call
        shorter = replace(OF_ACME, expires_at=NOON + HOUR, reason="shorter")
        longer = replace(OF_ACME, expires_at=None, reason="for good")
        assert [await store.add([each]) for each in (OF_ACME, shorter, longer, OF_ACME)] == [
            1,
            0,
            1,
            0,
        ]
        assert await store.page(after=None, limit=9) == [longer]

    async def test_an_entry_of_an_unknown_client_is_refused_with_all_others(
        self, two: World
    ) -> None:
        with pytest.raises(NotFoundError, match="client"):
            await two.stores.do_not_call.add([PLAIN, replace(PLAIN, client_id=ClientId("no"))])
        assert await two.stores.do_not_call.page(after=None, limit=9) == []

    async def test_who_did_what_is_kept_also_after_a_removal(self, two: World) -> None:
        store = two.stores.do_not_call
        await store.add([OF_ACME, PREFIX])
        for key in (OF_ACME.key, PREFIX.key):
            assert await store.remove(key, who="bruno", at=NOON + HOUR)
            assert not await store.remove(key, who="bruno", at=NOON + HOUR)
        assert await store.page(after=None, limit=9) == []
        told = [(c.action, c.key, c.who, c.source, c.at) for c in await store.changes(limit=9)]
        removed = [
            (DncAction.REMOVED, each.key, "bruno", "", NOON + HOUR) for each in (PREFIX, OF_ACME)
        ]
        assert told[:2] == removed
        assert set(told[2:]) == {
            (DncAction.ADDED, PREFIX.key, "", "", NOON),
            (DncAction.ADDED, OF_ACME.key, "anna", "letter", NOON),
        }

    async def test_a_number_for_everybody_can_be_removed(self, two: World) -> None:
        await two.stores.do_not_call.add([PLAIN])
        assert await two.stores.do_not_call.remove(PLAIN.key, who="bruno", at=NOON)
        assert await matching(two, 1) == ()


class TestMatching:
    async def test_of_one_client_only_its_own(self, two: World) -> None:
        await two.stores.do_not_call.add([OF_ACME])
        assert await matching(two, 1) == (OF_ACME,)
        assert await matching(two, 1, ClientId("main")) == ()
        assert await matching(two, 2) == ()

    async def test_a_prefix_holds_for_all_that_begin_so(self, two: World) -> None:
        await two.stores.do_not_call.add([PREFIX, PLAIN])
        assert set(await matching(two, 1)) == {PREFIX, PLAIN}
        assert await matching(two, 99) == (PREFIX,)
        assert await matching(two, 100) == ()

    async def test_a_whole_number_is_no_prefix(self, two: World) -> None:
        await two.stores.do_not_call.add([replace(PLAIN, digits=number(1)[:-1], client_id=ACME)])
        assert await matching(two, 1) == ()

    async def test_it_ends_when_it_ends(self, two: World) -> None:
        await two.stores.do_not_call.add([OF_ACME])
        assert await matching(two, 1, at=NOON + DAY - HOUR) == (OF_ACME,)
        assert await matching(two, 1, at=NOON + DAY) == ()

    async def test_of_many_numbers_those_on_the_list(self, two: World) -> None:
        await two.stores.do_not_call.add([OF_ACME, replace(PLAIN, digits=number(1200))])
        found = await two.stores.do_not_call.matching(
            [number(index) for index in range(1300)], client_id=ACME, at=NOON
        )
        assert set(found) == {number(1), number(1200)}


@pytest.mark.parametrize(
    "entry", [replace(OF_ACME, expires_at=None), replace(PREFIX, client_id=ACME)]
)
class TestOfOneClient:
    """An entry without an end, of Acme: by number, or by prefix."""

    async def test_its_waiting_leads_are_excluded_and_others_are_not(
        self, two: World, entry: DoNotCall
    ) -> None:
        ours, theirs = await two.lead(1), await two.lead(1, campaign=AUTUMN)
        await two.lead(200, campaign=AUTUMN)
        await two.stores.do_not_call.add([entry])
        assert await two.state(theirs) is LeadState.EXCLUDED
        assert await two.state(ours) is LeadState.NEW
        assert [lead.phone for lead in await two.reserve(campaign=AUTUMN)] == [number(200)]
        assert [lead.phone for lead in await two.reserve()] == [number(1)]

    async def test_new_leads_come_in_excluded(self, two: World, entry: DoNotCall) -> None:
        await two.stores.do_not_call.add([entry])
        assert (await two.lead(1, campaign=AUTUMN)).state is LeadState.EXCLUDED
        assert (await two.lead(1)).state is LeadState.NEW

    async def test_what_was_reserved_before_is_not_opened(
        self, two: World, entry: DoNotCall
    ) -> None:
        await two.reserved(1, campaign=AUTUMN)
        await two.stores.do_not_call.add([entry])
        assert await two.reserve(campaign=AUTUMN) == []

    async def test_a_lead_that_is_being_rung_ends_excluded(
        self, two: World, entry: DoNotCall
    ) -> None:
        call = await two.dialed(1, campaign=AUTUMN)
        await two.stores.do_not_call.add([entry])
        await two.close(call, Outcome.BUSY, state=LeadState.RETRY, next_at=NOON + HOUR)
        assert await two.state(call) is LeadState.EXCLUDED


class TestForAWhile:
    """An entry with an end excludes nobody: it holds until then."""

    async def test_leads_wait_and_are_called_afterwards(self, two: World) -> None:
        lead = await two.lead(1, campaign=AUTUMN)
        await two.stores.do_not_call.add([OF_ACME])
        assert await two.reserve(campaign=AUTUMN) == []
        taking = {"owner": "one", "lease": HOUR}
        assert await two.stores.leads.reserve(lead.lead_id, at=NOON, **taking) is None
        later = await two.reserve(campaign=AUTUMN, at=NOON + DAY)
        assert [each.lead_id for each in later] == [lead.lead_id]

    async def test_a_call_is_refused_by_the_time_of_the_call(self, two: World) -> None:
        lead = await two.reserved(1, campaign=AUTUMN)
        await two.stores.do_not_call.add([OF_ACME])
        early = call_to(lead, "early")
        result = await two.stores.attempts.open([early], owner="one")
        assert result.refused == {early.call_id: NotOpened.DO_NOT_CALL}
        assert await two.open([call_to(lead, "late", at=NOON + DAY)]) == {"late"}

    async def test_new_leads_come_in_as_new(self, two: World) -> None:
        await two.stores.do_not_call.add([OF_ACME, replace(PLAIN, expires_at=NOON + DAY)])
        assert (await two.lead(1, campaign=AUTUMN)).state is LeadState.NEW
        assert (await two.lead(1)).state is LeadState.NEW


class TestAtTheSameMoment:
    """One adds numbers while another opens attempts: no attempt is opened after its number was on the list."""

    @pytest.mark.parametrize("by_prefix", [False, True])
    async def test_no_attempt_is_opened_after_the_entry(self, two: World, by_prefix: bool) -> None:
        await two.stores.leads.add(
            [NewLead(campaign_id=AUTUMN, phone=number(index)) for index in range(60)], at=NOON
        )
        leads = await two.reserve(60, campaign=AUTUMN)
        listed: set[LeadId] = set()
        late: list[LeadId] = []
        opened: list[LeadId] = []

        async def add() -> None:
            for lead in leads[::2]:
                digits = lead.phone
                entry = replace(OF_ACME, digits=digits, by_prefix=by_prefix, expires_at=None)
                await two.stores.do_not_call.add([entry])
                listed.add(lead.lead_id)

        async def dial(mine: list[int]) -> None:
            for index in mine:
                lead = leads[index]
                before = lead.lead_id in listed
                done = await two.open([call_to(lead)])
                opened.extend([lead.lead_id] * len(done))
                late.extend([lead.lead_id] * (before and len(done)))

        await asyncio.gather(add(), dial(list(range(0, 60, 2))), dial(list(range(1, 60, 2))))
        assert late == []
        assert {lead.lead_id for lead in leads[1::2]} <= set(opened)
        refused = [lead for lead in leads[::2] if lead.lead_id not in opened]
        assert all([await two.state(lead) is not LeadState.DIALING for lead in refused])

    async def test_a_lead_that_comes_in_while_its_number_is_barred_is_not_rung(
        self, two: World
    ) -> None:
        async def bar(index: int) -> None:
            await two.stores.do_not_call.add([replace(PLAIN, digits=number(index))])

        for index in range(10):
            new = NewLead(campaign_id=SPRING, phone=number(index))
            await asyncio.gather(bar(index), two.stores.leads.add([new], at=NOON))
        assert await two.reserve() == []


def test_the_key_of_everybody_is_no_client() -> None:
    assert PLAIN.key == DncKey(EVERYBODY, number(1), False)
