"""EventBus, LiveState and WakeUps: the same contract in memory and on a real Redis."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from random import Random
from typing import Protocol, TypeVar

import pytest

from dialer.adapters.memory_line import MemoryHub
from dialer.adapters.wire_bus import REPEAT_SECONDS
from dialer.adapters.wires import memory_wires, redis_wires
from dialer.agents import AgentPhase, AgentStatus
from dialer.calls import CallState
from dialer.engine.tasks import TaskSet
from dialer.errors import (
    ConflictError,
    DialerError,
    IllegalTransitionError,
    InvalidInputError,
    NotDeliveredError,
    NotFoundError,
    NotHereError,
    StoreUnavailableError,
    WireDownError,
)
from dialer.events import BreakEnded, BreakRequested, DispositionChosen, WrapUpEnded
from dialer.ids import AgentId, CallId, CampaignId, LeadId, NodeId, TeamId
from dialer.live_ports import (
    AgentChanged,
    CampaignChanged,
    Done,
    DoNotCallChanged,
    HangUpCall,
    LiveTeam,
    Notice,
    Request,
    SaveAgent,
    TeamReleased,
    Wires,
)
from dialer.ports import AgentRecord
from dialer.views import AgentView, CallView, NodeView, TeamView
from tests.support.redis import RedisServer, redis_server

T = TypeVar("T")

AT = datetime(2026, 3, 3, 9, 0, 0, 123456, tzinfo=UTC)
ANNA = AgentId("1001")
SPRING, AUTUMN = CampaignId("spring"), CampaignId("autumn")
READY = BreakEnded(agent_id=ANNA, at=AT)
VIEW = AgentView(
    agent_id=ANNA,
    name="Anna",
    status=AgentStatus.ON_BREAK,
    phase=AgentPhase.TALKING,
    since=AT,
    pause_code="coffee",
    call_id=CallId("c"),
    node=NodeId("main"),
)
DONE = Done(team_id=TeamId("north"), agent=VIEW)
TEAM = TeamView(
    team_id=TeamId("north"),
    at=AT,
    telephony_up=True,
    nodes=(NodeView(node=NodeId("main"), up=True, reason="", agents=1, calls=1),),
    store_up=True,
    draining=False,
    agents=(VIEW,),
    calls={CallState.TALKING: 1},
    campaigns=(),
    lines_per_free_agent=None,
    talk_share=0.5,
    answered_to_bridged_ms=(12.5,),
)
LIVE = LiveTeam(view=TEAM, server="server:one", host="box", fence=3, sequence=7)


async def until(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    async def look() -> bool:
        return condition()

    await found(look, seconds)


async def found(look: Callable[[], Awaitable[T]], seconds: float = 10.0) -> T:
    """Look again and again until there is something."""
    async with asyncio.timeout(seconds):
        while True:
            if seen := await look():
                return seen
            await asyncio.sleep(0.01)


@dataclass
class Server:
    """One end of the wire, and what it heard."""

    wires: Wires
    requests: list[Request] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)
    woken: list[CampaignId] = field(default_factory=list)
    ups: int = 0
    answer: Done | DialerError = DONE
    gate: asyncio.Event | None = None  # the handler waits for it

    async def on_request(self, request: Request) -> Done:
        self.requests.append(request)
        if self.gate is not None:
            await self.gate.wait()
        if isinstance(self.answer, DialerError):
            raise self.answer
        return self.answer

    def on_up(self) -> None:
        self.ups += 1


class Medium(Protocol):
    def wires(self, name: str, tasks: TaskSet) -> Wires: ...
    def cut(self) -> None: ...
    def mend(self) -> None: ...
    def flush(self) -> None: ...


class MemoryMedium:
    def __init__(self) -> None:
        self._hub = MemoryHub()
        self.cut, self.mend, self.flush = self._hub.cut, self._hub.mend, self._hub.flush

    def wires(self, name: str, tasks: TaskSet) -> Wires:
        return memory_wires(server=name, random=Random(name), spawn=tasks.spawn, hub=self._hub)


class RedisMedium:
    def __init__(self, redis: RedisServer) -> None:
        self._redis = redis
        self.cut, self.mend, self.flush = redis.kill, redis.start, redis.flush

    def wires(self, name: str, tasks: TaskSet) -> Wires:
        url = self._redis.url
        return redis_wires(url, server=name, random=Random(name), spawn=tasks.spawn)


@pytest.fixture(scope="module")
def redis() -> Iterator[RedisServer]:
    with redis_server() as running:
        yield running


@pytest.fixture(params=["memory", pytest.param("redis", marks=pytest.mark.service)])
def medium(request: pytest.FixtureRequest) -> Medium:
    if request.param == "memory":
        return MemoryMedium()
    return RedisMedium(request.getfixturevalue("redis"))


@contextlib.asynccontextmanager
async def server(medium: Medium, name: str, *, wait: bool = True) -> AsyncIterator[Server]:
    tasks = TaskSet()
    end = Server(medium.wires(name, tasks))
    end.wires.bus.listen(end.on_request, end.notices.append)
    end.wires.wake_ups.listen(end.woken.append)
    end.wires.start(end.on_up)
    try:
        if wait:
            await until(lambda: end.ups > 0)
        yield end
    finally:
        await end.wires.close()
        await tasks.close()


@pytest.fixture
async def one(medium: Medium) -> AsyncIterator[Server]:
    async with server(medium, "server:one") as end:
        yield end


@pytest.fixture
async def two(medium: Medium) -> AsyncIterator[Server]:
    async with server(medium, "server:two") as end:
        yield end


REQUESTS: list[Request] = [
    READY,
    WrapUpEnded(agent_id=ANNA, at=AT),
    BreakRequested(agent_id=ANNA, pause_code="coffee", at=AT),
    DispositionChosen(agent_id=ANNA, call_id=CallId("c"), disposition="sold", at=AT),
    DispositionChosen(
        agent_id=ANNA, call_id=CallId("c"), disposition="later", callback_at=AT, at=AT
    ),
    SaveAgent(record=AgentRecord(agent_id=ANNA, name="Anna", team_id=TeamId("north"))),
    HangUpCall(call_id=CallId("c")),
]
ANSWERS = [
    DONE,
    Done(),
    Done(
        call=CallView(
            call_id=CallId("c"),
            campaign_id=SPRING,
            lead_id=LeadId("l"),
            agent_id=None,
            state=CallState.WAITING,
        )
    ),
]
ERRORS = [
    NotFoundError("no such agent"),
    ConflictError("the call is another agent's"),
    IllegalTransitionError("agent", "idle", "BreakEnded"),
    InvalidInputError("callback_at", "is past"),
    StoreUnavailableError(),
    NotHereError(),
]


class TestEventBus:
    @pytest.mark.parametrize("request_", REQUESTS, ids=lambda one: type(one).__name__)
    async def test_a_request_arrives_as_it_was_sent(
        self, one: Server, two: Server, request_: Request
    ) -> None:
        assert await one.wires.bus.ask("server:two", request_, seconds=2) == DONE
        assert two.requests == [request_]
        assert one.requests == []

    @pytest.mark.parametrize("answer", ANSWERS)
    async def test_an_answer_arrives_as_it_was_given(
        self, one: Server, two: Server, answer: Done
    ) -> None:
        two.answer = answer
        assert await one.wires.bus.ask("server:two", READY, seconds=2) == answer

    @pytest.mark.parametrize("error", ERRORS, ids=lambda one: type(one).__name__)
    async def test_a_refusal_is_raised_where_it_was_asked(
        self, one: Server, two: Server, error: DialerError
    ) -> None:
        two.answer = error
        with pytest.raises(type(error)) as raised:
            await one.wires.bus.ask("server:two", READY, seconds=2)
        assert type(raised.value) is type(error)
        assert vars(raised.value) == vars(error)
        assert str(raised.value) == str(error)

    async def test_nobody_there_is_told(self, one: Server) -> None:
        with pytest.raises(NotDeliveredError):
            await one.wires.bus.ask("server:gone", READY, seconds=0.3)

    async def test_no_answer_in_time_is_told(self, one: Server, two: Server) -> None:
        two.gate = asyncio.Event()
        with pytest.raises(NotDeliveredError):
            await one.wires.bus.ask("server:two", READY, seconds=0.2)
        two.gate.set()

    async def test_what_is_asked_again_is_done_once(self, one: Server, two: Server) -> None:
        """The first answer takes longer than the asker waits before it repeats itself."""
        two.gate = asyncio.Event()
        loop = asyncio.get_running_loop()
        loop.call_later(2.5 * REPEAT_SECONDS, two.gate.set)
        assert await one.wires.bus.ask("server:two", READY, seconds=5) == DONE
        assert two.requests == [READY]

    async def test_a_server_that_comes_in_time_is_asked(self, one: Server, medium: Medium) -> None:
        asking = asyncio.create_task(one.wires.bus.ask("server:two", READY, seconds=5))
        async with server(medium, "server:two") as two:
            assert await asking == DONE
            assert two.requests == [READY]

    async def test_many_at_once_each_get_their_own_answer(self, one: Server, two: Server) -> None:
        events = [replace(READY, agent_id=AgentId(str(n))) for n in range(100)]

        async def echo(request: Request) -> Done:
            assert isinstance(request, BreakEnded)
            return Done(agent=replace(VIEW, agent_id=request.agent_id))

        two.wires.bus.listen(echo, two.notices.append)
        asked = [one.wires.bus.ask("server:two", event, seconds=5) for event in events]
        answers = await asyncio.gather(*asked)
        assert [a.agent and a.agent.agent_id for a in answers] == [e.agent_id for e in events]

    @pytest.mark.parametrize(
        "notice",
        [
            CampaignChanged(campaign_id=SPRING),
            AgentChanged(agent_id=ANNA),
            DoNotCallChanged(),
            TeamReleased(team_id=TeamId("north")),
        ],
        ids=lambda one: type(one).__name__,
    )
    async def test_a_notice_reaches_all_others(
        self, one: Server, two: Server, notice: Notice
    ) -> None:
        one.wires.bus.tell(notice)
        await until(lambda: two.notices == [notice])
        await one.wires.bus.ask("server:two", READY, seconds=2)  # what was under way is through
        assert one.notices == []


class TestLiveState:
    async def test_a_picture_is_seen_by_another(self, one: Server, two: Server) -> None:
        one.wires.live.show(LIVE)
        teams = [TeamId("south"), TeamId("north")]
        assert await found(lambda: two.wires.live.shown(teams)) == [LIVE]

    async def test_the_newest_picture_stands(self, one: Server) -> None:
        for sequence in range(50):
            one.wires.live.show(replace(LIVE, sequence=sequence))

        async def newest() -> bool:
            return await one.wires.live.shown([TeamId("north")]) == [replace(LIVE, sequence=49)]

        await found(newest)

    async def test_no_team_is_asked_for(self, one: Server) -> None:
        assert await one.wires.live.shown([]) == []

    async def test_a_flush_loses_pictures_until_they_are_shown_again(
        self, one: Server, medium: Medium
    ) -> None:
        one.wires.live.show(LIVE)
        await found(lambda: one.wires.live.shown([TeamId("north")]))
        medium.flush()
        assert await one.wires.live.shown([TeamId("north")]) == []


class TestWakeUps:
    async def test_many_within_a_moment_are_one(self, one: Server, two: Server) -> None:
        for _ in range(20):
            one.wires.wake_ups.wake(SPRING)
            one.wires.wake_ups.wake(AUTUMN)
        await until(lambda: len(two.woken) >= 2)
        await one.wires.bus.ask("server:two", READY, seconds=2)
        assert sorted(two.woken) == [AUTUMN, SPRING]
        assert one.woken == []

    async def test_a_later_one_is_told_again(self, one: Server, two: Server) -> None:
        one.wires.wake_ups.wake(SPRING)
        await until(lambda: two.woken == [SPRING])
        one.wires.wake_ups.wake(SPRING)
        await until(lambda: two.woken == [SPRING, SPRING])


class TestAway:
    """The medium is lost, and comes back."""

    async def test_nothing_waits_and_asking_says_so(self, one: Server, medium: Medium) -> None:
        medium.cut()
        try:
            started = asyncio.get_running_loop().time()
            for number in range(3000):
                one.wires.bus.tell(CampaignChanged(campaign_id=CampaignId(str(number))))
                one.wires.live.show(replace(LIVE, sequence=number))
            assert asyncio.get_running_loop().time() - started < 1
            with pytest.raises(NotDeliveredError):
                await one.wires.bus.ask("server:two", READY, seconds=0.5)
            with pytest.raises(WireDownError):
                await one.wires.live.shown([TeamId("north")])
            assert one.wires.stats().dropped > 0
        finally:
            medium.mend()

    async def test_it_works_again_without_help(
        self, one: Server, two: Server, medium: Medium
    ) -> None:
        medium.cut()
        await until(lambda: not one.wires.stats().up and not two.wires.stats().up)
        medium.mend()
        await until(lambda: one.ups == 2 and two.ups == 2)
        assert await one.wires.bus.ask("server:two", READY, seconds=2) == DONE

    async def test_a_start_without_it(self, medium: Medium) -> None:
        medium.cut()
        async with server(medium, "server:late", wait=False) as late:
            try:
                assert not late.wires.stats().up
            finally:
                medium.mend()
            await until(lambda: late.ups == 1)
            assert late.wires.stats().up


@pytest.mark.service
async def test_a_silent_redis_counts_as_away(redis: RedisServer) -> None:
    async with server(RedisMedium(redis), "server:one") as one:
        redis.freeze()
        try:
            started = asyncio.get_running_loop().time()
            with pytest.raises(WireDownError):
                await one.wires.live.shown([TeamId("north")])
            assert asyncio.get_running_loop().time() - started < 1
            await until(lambda: not one.wires.stats().up)
        finally:
            redis.thaw()
        await until(lambda: one.ups == 2)


@pytest.mark.service
async def test_garbage_on_the_channel_is_counted_and_passed_over(redis: RedisServer) -> None:
    async with server(RedisMedium(redis), "server:one") as one:
        for garbage in ("", "nonsense", "[]", '{"kind": "ask"}', '{"kind": "notice", "type": "X"}'):
            redis.command("PUBLISH", "dialer:all", garbage)
        await until(lambda: one.wires.stats().garbled == 5)
        assert await one.wires.bus.ask("server:one", READY, seconds=2) == DONE


@pytest.mark.service
async def test_the_password_is_not_told(caplog: pytest.LogCaptureFixture) -> None:
    with redis_server("--requirepass", "open-sesame") as locked:
        tasks = TaskSet()
        url = f"redis://:wrong-word@127.0.0.1:{locked.port}"
        with caplog.at_level(logging.DEBUG, logger="dialer"):
            wires = redis_wires(url, server="server:one", random=Random(1), spawn=tasks.spawn)
            wires.start(lambda: None)
            await until(lambda: "redis_down" in caplog.text)
            with pytest.raises(WireDownError) as raised:
                await wires.live.shown([TeamId("north")])
            await wires.close()
            await tasks.close()
    assert "wrong-word" not in caplog.text + str(raised.value)


async def test_alone_there_is_nobody_to_ask() -> None:
    tasks = TaskSet()
    wires = memory_wires(server="server:one", random=Random(1), spawn=tasks.spawn)
    wires.start(lambda: None)
    assert not wires.shared
    with pytest.raises(NotDeliveredError, match="Redis"):
        await wires.bus.ask("server:two", READY, seconds=2)
    await wires.close()
    await tasks.close()


def test_a_url_that_is_none_is_refused() -> None:
    with pytest.raises(InvalidInputError, match=r"redis\.url"):
        redis_wires("http://here", server="one", random=Random(1), spawn=TaskSet().spawn)
