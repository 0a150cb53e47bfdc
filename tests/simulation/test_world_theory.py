"""The simulated world against theory first: what cannot reproduce Erlang's formulas must not judge a pacing engine.

Error rates. Each queueing figure is the mean of 24 independent replications (fixed seeds, warm-up discarded) and is compared
with the formula by a two-sided t-interval of level 99.9 %; shares by normal intervals of the same level. A right world fails
one given comparison for one choice of seeds in a thousand; there are ten. The seeds are fixed, so a run here is repeatable.
"""

import asyncio
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from math import erf, log, sqrt
from random import Random
from statistics import mean, stdev

import pytest

from dialer.ami_events import EventTranslator
from dialer.commands import BridgeToAgent, PlaceCall
from dialer.errors import TelephonyRefusedError
from dialer.events import (
    AgentLoggedIn,
    AgentLoggedOut,
    AgentReturned,
    BridgeFailed,
    CallAbandoned,
    CallAnswered,
    CallBridged,
    CallEnded,
    CallRefused,
    CallScreened,
    CallWaiting,
    Event,
    Fate,
    Screening,
    TalkEnded,
)
from dialer.ids import AgentId, CallId, uuid7
from dialer.simulator.ami_text import AmiNarrator
from dialer.simulator.distributions import Constant, Distribution, Exponential, LogNormal
from dialer.simulator.people import Behaviour, Population, behaviour_of
from dialer.simulator.scenario import FAST, ITALY, LOSSLESS, Scenario, Shares
from dialer.simulator.switch import Bridge, Channel, Order, Watcher
from dialer.simulator.virtual import VirtualExchange, VirtualTelephony, originate_of
from dialer.simulator.world import World
from tests.support.orders import call_of

REPLICATIONS = 24
T_999 = 3.768  # Student, 23 degrees of freedom, two-sided 99.9 %
Z_999 = 3.291
TALK = 60.0
WARM_UP = 20 * TALK
FOREVER_MS = str(10**9)
START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


# --- queues -----------------------------------------------------------------------------------------------------------


@dataclass
class Station(Watcher):
    """A waiting room before the agents: first come, first served; with `loses`, who finds nobody free is sent away."""

    loses: bool
    since: float
    free: deque[str] = field(default_factory=deque)
    queue: deque[Channel] = field(default_factory=deque)
    arrived: int = 0
    lost: int = 0
    waits: list[float] = field(default_factory=list)
    world: World | None = None

    def said(self, channel: Channel, name: str, headers: Mapping[str, str]) -> None:
        match name:
            case "DialerAgentIn" | "DialerAgentBack":
                self.free.append(headers["Agent"])
            case "DialerWaiting":
                self.arrived += channel.answered_at >= self.since
                self.queue.append(channel)
            case _:
                return
        assert self.world is not None
        self.world.schedule.after(0.0, self.match)

    def match(self) -> None:
        assert self.world is not None
        while self.free and self.queue:
            self.world.redirect(self.queue.popleft().unique_id, self.free.popleft())
        while self.loses and self.queue:
            channel = self.queue.popleft()
            self.lost += channel.answered_at >= self.since
            self.world.hang_up(channel.unique_id)

    def entered(self, bridge: Bridge, channel: Channel) -> None:
        if channel.order is not None and channel.answered_at >= self.since:
            assert self.world is not None
            self.waits.append(self.world.now - channel.answered_at)


def run_station(
    servers: int, load: float, talk: Distribution, *, seed: int, calls: int, loses: bool
) -> Station:
    """Poisson arrivals that answer at once, `load` Erlang on `servers` agents."""
    station = Station(loses=loses, since=WARM_UP)
    world = World(replace(LOSSLESS, agents=servers, talk=talk), station, seed=seed)
    station.world = world
    world.advance_to(0.0)
    arrivals = Random(seed)
    at = 0.0
    for number in range(calls + round(WARM_UP * load / TALK)):
        at += arrivals.expovariate(load / TALK)
        order = Order(
            unique_id=str(number),
            number=str(number),
            endpoint="trunk",
            timeout=60.0,
            variables={"DIALER_LIMIT_MS": FOREVER_MS},
        )
        world.schedule.at(at, partial(world.originate, order))
    world.advance_to(at)
    return station


def erlang_b(servers: int, load: float) -> float:
    blocked = 1.0
    for n in range(1, servers + 1):
        blocked = load * blocked / (n + load * blocked)
    return blocked


def erlang_c(servers: int, load: float) -> float:
    blocked = erlang_b(servers, load)
    return servers * blocked / (servers - load * (1 - blocked))


def assert_agrees(figures: list[float], theory: float) -> None:
    """The formula's value lies in the interval of the replications, and the interval says something."""
    half_width = T_999 * stdev(figures) / sqrt(len(figures))
    assert half_width < 0.25 * theory
    assert mean(figures) == pytest.approx(theory, abs=half_width)


@pytest.mark.parametrize("talk", [Exponential(TALK), LogNormal(TALK, 1.0)], ids=["M", "G"])
@pytest.mark.parametrize(("servers", "load"), [(3, 2.0), (10, 8.0)])
def test_a_loss_system_loses_what_erlang_b_says_whatever_the_talk(
    servers: int, load: float, talk: Distribution
) -> None:
    figures = []
    for seed in range(REPLICATIONS):
        seen = run_station(servers, load, talk, seed=seed, calls=1000, loses=True)
        figures.append(seen.lost / seen.arrived)
    assert_agrees(figures, erlang_b(servers, load))


def test_a_waiting_system_waits_as_erlang_c_says() -> None:
    servers, load = 5, 3.0
    delayed, waits = [], []
    for seed in range(REPLICATIONS):
        seen = run_station(servers, load, Exponential(TALK), seed=seed, calls=1500, loses=False)
        delayed.append(mean(wait > 1e-9 for wait in seen.waits))
        waits.append(mean(seen.waits))
    assert_agrees(delayed, erlang_c(servers, load))
    assert_agrees(waits, erlang_c(servers, load) * TALK / (servers - load))


# --- people -----------------------------------------------------------------------------------------------------------


def assert_share(count: int, total: int, share: float) -> None:
    assert count / total == pytest.approx(share, abs=Z_999 * sqrt(share * (1 - share) / total))


def test_people_behave_in_the_scenarios_shares() -> None:
    people, total = Population(ITALY, seed=5), 20_000
    seen = Counter(people.meet(str(number), 1, 0.0).behaviour for number in range(total))
    assert_share(seen[Behaviour.PERSON], total, ITALY.shares.person)
    assert_share(seen[Behaviour.MACHINE], total, ITALY.shares.machine)
    assert_share(seen[Behaviour.BUSY], total, ITALY.shares.busy)


def test_most_persons_answer_between_3_and_18_seconds_of_ringing() -> None:
    people = Population(replace(ITALY, shares=replace(LOSSLESS.shares)), seed=6)
    rings = [people.meet(str(number), 1, 0.0).ring for number in range(5000)]
    sigma = sqrt(log(1 + 0.55**2))

    def below(seconds: float) -> float:
        return (1 + erf((log(seconds / 9.0) + sigma**2 / 2) / sigma / sqrt(2))) / 2

    share = (below(18.0) - below(3.0)) / below(25.0)
    assert share > 0.9
    assert_share(sum(3.0 < ring < 18.0 for ring in rings), len(rings), share)


def test_a_person_does_not_depend_on_who_was_dialled_before_but_on_seed_and_attempt() -> None:
    numbers = [f"+3906{number:06}" for number in range(200)]
    first, second = Population(ITALY, seed=7), Population(ITALY, seed=7)
    forth = {number: first.meet(number, 1, 0.0) for number in numbers}
    back = {number: second.meet(number, 1, 0.0) for number in reversed(numbers)}
    assert forth == back
    assert forth != {number: first.meet(number, 2, 0.0) for number in numbers}
    assert forth != {number: Population(ITALY, seed=8).meet(number, 1, 0.0) for number in numbers}


def test_an_invalid_number_is_invalid_at_every_attempt() -> None:
    people = Population(replace(ITALY, shares=Shares(person=0.2, invalid=0.5)), seed=9)
    for number in range(100):
        met = {people.meet(str(number), attempt, 0.0).behaviour for attempt in range(1, 9)}
        assert met == {Behaviour.INVALID} or Behaviour.INVALID not in met


def test_the_shares_can_change_in_the_course_of_the_day() -> None:
    nobody = replace(LOSSLESS.shares, person=0.0)
    people = Population(replace(LOSSLESS, shares_later=((100.0, nobody),)), seed=1)
    assert people.meet("1", 1, 99.9).behaviour is Behaviour.PERSON
    assert people.meet("1", 1, 100.0).behaviour is Behaviour.NO_ANSWER
    assert behaviour_of(Shares(), 0.5, 0.999) is Behaviour.NO_ANSWER


# --- face A -----------------------------------------------------------------------------------------------------------


def order_of(call_id: CallId, agent_id: AgentId, at: datetime) -> BridgeToAgent:
    return BridgeToAgent(call_id=call_id, agent_id=agent_id, leg="", limit_at=at)


def shift(scenario: Scenario, seed: int, *, calls: int = 600, screen: bool = False) -> list[Event]:
    """A shift at two calls a second, the longest-idle agent first."""
    exchange = VirtualExchange(scenario, seed=seed, start=START)
    history: list[Event] = []
    free: deque[AgentId] = deque()
    for number in range(calls + 1200):
        events = exchange.advance_to(START + timedelta(seconds=number / 2))
        history += events
        for event in events:
            if isinstance(event, AgentLoggedIn | AgentReturned):
                free.append(event.agent_id)
            elif isinstance(event, CallWaiting):
                try_bridge(exchange, event.call_id, free)
        if number < calls:
            exchange.place(call_of(number, exchange.now, screen=screen))
    return history


def try_bridge(exchange: VirtualExchange, call_id: CallId, free: deque[AgentId]) -> AgentId | None:
    """The agent who was sent for the call, or None: nobody free, or the call is gone."""
    if not free:
        return None
    try:
        exchange.bridge(order_of(call_id, free[0], exchange.now))
    except TelephonyRefusedError:
        return None
    return free.popleft()


def test_the_same_seed_gives_the_same_history_and_another_seed_another() -> None:
    assert shift(FAST, 1, calls=300) == shift(FAST, 1, calls=300)
    assert shift(FAST, 1, calls=300) != shift(FAST, 2, calls=300)


@pytest.mark.parametrize("screen", [False, True])
def test_every_call_ends_once_and_is_talked_or_abandoned_but_never_both(screen: bool) -> None:
    history = shift(replace(FAST, agents=4), 3, screen=screen)
    instants = [event.at for event in history]
    assert instants == sorted(instants)
    calls = {f"call-{number}" for number in range(600)}
    ended = [event.call_id for event in history if isinstance(event, CallEnded | CallRefused)]
    assert sorted(ended) == sorted(calls)
    answered = {event.call_id: event.at for event in history if isinstance(event, CallAnswered)}
    talked = [event.call_id for event in history if isinstance(event, CallBridged)]
    over = [event.call_id for event in history if isinstance(event, TalkEnded)]
    abandoned = [event for event in history if isinstance(event, CallAbandoned)]
    assert sorted(talked) == sorted(over)
    assert len(set(talked)) == len(talked)
    assert talked
    assert abandoned
    assert not {event.call_id for event in abandoned} & set(talked)
    for event in abandoned:
        assert event.at - answered[event.call_id] == timedelta(milliseconds=2950)


def test_screening_speaks_in_time_and_a_machine_never_waits() -> None:
    history = shift(replace(FAST, agents=4), 4, screen=True)
    answered = {event.call_id: event.at for event in history if isinstance(event, CallAnswered)}
    verdicts = {event.call_id: event for event in history if isinstance(event, CallScreened)}
    waiting = {event.call_id for event in history if isinstance(event, CallWaiting)}
    assert {event.verdict for event in verdicts.values()} == set(Screening)
    for call_id, event in verdicts.items():
        assert event.at - answered[call_id] <= timedelta(milliseconds=2450)
        assert (event.verdict is Screening.MACHINE) == (call_id not in waiting)


def test_agents_come_and_go_by_the_schedule_and_a_lost_leg_comes_back() -> None:
    steps = ((60.0, 6), (120.0, 2))
    scenario = replace(FAST, agents=3, staffing=steps, agent_ends=0.0, agent_puts_down=0.5)
    history = shift(scenario, 5)
    logged_in = Counter(
        str(event.agent_id) for event in history if isinstance(event, AgentLoggedIn)
    )
    logged_out = Counter(
        str(event.agent_id) for event in history if isinstance(event, AgentLoggedOut)
    )
    assert set(logged_in) == {str(code) for code in range(1001, 1007)}
    assert logged_in["1001"] > 1
    for code in ("1003", "1004", "1005", "1006"):
        assert logged_in[code] == logged_out[code]


def test_refusals_and_failures_come_as_the_port_promises() -> None:
    scenario = replace(LOSSLESS, agents=1, trunks=frozenset({"t"}), lines=1, talk=Constant(10.0))
    exchange = VirtualExchange(scenario, seed=1, start=START)
    exchange.place(call_of(1, START, trunk="nowhere"))
    exchange.place(call_of(2, START))
    exchange.place(call_of(3, START))
    events = exchange.advance_to(START)
    assert CallRefused(at=START, call_id=CallId("call-1"), reason="no_channel") in events
    assert CallEnded(at=START, call_id=CallId("call-3"), cause=34) in events
    exchange.bridge(order_of(CallId("call-2"), AgentId("1009"), START))
    failed = exchange.advance_to(START)
    assert [type(event) for event in failed] == [BridgeFailed]
    with pytest.raises(TelephonyRefusedError):
        exchange.bridge(order_of(CallId("call-3"), AgentId("1001"), START))
    exchange.bridge(order_of(CallId("call-2"), AgentId("1001"), START))
    assert [type(event) for event in exchange.advance_to(START)] == [CallBridged]
    up = exchange.channels_up()
    assert [(leg.call_id, leg.answered, leg.agent_id) for leg in up.calls] == [
        ("call-2", True, "1001")
    ]
    assert [leg.waiting for leg in up.agents] == [False]
    assert exchange.next_at() == START + timedelta(seconds=10)
    exchange.hang_up("call-2")
    exchange.hang_up("call-2")
    ended = [type(event) for event in exchange.advance_to(START)]
    assert ended == [AgentReturned, TalkEnded, CallEnded]
    assert exchange.fate(CallId("call-2")) is Fate.UNKNOWN


class LoopClock:
    """The loop's time, from START."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._origin = self._loop.time()

    def now(self) -> datetime:
        return START + timedelta(seconds=self._loop.time() - self._origin)

    async def wait_until(self, instant: datetime) -> None:
        raise AssertionError("not used")


async def test_the_port_delivers_events_when_their_time_comes() -> None:
    scenario = replace(LOSSLESS, agents=1, talk=Constant(0.05))
    inbox: asyncio.Queue[Event] = asyncio.Queue()
    clock = LoopClock()
    exchange = VirtualExchange(scenario, seed=1, start=START)
    telephony = VirtualTelephony(exchange, clock, inbox.put_nowait)
    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        runner = group.create_task(telephony.run())
        assert isinstance(await inbox.get(), AgentLoggedIn)
        await telephony.place(call_of(1, clock.now()))
        assert [type(await inbox.get()).__name__ for _ in range(3)] == [
            "CallRinging",
            "CallAnswered",
            "CallWaiting",
        ]
        await telephony.bridge(order_of(CallId("call-1"), AgentId("1001"), clock.now()))
        assert isinstance(bridged := await inbox.get(), CallBridged)
        assert isinstance(await inbox.get(), AgentReturned)
        assert isinstance(ended := await inbox.get(), TalkEnded)
        assert ended.at - bridged.at == timedelta(seconds=0.05)
        assert await telephony.fate(CallId("call-1")) is Fate.UNKNOWN
        assert (await telephony.channels_up()).calls == ()
        runner.cancel()


# --- both faces -------------------------------------------------------------------------------------------------------


class Heard:
    """An AMI event as the translator reads it."""

    def __init__(self, name: str, body: str, stamp: str) -> None:
        self.name = name
        pairs = (line.partition(": ") for line in body.split("\r\n") if line)
        self._headers = {key: value for key, _, value in pairs} | {"Timestamp": stamp}

    def first(self, name: str, default: str = "") -> str:
        return self._headers.get(name, default)


class Told:
    """A world told in AMI, and what the product makes of it."""

    def __init__(self, scenario: Scenario, seed: int) -> None:
        self.events: list[Event] = []
        self._translator = EventTranslator()
        epoch = int(START.timestamp())
        self.world = World(scenario, AmiNarrator(self._hear), seed=seed, epoch=epoch)

    def _hear(self, privilege: str, name: str, body: str) -> None:
        at = START + timedelta(seconds=self.world.now)
        message = Heard(name, body, f"{at.timestamp():.6f}")
        self.events += self._translator.translate(message, at)


def test_both_faces_tell_the_same_story() -> None:
    scenario = replace(FAST, agents=5, agent_puts_down=0.2, trunks=frozenset({"t"}))
    exchange, told = VirtualExchange(scenario, seed=11, start=START), Told(scenario, 11)
    random, story = Random(1), list[Event]()
    free: deque[AgentId] = deque()
    for tick in range(2000):
        now = START + timedelta(milliseconds=100 * tick)
        events = exchange.advance_to(now)
        told.world.advance_to((now - START).total_seconds())
        story += events
        free += [each.agent_id for each in events if isinstance(each, AgentLoggedIn)]
        free += [each.agent_id for each in events if isinstance(each, AgentReturned)]
        for event in events:
            if not isinstance(event, CallWaiting):
                continue
            if (agent_id := try_bridge(exchange, event.call_id, free)) is not None:
                told.world.redirect(event.call_id, agent_id)
        if tick % 5 == 0 and tick < 1500:
            call = real_call(tick, now, random)
            exchange.place(call)
            told.world.originate(originate_of(call))
    heard, seen = _once(told.events), _once(story)
    assert [replace(each, at=START) for each in heard] == [replace(each, at=START) for each in seen]
    for one, other in zip(heard, seen, strict=True):
        assert abs(one.at - other.at) < timedelta(milliseconds=1)
    assert len({type(each) for each in story}) >= 11


def real_call(number: int, at: datetime, random: Random) -> PlaceCall:
    """With an id that the translator takes for one of ours; one in ten by a trunk that does not exist."""
    call = call_of(number, at, screen=number % 3 == 0, trunk="t" if number % 50 else "nowhere")
    return replace(call, call_id=CallId(uuid7(at, random)))


def _once(events: list[Event]) -> list[Event]:
    """Without the refusals of calls that had ended already: the wire may tell an end twice."""
    ended = {each.call_id for each in events if isinstance(each, CallEnded)}
    return [e for e in events if not (isinstance(e, CallRefused) and e.call_id in ended)]
