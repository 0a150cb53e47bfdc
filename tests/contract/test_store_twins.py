"""The memory twin beside SQLite, and beside PostgreSQL, under random operations: same answers, same refusals, same contents."""

import asyncio
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from random import Random
from typing import Any, ClassVar, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from dialer.abandonment import DEFAULT_FORMULA
from dialer.adapters.memory import memory_stores
from dialer.adapters.sql.store import open_stores
from dialer.commands import PlaceCall, RecordDisposition
from dialer.errors import DialerError
from dialer.ids import AgentId, CampaignId, ListId, TeamId, TrunkId
from dialer.lead_lists import LeadOrder, ListSettings
from dialer.leads import Lead, LeadState, NewLead, Outcome
from dialer.ports import Stores, fenced_owner
from dialer.trunks import Trunk
from tests.contract.world import AUTUMN, LEASE, MINUTE, NOON, SPRING, call_to, closing, policy
from tests.contract.world import number as phone_number
from tests.support.postgres import Cluster

T = TypeVar("T")

campaigns = st.sampled_from([SPRING, AUTUMN])
teams = st.sampled_from([TeamId("north"), TeamId("south")])
servers = st.sampled_from(["here", "there"])
fences = st.integers(min_value=0, max_value=4)
owners = st.sampled_from(["one", "two"]) | st.builds(fenced_owner, teams, fences)
phones = st.integers(min_value=1, max_value=6).map(phone_number)
states = st.sampled_from([LeadState.RETRY, LeadState.RETRY, *LeadState])
delays = st.none() | st.integers(min_value=-5, max_value=20).map(lambda n: n * MINUTE)
TRUNKS = ["trunk", "narrow"]
which = st.integers(min_value=0, max_value=1000)
new_leads = st.builds(
    NewLead,
    campaign_id=campaigns,
    phone=phones,
    priority=st.integers(min_value=-1, max_value=1),
    list_id=st.sampled_from([ListId(0), ListId(0), ListId(1), ListId(2)]),
    zone=st.sampled_from(["Europe/Rome", "America/St_Johns"]),
)


class Twins(RuleBasedStateMachine):
    """Every step is done to both, and must come to the same: the value, or the error's type and text."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.twins = [
            memory_stores(random=Random(1)),
            self.run(open_stores(self.new_database(), random=Random(1))),
        ]
        self.now = NOON
        self.seen: dict[str, Lead] = {}  # as they were when last reserved
        self.calls: list[PlaceCall] = []

    def teardown(self) -> None:
        for twin in self.twins:
            self.run(twin.close())
        self.runner.close()
        self.remove_database()

    def new_database(self) -> str:
        self.folder = tempfile.TemporaryDirectory()
        return f"sqlite:///{Path(self.folder.name) / 'dialer.db'}"

    def remove_database(self) -> None:
        self.folder.cleanup()

    def run(self, step: Awaitable[T]) -> T:
        async def whole() -> T:
            return await step

        return self.runner.run(whole())

    def both(self, step: Callable[[Stores], Awaitable[T]]) -> T | None:
        """What the step came to on both; None where both refused."""
        memory, sql = (self.attempted(step, twin) for twin in self.twins)
        assert memory == sql
        return memory[0]

    def attempted(
        self, step: Callable[[Stores], Awaitable[T]], twin: Stores
    ) -> tuple[T | None, str | None]:
        try:
            return self.run(step(twin)), None
        except DialerError as error:
            return None, f"{type(error).__name__} {error}"

    def later(self, delay: timedelta | None) -> datetime | None:
        return None if delay is None else self.now + delay

    @initialize()
    def two_campaigns(self) -> None:
        for campaign_id in (SPRING, AUTUMN):
            self.both(lambda twin, own=campaign_id: twin.campaigns.save(policy(own)))

    @rule(minutes=st.integers(min_value=0, max_value=8) | st.just(200))
    def time_passes(self, minutes: int) -> None:
        self.now += minutes * MINUTE

    @rule(leads=st.lists(new_leads, max_size=5))
    def add(self, leads: list[NewLead]) -> None:
        self.both(lambda twin: twin.leads.add(leads, at=self.now))

    @rule(
        campaign=campaigns,
        name=st.sampled_from(["", "warm", "cold"]),
        weight=st.integers(min_value=0, max_value=3),
        order=st.sampled_from(LeadOrder),
        seed=st.integers(min_value=0, max_value=1),
    )
    def put_list(self, **wanted: Any) -> None:
        settings = ListSettings(
            campaign_id=wanted["campaign"],
            name=wanted["name"],
            weight=wanted["weight"],
            order=wanted["order"],
            seed=wanted["seed"],
        )
        self.both(lambda twin: twin.lists.put(settings, at=self.now))

    @rule(campaign=campaigns)
    def show_lists(self, campaign: CampaignId) -> None:
        self.both(lambda twin: twin.lists.all(campaign))

    @rule(campaign=campaigns, owner=owners, count=st.integers(min_value=0, max_value=4))
    def reserve(self, campaign: CampaignId, owner: str, count: int) -> None:
        found = self.both(
            lambda twin: twin.leads.reserve_due(
                campaign, count, owner=owner, lease=LEASE, at=self.now
            )
        )
        assert found is not None
        self.seen |= {lead.lead_id: lead for lead in found}

    @precondition(lambda self: self.seen)
    @rule(picks=st.lists(which, min_size=1, max_size=3), owner=owners, again=st.booleans())
    def open(self, picks: list[int], owner: str, again: bool) -> None:
        leads = list(self.seen.values())
        calls = [
            call_to(
                leads[pick % len(leads)],
                f"call-{len(self.calls)}-{place}",
                at=self.now,
                trunk=TRUNKS[pick % len(TRUNKS)],
            )
            for place, pick in enumerate(picks)
        ]
        if again and self.calls:  # a call id that was used before
            calls.append(self.calls[picks[0] % len(self.calls)])
        opened = self.both(lambda twin: twin.attempts.open(calls, owner=owner))
        assert opened is not None
        self.calls += [call for call in calls if call.call_id in opened.written]

    @rule(
        name=st.sampled_from(TRUNKS),
        lines=st.none() | st.integers(min_value=1, max_value=2),
        rate=st.none() | st.sampled_from([0.01, 1.0]),
    )
    def save_trunk(self, name: str, lines: int | None, rate: float | None) -> None:
        trunk = Trunk(trunk_id=TrunkId(name), lines=lines, calls_per_second=rate)
        self.both(lambda twin: twin.trunks.save(trunk))

    @precondition(lambda self: self.calls)
    @rule(pick=which, outcome=st.sampled_from(Outcome), state=states, delay=delays)
    def close(self, pick: int, outcome: Outcome, state: LeadState, delay: timedelta | None) -> None:
        call = self.calls[pick % len(self.calls)]
        close = closing(call, outcome, state, self.later(delay), self.now)
        self.both(lambda twin: twin.attempts.close(close))

    @precondition(lambda self: self.calls)
    @rule(pick=which, bridged=st.booleans())
    def mark(self, pick: int, bridged: bool) -> None:
        call_id = self.calls[pick % len(self.calls)].call_id
        if bridged:
            agent = AgentId("7")
            self.both(lambda twin: twin.attempts.mark_bridged(call_id, at=self.now, agent_id=agent))
        else:
            self.both(lambda twin: twin.attempts.mark_answered(call_id, at=self.now))

    @precondition(lambda self: self.calls)
    @rule(pick=which, delay=delays)
    def dispose(self, pick: int, delay: timedelta | None) -> None:
        record = RecordDisposition(
            call_id=self.calls[pick % len(self.calls)].call_id,
            agent_id=AgentId("101"),
            disposition=f"at {self.now}",
            callback_at=self.later(delay),
            at=self.now,
        )
        self.both(lambda twin: twin.attempts.record_disposition(record))

    @precondition(lambda self: self.seen)
    @rule(pick=which, owner=owners, state=states, delay=delays)
    def defer(self, pick: int, owner: str, state: LeadState, delay: timedelta | None) -> None:
        lead_id = list(self.seen)[pick % len(self.seen)]
        not_before = self.later(delay)
        self.both(
            lambda twin: twin.leads.defer(
                lead_id,
                owner=owner,
                state=state,
                not_before=not_before,
                reason=f"{state} {pick % 2}",
            )
        )

    @rule(campaign=campaigns, count=st.integers(min_value=0, max_value=4))
    def peek(self, campaign: CampaignId, count: int) -> None:
        found = self.both(lambda twin: twin.leads.peek(campaign, count, at=self.now))
        assert found is not None
        seen = {lead.lead_id: lead for lead in self.run(self.contents(self.twins[0]))[0]}
        assert found == [seen[lead.lead_id] for lead in found]

    @precondition(lambda self: self.seen)
    @rule(pick=which, owner=owners)
    def reserve_one(self, pick: int, owner: str) -> None:
        seen = list(self.seen.values())
        lead_id = seen[pick % len(seen)].lead_id
        self.both(lambda twin: twin.leads.reserve(lead_id, owner=owner, lease=LEASE, at=self.now))

    @precondition(lambda self: self.seen)
    @rule(picks=st.lists(which, max_size=3), owner=owners)
    def release(self, picks: list[int], owner: str) -> None:
        seen = list(self.seen.values())
        ids = [seen[pick % len(seen)].lead_id for pick in picks]
        self.both(lambda twin: twin.leads.release(ids, owner=owner))

    @rule(owner=owners)
    def release_owner(self, owner: str) -> None:
        self.both(lambda twin: twin.leads.release_owner(owner))

    @rule(team=teams, server=servers)
    def take(self, team: TeamId, server: str) -> None:
        self.both(lambda twin: twin.leases.acquire(team, owner=server, ttl=LEASE, at=self.now))

    @rule(team=teams, fence=fences, renewed=st.booleans())
    def keep_or_give_back(self, team: TeamId, fence: int, renewed: bool) -> None:
        if renewed:
            self.both(lambda twin: twin.leases.renew(team, fence=fence, ttl=LEASE, at=self.now))
        else:
            self.both(lambda twin: twin.leases.release(team, fence=fence))

    @rule(team=teams)
    def ask_who_holds(self, team: TeamId) -> None:
        self.both(lambda twin: twin.leases.held_by(team, at=self.now))

    @rule(phone=phones)
    def bar(self, phone: str) -> None:
        self.both(lambda twin: twin.leads.add_do_not_call(phone, reason="asked", at=self.now))

    @invariant()
    def they_hold_the_same(self) -> None:
        memory, sql = (self.run(self.contents(twin)) for twin in self.twins)
        assert memory == sql
        leads, still_open, _ = memory
        dialing = {lead.lead_id for lead in leads if lead.state is LeadState.DIALING}
        assert dialing == {attempt.lead_id for attempt in still_open}
        phones = [lead.phone for lead in leads if lead.lead_id in dialing]
        assert len(phones) == len(set(phones))

    async def contents(self, twin: Stores) -> tuple[list[Lead], list[Any], list[Any]]:
        leads = [
            lead
            for campaign_id in (SPRING, AUTUMN)
            for lead in await twin.leads.page(campaign_id, after=None, limit=100, state=None)
        ]
        counted = [
            (
                await twin.leads.counts(campaign_id, at=self.now),
                await twin.leads.holdings(campaign_id, at=self.now),
                await twin.attempts.event_counts(
                    [campaign_id], DEFAULT_FORMULA, since=self.now - 10 * MINUTE
                ),
                await twin.attempts.outcomes(campaign_id),
                await twin.attempts.last_ended(campaign_id, 5),
            )
            for campaign_id in (SPRING, AUTUMN)
        ]
        return leads, await twin.attempts.still_open([SPRING, AUTUMN]), counted

    @rule()
    def compare_attempts(self) -> None:
        for lead in self.seen.values():
            found = self.both(lambda twin, lead_id=lead.lead_id: twin.attempts.of_lead(lead_id))
            assert found is not None
            assert len({attempt.call_id for attempt in found}) == len(found)


class TwinsOnPostgresql(Twins):
    cluster: ClassVar[Cluster]
    number: ClassVar[Iterator[int]] = count()

    def new_database(self) -> str:
        self.name = f"twins{next(self.number)}"
        self.cluster.sql("postgres", f"CREATE DATABASE {self.name}")
        return self.cluster.url(self.name)

    def remove_database(self) -> None:
        self.cluster.sql("postgres", f"DROP DATABASE {self.name} WITH (FORCE)")


FEW_OF_MANY_STEPS = settings(
    max_examples=25,
    stateful_step_count=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
Twins.TestCase.settings = FEW_OF_MANY_STEPS
TwinsOnPostgresql.TestCase.settings = FEW_OF_MANY_STEPS


@pytest.fixture
def twins_cluster(cluster: Cluster) -> None:
    TwinsOnPostgresql.cluster = cluster


TestTheTwinsAgree = Twins.TestCase
TestTheTwinsAgreeOnPostgresql = pytest.mark.service(
    pytest.mark.usefixtures("twins_cluster")(TwinsOnPostgresql.TestCase)
)
