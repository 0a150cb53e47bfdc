"""What is known of a number reaches the rule that says whether it may be rung."""

from dataclasses import replace
from datetime import timedelta

import pytest

from dialer.adapters.memory import memory_stores
from dialer.clients import Client
from dialer.compliance import Allowed, Denied, Reason, check, snapshot_of
from dialer.consents import ConsentRecord
from dialer.do_not_call import DoNotCall
from dialer.engine.facts import with_facts
from dialer.ids import ClientId
from dialer.leads import Lead
from dialer.profiles import ConsentBasis, Profile
from dialer.registers import RegisterResult
from tests.contract.world import NOON, SPRING, World, number, policy
from tests.support import playbook

DAY = timedelta(days=1)
ACME = ClientId("acme")
ITALY = replace(playbook.ITALY, registries=("RPO",), scrub_max_age=15 * DAY)
ASKS = replace(policy(SPRING), client_id=ACME, check_registers=True, check_consents=True)
RPO = RegisterResult(register="RPO", phone=number(1), checked_at=NOON - DAY, listed=False)


@pytest.fixture
async def world() -> World:
    stores = memory_stores()
    await stores.clients.save(Client(client_id=ACME, name="Acme"))
    await stores.campaigns.save(ASKS)
    return World(stores)


async def known(world: World, lead: Lead) -> Lead:
    (lead,) = await with_facts(world.stores, [lead], ACME, NOON)
    return lead


def reason(lead: Lead, profile: Profile, campaign: object = ASKS) -> Reason | None:
    verdict = check(snapshot_of(lead, campaign), profile, NOON)  # type: ignore[arg-type]
    return verdict.reason if isinstance(verdict, Denied) else None


async def test_a_number_that_no_register_was_asked_about_is_not_rung(world: World) -> None:
    lead = await world.lead(1)
    assert reason(lead, ITALY) is None  # nobody has looked
    lead = await known(world, lead)
    assert reason(lead, ITALY) is Reason.REGISTER_UNCHECKED
    assert reason(lead, ITALY, replace(ASKS, check_registers=False)) is None


async def test_a_fresh_result_allows_and_an_old_one_does_not(world: World) -> None:
    lead = await world.lead(1)
    await world.stores.registers.record([replace(RPO, checked_at=NOON - 15 * DAY)])
    assert reason(await known(world, lead), ITALY) is None
    old = check(snapshot_of(await known(world, lead), ASKS), ITALY, NOON + timedelta(seconds=1))
    assert isinstance(old, Denied)
    assert old.reason is Reason.REGISTER_STALE
    await world.stores.registers.record([RPO])
    assert check(snapshot_of(await known(world, lead), ASKS), ITALY, NOON) == Allowed()


async def test_who_is_known_to_be_listed_is_not_rung_by_anybody(world: World) -> None:
    lead = await world.lead(1)
    await world.stores.registers.record([replace(RPO, listed=True)])
    lead = await known(world, lead)
    for campaign in (ASKS, replace(ASKS, check_registers=False)):
        assert reason(lead, ITALY, campaign) is Reason.REGISTER_LISTED


async def test_where_the_law_wants_a_consent_one_is_needed(world: World) -> None:
    profile = replace(ITALY, consent_basis=ConsentBasis.OPT_IN, registries=())
    lead = await world.lead(1)
    assert reason(await known(world, lead), profile) is Reason.CONSENT_MISSING
    assert reason(await known(world, lead), profile, replace(ASKS, check_consents=False)) is None
    consent = ConsentRecord(
        phone=lead.phone,
        client_id=ACME,
        obtained_at=NOON - DAY,
        basis="consent",
        purpose="survey",
        expires_at=NOON + DAY,
    )
    await world.stores.consents.add([consent])
    assert reason(await known(world, lead), profile) is Reason.CONSENT_MISSING
    await world.stores.consents.add([replace(consent, purpose="telemarketing")])
    assert reason(await known(world, lead), profile) is None
    await world.stores.consents.withdraw(lead.phone, client_id=ACME, at=NOON, who="anna")
    assert reason(await known(world, lead), profile) is Reason.DO_NOT_CALL


async def test_an_entry_with_an_end_says_until_when(world: World) -> None:
    lead = await world.lead(1)
    entry = DoNotCall(
        digits="+39", by_prefix=True, reason="x", added_at=NOON, expires_at=NOON + DAY
    )
    await world.stores.do_not_call.add([entry, replace(entry, client_id=ACME)])
    verdict = check(snapshot_of(await known(world, lead), ASKS), ITALY, NOON)
    assert verdict == Denied(Reason.DO_NOT_CALL, NOON + DAY)
