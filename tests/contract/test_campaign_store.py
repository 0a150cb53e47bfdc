"""CampaignStore and AgentDirectory: what every one of them does."""

from dataclasses import fields, replace
from datetime import UTC, datetime, time, timedelta

import pytest

from dialer.adapters.sql.campaigns import OWN_COLUMNS, document_of, policy_of
from dialer.campaign import (
    Campaign,
    CampaignPolicy,
    CampaignState,
    Guard,
    PacingMode,
    PreviewEnd,
    TakeBack,
)
from dialer.clients import MAIN, Client
from dialer.dispositions import Category, Disposition
from dialer.errors import ConflictError, NotFoundError
from dialer.ids import AgentId, CampaignId, ClientId, TeamId, TrunkId
from dialer.leads import Outcome
from dialer.ports import AgentRecord, Stores
from dialer.profiles import Cap, CapPer
from dialer.retry_rules import RetryRule
from tests.contract.world import AUTUMN, NOON, SPRING, policy

EVERYTHING = CampaignPolicy(
    campaign_id=SPRING,
    name="Spring sale",
    team_id=TeamId("north"),
    client_id=ClientId("acme"),
    purpose="survey",
    sector="energy",
    check_registers=True,
    check_consents=True,
    profile="US-FED",
    mode=PacingMode.RATIO,
    dial_ratio=1.5,
    abandon_target=0.02,
    guard=Guard.CAUTIOUS,
    works_until=time(18, 30),
    preview=timedelta(seconds=20),
    preview_end=PreviewEnd.SKIP,
    take_back=TakeBack.RUNG,
    caller_id="+390212345678",
    trunks=(TrunkId("other"), TrunkId("second")),
    lines=7,
    calls_per_second=2.5,
    ring_timeout=timedelta(seconds=31),
    screen=True,
    wrap_up=timedelta(seconds=8.5),
    max_attempts=3,
    max_never_rang=4,
    noise="hum",
    message="sorry",
    retry={Outcome.BUSY: timedelta(minutes=1, milliseconds=500)},
    subject="energy-2026",
    callback_grace=timedelta(minutes=1),
    callback_tries=5,
    retry_rules={
        Outcome.BUSY: RetryRule(growth=2, shift=timedelta(hours=3), longest=timedelta(1), most=4)
    },
    caps=(
        Cap(most=3, per=CapPer.CALLED_NUMBER, length=timedelta(hours=24)),
        Cap(most=4, per=CapPer.CALLED_PERSON_AND_SUBJECT, days=30),
    ),
    dispositions=(
        Disposition(code="later", category=Category.CALLBACK, en="Later", it="Poi", asks_time=True),
        Disposition(code="soon", category=Category.CONTACT, delay=timedelta(minutes=1)),
        Disposition(code="box", category=Category.MACHINE, counts_as=Outcome.MACHINE),
    ),
)


ACME = Client(client_id=ClientId("acme"), name="Acme S.p.A.")


@pytest.fixture(autouse=True)
async def acme(stores: Stores) -> None:
    await stores.clients.save(ACME)


class TestClients:
    async def test_the_main_client_is_there_from_the_start(self, stores: Stores) -> None:
        assert await stores.clients.all() == [ACME, MAIN]

    async def test_saving_again_renames_it(self, stores: Stores) -> None:
        renamed = [replace(ACME, name="Acme S.r.l."), replace(MAIN, name="Our own")]
        for client in renamed:
            await stores.clients.save(client)
        assert await stores.clients.all() == renamed

    async def test_a_campaign_of_an_unknown_client_is_not_saved(self, stores: Stores) -> None:
        with pytest.raises(NotFoundError, match="client"):
            await stores.campaigns.save(replace(EVERYTHING, client_id=ClientId("nobody")))
        assert await stores.campaigns.all() == []


class TestCampaigns:
    async def test_a_new_campaign_is_paused(self, stores: Stores) -> None:
        await stores.campaigns.save(EVERYTHING)
        stored = await stores.campaigns.get(SPRING)
        assert stored == Campaign(policy=EVERYTHING, state=CampaignState.PAUSED)

    async def test_saving_again_replaces_the_policy_and_keeps_the_state(
        self, stores: Stores
    ) -> None:
        await stores.campaigns.save(EVERYTHING)
        await stores.campaigns.set_state(SPRING, CampaignState.RUNNING)
        changed = policy(SPRING, "Spring, second part")
        await stores.campaigns.save(changed)
        stored = await stores.campaigns.get(SPRING)
        assert stored == Campaign(policy=changed, state=CampaignState.RUNNING)

    async def test_a_hold_pauses_all_and_lasts_until_one_is_started(self, stores: Stores) -> None:
        for each in (SPRING, AUTUMN):
            await stores.campaigns.save(policy(each))
            await stores.campaigns.set_state(each, CampaignState.RUNNING)
        await stores.campaigns.hold_all(at=NOON)
        await stores.campaigns.save(policy(SPRING))
        await stores.campaigns.set_state(SPRING, CampaignState.PAUSED)
        held = await stores.campaigns.all()
        assert {(one.state, one.held_at) for one in held} == {(CampaignState.PAUSED, NOON)}
        await stores.campaigns.set_state(SPRING, CampaignState.RUNNING)
        assert (await stores.campaigns.get(SPRING)).held_at is None
        assert (await stores.campaigns.get(AUTUMN)).held_at == NOON

    async def test_an_unknown_campaign_is_not_found(self, stores: Stores) -> None:
        with pytest.raises(NotFoundError):
            await stores.campaigns.get(SPRING)
        with pytest.raises(NotFoundError):
            await stores.campaigns.set_state(SPRING, CampaignState.RUNNING)
        assert await stores.campaigns.by_name("Spring") is None
        assert await stores.campaigns.all() == []

    async def test_a_campaign_is_found_by_its_name(self, stores: Stores) -> None:
        await stores.campaigns.save(policy(SPRING))
        await stores.campaigns.save(policy(AUTUMN))
        found = await stores.campaigns.by_name("Autumn")
        assert found is not None
        assert found.policy.campaign_id == AUTUMN

    async def test_two_campaigns_cannot_have_one_name(self, stores: Stores) -> None:
        await stores.campaigns.save(policy(SPRING, "Sale"))
        with pytest.raises(ConflictError):
            await stores.campaigns.save(policy(AUTUMN, "Sale"))
        assert [one.policy.campaign_id for one in await stores.campaigns.all()] == [SPRING]

    async def test_all_campaigns_come_by_id(self, stores: Stores) -> None:
        for campaign_id in ("b", "C", "a-1", "a", "aa", "_"):  # no language's order
            await stores.campaigns.save(policy(CampaignId(campaign_id), f"Campaign {campaign_id}"))
        stored = await stores.campaigns.all()
        ids = [one.policy.campaign_id for one in stored]
        assert ids == ["C", "_", "a", "a-1", "aa", "b"]


def test_no_setting_of_a_policy_is_left_out_of_its_document() -> None:
    assert (
        document_of(EVERYTHING).keys()
        == {field.name for field in fields(CampaignPolicy)} - OWN_COLUMNS
    )
    standard = policy(SPRING)
    unchanged = {
        field.name
        for field in fields(CampaignPolicy)
        if getattr(standard, field.name) == getattr(EVERYTHING, field.name)
    }
    assert unchanged == {"campaign_id"}  # so that the round trip above proves something


def test_a_setting_that_an_older_document_does_not_have_takes_its_default() -> None:
    assert policy_of(SPRING, "Spring", TeamId("one"), {"lines": 3}) == replace(
        policy(SPRING), lines=3
    )


class TestAgents:
    async def test_an_agent_is_stored_and_replaced(self, stores: Stores) -> None:
        agent = AgentRecord(agent_id=AgentId("101"), name="Ada", team_id=TeamId("north"))
        await stores.agents.save(agent)
        assert await stores.agents.get(AgentId("101")) == agent
        moved = replace(agent, team_id=TeamId("south"))
        await stores.agents.save(moved)
        assert await stores.agents.all() == [moved]

    async def test_the_end_of_a_shift_stays_when_the_agent_is_saved_again(
        self, stores: Stores
    ) -> None:
        agent = AgentRecord(agent_id=AgentId("101"), name="Ada", team_id=TeamId("north"))
        await stores.agents.save(agent)
        ends_at = datetime(2026, 3, 3, 17, 30, tzinfo=UTC)
        await stores.agents.set_shift_end(agent.agent_id, ends_at)
        await stores.agents.save(replace(agent, name="Ada B"))
        assert await stores.agents.all() == [replace(agent, name="Ada B", shift_ends_at=ends_at)]
        await stores.agents.set_shift_end(agent.agent_id, None)
        assert (await stores.agents.get(agent.agent_id)).shift_ends_at is None
        with pytest.raises(NotFoundError):
            await stores.agents.set_shift_end(AgentId("102"), None)

    async def test_an_unknown_agent_is_not_found(self, stores: Stores) -> None:
        with pytest.raises(NotFoundError):
            await stores.agents.get(AgentId("101"))

    async def test_all_agents_come_by_their_code(self, stores: Stores) -> None:
        for code in ("103", "101", "102"):
            await stores.agents.save(
                AgentRecord(agent_id=AgentId(code), name="", team_id=TeamId("north"))
            )
        assert [agent.agent_id for agent in await stores.agents.all()] == ["101", "102", "103"]


class TestHealth:
    async def test_a_store_that_is_there_answers(self, stores: Stores) -> None:
        await stores.health.ping()
