"""ConsentStore: what every one of them does. A withdrawal holds at once, like a do-not-call entry."""

from dataclasses import replace
from datetime import timedelta

import pytest

from dialer.clients import Client
from dialer.consents import WITHDRAWN, ConsentRecord
from dialer.errors import NotFoundError
from dialer.ids import ClientId
from dialer.leads import LeadState
from dialer.ports import Stores
from tests.contract.world import AUTUMN, NOON, SPRING, World, number, policy

DAY = timedelta(days=1)
ACME = ClientId("acme")
GIVEN = ConsentRecord(
    phone=number(1),
    client_id=ACME,
    obtained_at=NOON,
    basis="consent",
    sector="energy",
    text_version="2026-02",
    expires_at=NOON + 365 * DAY,
    proof="archive/17",
    who="anna",
)


@pytest.fixture
async def two(stores: Stores) -> World:
    """Spring calls for the main client, autumn for Acme."""
    await stores.clients.save(Client(client_id=ACME, name="Acme"))
    await stores.campaigns.save(policy(SPRING))
    await stores.campaigns.save(replace(policy(AUTUMN), client_id=ACME))
    return World(stores)


async def known(world: World, client_id: ClientId = ACME) -> tuple[ConsentRecord, ...]:
    found = await world.stores.consents.of([number(1), number(2)], client_id=client_id)
    return found.get(number(1), ())


async def barred(world: World) -> list[str]:
    found = await world.stores.do_not_call.matching(
        [number(1)], client_id=ACME, at=NOON + 1000 * DAY
    )
    return [entry.source for entry in found.get(number(1), ())]


async def test_consents_come_back_as_they_were_given(two: World) -> None:
    later = replace(GIVEN, obtained_at=NOON + DAY, sector="", expires_at=None)
    assert await two.stores.consents.add([later, GIVEN]) == 2
    assert await two.stores.consents.add([GIVEN]) == 0
    assert await known(two) == (GIVEN, later)
    assert await known(two, ClientId("main")) == ()


async def test_a_consent_for_an_unknown_client_is_refused_with_all_others(two: World) -> None:
    with pytest.raises(NotFoundError, match="client"):
        await two.stores.consents.add([GIVEN, replace(GIVEN, client_id=ClientId("no"))])
    assert await known(two) == ()


async def test_a_withdrawal_holds_at_once_for_this_client(two: World) -> None:
    ours, theirs = await two.lead(1), await two.lead(1, campaign=AUTUMN)
    await two.stores.consents.add([GIVEN, replace(GIVEN, phone=number(2))])
    store = two.stores.consents
    assert await store.withdraw(number(1), client_id=ACME, at=NOON + DAY, who="bruno") == 1
    assert await known(two) == (replace(GIVEN, withdrawn_at=NOON + DAY),)
    assert await two.state(theirs) is LeadState.EXCLUDED
    assert await two.state(ours) is LeadState.NEW
    assert await barred(two) == [WITHDRAWN]


async def test_a_withdrawal_without_a_consent_holds_too(two: World) -> None:
    store = two.stores.consents
    assert await store.withdraw(number(1), client_id=ACME, at=NOON, who="bruno") == 0
    assert await barred(two) == [WITHDRAWN]
    with pytest.raises(NotFoundError):
        await store.withdraw(number(1), client_id=ClientId("no"), at=NOON, who="bruno")


async def test_a_withdrawal_that_comes_with_a_list_is_taken_over(two: World) -> None:
    await two.stores.consents.add([GIVEN])
    withdrawn = replace(GIVEN, withdrawn_at=NOON + DAY)
    assert await two.stores.consents.add([withdrawn]) == 0
    assert await known(two) == (withdrawn,)
    assert await barred(two) == [WITHDRAWN]
    await two.stores.consents.add([GIVEN, replace(withdrawn, withdrawn_at=NOON + 2 * DAY)])
    assert await known(two) == (withdrawn,)


async def test_who_consents_again_may_be_called_again(two: World) -> None:
    await two.stores.consents.withdraw(number(1), client_id=ACME, at=NOON, who="bruno")
    await two.stores.consents.add([replace(GIVEN, obtained_at=NOON - DAY)])
    assert await barred(two) == [WITHDRAWN]
    await two.stores.consents.add([replace(GIVEN, obtained_at=NOON + DAY)])
    assert await barred(two) == []
