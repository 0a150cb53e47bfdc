"""The simulated exchange on TCP, seen by a plain socket client: every ending has the events of a real Asterisk, in its order."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from hashlib import md5
from math import inf

import pytest

from dialer.events import Screening
from dialer.simulator.ami_server import SimulatedExchange
from dialer.simulator.distributions import Constant
from dialer.simulator.people import Behaviour, Encounter, TalkEnding
from dialer.simulator.scenario import ITALY, Scenario

DEADLINE = 5.0
HOST = "127.0.0.1"
START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
QUIET = replace(ITALY, agents=0, post_dial=Constant(0), redial=Constant(0.01))
ONE_AGENT = replace(QUIET, agents=1)

PERSON = Encounter(behaviour=Behaviour.PERSON, ring=0.01, talk=0.05)
PEOPLE = {
    "person": PERSON,
    "talker": replace(PERSON, talk=60.0),
    "agent ends": replace(PERSON, ending=TalkEnding.AGENT),
    "phone down": replace(PERSON, ending=TalkEnding.AGENT_LEG),
    "opts out": replace(PERSON, opts_out=True),
    "impatient": replace(PERSON, patience=0.05),
    "machine": replace(PERSON, behaviour=Behaviour.MACHINE, screen=0.02, verdict=Screening.MACHINE),
    "screened person": replace(PERSON, screen=0.02),
    "busy": Encounter(behaviour=Behaviour.BUSY),
    "invalid": Encounter(behaviour=Behaviour.INVALID),
    "rejected": Encounter(behaviour=Behaviour.REJECTED, ring=0.02),
    "congested": Encounter(behaviour=Behaviour.CONGESTED),
    "nobody": Encounter(behaviour=Behaviour.NO_ANSWER, ring=inf),
    "dead": Encounter(behaviour=Behaviour.DEAD),
}


class StoppedClock:
    def now(self) -> datetime:
        return START

    async def wait_until(self, instant: datetime) -> None:
        raise AssertionError("the exchange never waits by this clock")


class Cast:
    """The number dialled is the name of the behaviour met."""

    def meet(self, number: str, attempt: int, at: float) -> Encounter:
        return PEOPLE[number]


Message = dict[str, str]


@dataclass
class Client:
    """A bare AMI session. `events` holds all that came; `replies` by ActionID."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    events: list[Message] = field(default_factory=list)
    replies: dict[str, Message] = field(default_factory=dict)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    count: int = 0
    over: bool = False

    async def pump(self) -> None:
        """Read until the connection ends."""
        while True:
            try:
                block = await self.reader.readuntil(b"\r\n\r\n")
            except (asyncio.IncompleteReadError, ConnectionError):
                self.over = True
                self.arrived.set()
                return
            pairs = (line.partition(": ") for line in block.decode().split("\r\n") if line)
            message = {name.rstrip(":"): value for name, _, value in reversed(list(pairs))}
            if "Event" in message:
                self.events.append(message)
            else:
                self.replies[message.get("ActionID", "")] = message
            self.arrived.set()

    async def until(self, look: Callable[[], bool]) -> None:
        """Wait until `look` says so, at most for the deadline."""
        async with asyncio.timeout(DEADLINE):
            while not look():
                self.arrived.clear()
                await self.arrived.wait()

    def send(self, action: str, *lines: str) -> str:
        self.count += 1
        action_id = f"t-{self.count}"
        text = "\r\n".join([f"Action: {action}", f"ActionID: {action_id}", *lines])
        self.writer.write(f"{text}\r\n\r\n".encode())
        return action_id

    async def ask(self, action: str, *lines: str) -> Message:
        action_id = self.send(action, *lines)
        await self.until(lambda: action_id in self.replies)
        return self.replies[action_id]

    async def log_in(self, events: str = "on") -> Message:
        return await self.ask("Login", "Username: dialer", "Secret: dialer", f"Events: {events}")

    def place(
        self, person: str, *variables: str, timeout_ms: int = 5000, trunk: str = "dialer-trunk"
    ) -> str:
        """Originate to `person`; returns the call's id."""
        call_id = f"call-{self.count + 1}"
        self.send(
            "Originate",
            f"Channel: PJSIP/{person}@{trunk}",
            f"ChannelId: {call_id}",
            "Context: dialer-answered",
            "Exten: s",
            "Priority: 1",
            f"Timeout: {timeout_ms}",
            "Async: true",
            *(f"Variable: {each}" for each in variables),
        )
        return call_id

    def story(self, call_id: str) -> list[str]:
        """What was seen of one channel, in order, in short."""
        ids = ("Uniqueid", "DestUniqueid")
        return [_short(each) for each in self.events if call_id in [each.get(key) for key in ids]]

    async def ended(self, call_id: str, last: str = "Hangup") -> list[str]:
        """The story, once both Hangup and OriginateResponse (or `last`) have come."""
        wanted = {last, "OriginateResponse"}
        await self.until(lambda: wanted <= {each.split()[0] for each in self.story(call_id)})
        return self.story(call_id)

    async def says(self, name: str, count: int = 1) -> Message:
        """The `count`-th user event of that name."""
        await self.until(lambda: len(self._said(name)) >= count)
        return self._said(name)[count - 1]

    def _said(self, name: str) -> list[Message]:
        return [each for each in self.events if each.get("UserEvent") == name]

    async def close(self) -> None:
        self.writer.close()
        await asyncio.gather(self.writer.wait_closed(), return_exceptions=True)


DETAILS = {
    "Newstate": ("ChannelStateDesc",),
    "DialState": ("DialStatus",),
    "DialEnd": ("DialStatus",),
    "UserEvent": ("UserEvent",),
    "BridgeEnter": ("BridgeType",),
    "BridgeLeave": ("BridgeType",),
    "OriginateResponse": ("Response", "Reason"),
    "HangupRequest": ("Cause",),
    "Hangup": ("Cause",),
}


def _short(event: Message) -> str:
    name = event["Event"]
    return " ".join([name, *(event[key] for key in DETAILS.get(name, ()))])


@asynccontextmanager
async def connected(exchange: SimulatedExchange) -> AsyncIterator[Client]:
    reader, writer = await asyncio.open_connection(HOST, exchange.port)
    banner = await asyncio.wait_for(reader.readuntil(b"\r\n"), DEADLINE)
    assert banner == b"Asterisk Call Manager/11.0.0\r\n"
    client = Client(reader, writer)
    async with asyncio.TaskGroup() as group:
        group.create_task(client.pump())
        try:
            yield client
        finally:
            await client.close()


@asynccontextmanager
async def exchange_of(scenario: Scenario) -> AsyncIterator[tuple[SimulatedExchange, Client]]:
    """The scenario's agents come once the client is listening."""
    async with (
        SimulatedExchange(
            replace(scenario, agents=0), HOST, clock=StoppedClock(), people=Cast()
        ) as exchange,
        connected(exchange) as client,
    ):
        assert (await client.log_in())["Response"] == "Success"
        exchange.staff(scenario.agents)
        yield exchange, client


BEGUN = ["Newchannel", "Newstate Ringing", "DialBegin", "DialState RINGING"]
ANSWERED = [*BEGUN, "Newstate Up", "DialEnd ANSWER"]
WAITING = ["UserEvent DialerWaiting", "OriginateResponse Success 4"]


def refused(cause: int, status: str) -> list[str]:
    order = [f"HangupRequest {cause}", "OriginateResponse Failure 0"]
    return [*order, f"DialEnd {status}", f"Hangup {cause}"]


STORIES = {
    "busy": ["Newchannel", "DialBegin", *refused(17, "BUSY")],
    "invalid": ["Newchannel", "DialBegin", *refused(1, "NOANSWER")],
    "rejected": [*BEGUN, *refused(21, "NOANSWER")],
    "congested": [
        "Newchannel",
        "DialBegin",
        "HangupRequest 34",
        "DialEnd CONGESTION",
        "Hangup 34",
        "OriginateResponse Failure 0",
    ],
    "nobody": [*BEGUN, "Hangup 19", "OriginateResponse Failure 3"],
    "dead": ["Newchannel", "DialBegin", "Hangup 19", "OriginateResponse Failure 3"],
    "impatient": [*ANSWERED, *WAITING, "HangupRequest 16", "Hangup 16"],
    "person": [
        *ANSWERED,
        *WAITING,
        "UserEvent DialerAbandoned",
        "Hangup 16",
    ],
}


@pytest.mark.parametrize("person", STORIES)
async def test_each_ending_has_the_events_of_a_real_one_in_order(person: str) -> None:
    async with exchange_of(QUIET) as (_, client):
        call_id = client.place(person, "DIALER_LIMIT_MS=80", "DIALER_ACTION=hangup", timeout_ms=100)
        assert await client.ended(call_id) == STORIES[person]
        hangup = client.events[-1] if client.events[-1]["Event"] == "Hangup" else None
        assert hangup is None or hangup["Uniqueid"] == hangup["Linkedid"] == call_id


async def test_an_endpoint_that_does_not_exist_has_no_channel_events_at_all() -> None:
    async with exchange_of(replace(QUIET, trunks=frozenset({"dialer-trunk"}))) as (_, client):
        call_id = client.place("person", trunk="nowhere")
        await client.until(lambda: bool(client.story(call_id)))
        assert (await client.ask("Ping"))["Ping"] == "Pong"
        assert client.story(call_id) == ["OriginateResponse Failure 0"]


async def test_screening_speaks_before_the_wait_and_a_machine_is_hung_up() -> None:
    async with exchange_of(QUIET) as (_, client):
        machine = client.place("machine", "DIALER_AMD=1", "DIALER_LIMIT_MS=2000")
        story = await client.ended(machine)
        assert story[-2:] == ["UserEvent DialerScreened", "Hangup 16"]
        assert (await client.says("DialerScreened"))["Status"] == "MACHINE"
        client.place("screened person", "DIALER_AMD=1", "DIALER_LIMIT_MS=2000")
        await client.says("DialerWaiting")
        assert (await client.says("DialerScreened", 2))["Status"] == "HUMAN"


@pytest.mark.parametrize("person", ["person", "opts out"])
async def test_the_opt_out_digit_ends_the_message_and_is_kept(person: str) -> None:
    async with exchange_of(replace(QUIET, message_seconds=0.02)) as (exchange, client):
        limit = ("DIALER_LIMIT_MS=20", "DIALER_ACTION=message")
        call_id = client.place(person, *limit, "DIALER_OPT_OUT=9")
        if person == "opts out":
            assert (await client.says("DialerOptOut"))["Digit"] == "9"
            assert exchange.world.database["dialer-opt-out", call_id] == "9"
        else:
            await client.says("DialerAbandoned")
            await client.ask("Hangup", f"Channel: {call_id}")
        last = "Hangup 16" if person == "opts out" else "Hangup 0"
        assert (await client.ended(call_id))[-1] == last


async def test_a_message_is_played_at_the_limit_where_the_call_says_so() -> None:
    async with exchange_of(replace(QUIET, message_seconds=0.2)) as (_, client):
        call_id = client.place("person", "DIALER_LIMIT_MS=50", "DIALER_ACTION=message")
        said = await client.says("DialerAbandoned")
        assert said["Action"] == "message"
        assert said["Context"] == "dialer-abandoned"
        await client.ended(call_id)
        times = {_short(each): float(each["Timestamp"]) for each in client.events}
        assert times["UserEvent DialerAbandoned"] - times["Newstate Up"] == pytest.approx(
            0.05, abs=1e-5
        )
        assert times["Hangup 16"] - times["UserEvent DialerAbandoned"] == pytest.approx(
            0.2, abs=1e-5
        )


async def join(client: Client, call_id: str, code: str = "1001") -> Message:
    where = ("Context: dialer-talk", f"Exten: {code}", "Priority: 1")
    return await client.ask("Redirect", f"Channel: {call_id}", *where)


@pytest.mark.parametrize(
    ("person", "end"),
    [
        ("person", ["HangupRequest 16", "BridgeLeave basic"]),
        ("agent ends", ["BridgeLeave basic"]),
        ("phone down", ["BridgeLeave basic"]),
    ],
)
async def test_a_talk_ends_without_message_and_the_agent_comes_back(
    person: str, end: list[str]
) -> None:
    async with exchange_of(ONE_AGENT) as (_, client):
        leg = await client.says("DialerAgentIn")
        call_id = client.place(person, "DIALER_LIMIT_MS=1000")
        await client.says("DialerWaiting")
        assert (await join(client, call_id))["Response"] == "Success"
        story = await client.ended(call_id)
        ended = ["UserEvent DialerTalkEnded", "Hangup 16"]
        assert story == [*ANSWERED, *WAITING, "BridgeEnter basic", *end, *ended]
        assert (await client.says("DialerTalkEnded"))["Agent"] == "1001"
        if person == "phone down":
            assert (await client.says("DialerAgentIn", 2))["Uniqueid"] != leg["Uniqueid"]
        else:
            back = await client.says("DialerAgentBack")
            assert back["Agent"] == back["Exten"] == leg["Agent"] == "1001"
            assert back["Context"] == "dialer-agent"
            assert back["Uniqueid"] == leg["Uniqueid"]


@pytest.mark.parametrize("delay_ms", range(20, 60, 2))
async def test_redirect_against_the_limit_gives_exactly_one_class(delay_ms: int) -> None:
    async with exchange_of(ONE_AGENT) as (_, client):
        await client.says("DialerAgentIn")
        call_id = client.place("person", "DIALER_LIMIT_MS=40", "DIALER_ACTION=hangup")
        await client.says("DialerWaiting")
        loop = asyncio.get_running_loop()
        due: asyncio.Future[None] = loop.create_future()
        loop.call_later((delay_ms - 15) / 1000, due.set_result, None)
        await due
        await join(client, call_id)
        story = await client.ended(call_id)
        talked = "BridgeEnter basic" in story
        abandoned = "UserEvent DialerAbandoned" in story
        assert talked != abandoned
        fate = await client.ask("DBGet", "Family: dialer-fate", f"Key: {call_id}")
        assert (fate["Response"] == "Success") == abandoned


async def test_an_abandoned_call_is_in_the_database_of_the_exchange() -> None:
    async with exchange_of(QUIET) as (_, client):
        call_id = client.place("person", "DIALER_LIMIT_MS=20")
        await client.ended(call_id)
        await client.ask("DBGet", "Family: dialer-fate", f"Key: {call_id}")
        await client.until(lambda: client.events[-1]["Event"] == "DBGetComplete")
        result = client.events[-2]
        assert (result["Event"], result["Key"], result["Val"]) == (
            "DBGetResponse",
            call_id,
            "abandoned",
        )
        assert (await client.ask("DBGet", "Family: dialer-fate", "Key: other"))[
            "Response"
        ] == "Error"


async def test_the_limit_can_be_stopped_and_set_again() -> None:
    async with exchange_of(QUIET) as (_, client):
        call_id = client.place("person", "DIALER_LIMIT_MS=900")
        await client.says("DialerWaiting")
        where = (f"Channel: {call_id}", "Variable: TIMEOUT(absolute)")
        await client.ask("Setvar", *where, "Value: 0")
        assert (await client.ask("Getvar", *where))["Value"] == "0.000"
        await client.ask("Setvar", *where, "Value: 0.05")
        assert "UserEvent DialerAbandoned" in await client.ended(call_id)


async def test_a_failed_join_leaves_what_is_left_of_the_limit() -> None:
    async with exchange_of(ONE_AGENT) as (_, client):
        await client.says("DialerAgentIn")
        call_id = client.place("talker", "DIALER_LIMIT_MS=300")
        await client.says("DialerWaiting")
        await join(client, call_id, "1002")
        failed = await client.says("DialerBridgeFailed")
        assert (failed["Agent"], failed["Result"]) == ("1002", "NOAGENT")
        times = {_short(each): float(each["Timestamp"]) for each in client.events}
        abandoned = await client.says("DialerAbandoned")
        waited = float(abandoned["Timestamp"]) - times["Newstate Up"]
        assert waited == pytest.approx(0.3, abs=1e-5)


async def test_an_agent_in_a_talk_cannot_be_pulled_out_of_it() -> None:
    async with exchange_of(ONE_AGENT) as (_, client):
        await client.says("DialerAgentIn")
        first = client.place("talker", "DIALER_LIMIT_MS=900")
        await client.says("DialerWaiting")
        await join(client, first)
        second = client.place("talker", "DIALER_LIMIT_MS=900")
        await client.says("DialerWaiting", 2)
        await join(client, second)
        assert (await client.says("DialerBridgeFailed"))["Uniqueid"] == second
        assert client.story(first)[-1] == "BridgeEnter basic"


async def test_a_second_redirect_ends_the_talk() -> None:
    async with exchange_of(ONE_AGENT) as (_, client):
        await client.says("DialerAgentIn")
        call_id = client.place("talker", "DIALER_LIMIT_MS=900")
        await client.says("DialerWaiting")
        await join(client, call_id)
        await client.until(lambda: "BridgeEnter basic" in client.story(call_id))
        await join(client, call_id)
        assert "BridgeLeave basic" in await client.ended(call_id)
        await client.says("DialerAgentBack")


async def test_redirect_of_a_call_that_is_gone_or_not_answered_is_refused() -> None:
    async with exchange_of(ONE_AGENT) as (_, client):
        leg = await client.says("DialerAgentIn")
        assert (await join(client, "gone"))["Message"] == "Channel does not exist: gone"
        ringing = client.place("nobody")
        assert (await join(client, ringing))["Response"] == "Error"
        await client.ask("CoreShowChannels")
        await client.until(lambda: client.events[-1]["Event"] == "CoreShowChannelsComplete")
        shown = {each["Uniqueid"]: each for each in client.events if "BridgeId" in each}
        assert shown[leg["Uniqueid"]]["BridgeId"] != ""
        assert shown[ringing]["BridgeId"] == ""


async def test_hang_up_by_id_while_it_rings_and_of_a_channel_that_is_gone() -> None:
    async with exchange_of(QUIET) as (_, client):
        call_id = client.place("nobody")
        await client.until(lambda: "Newstate Ringing" in client.story(call_id))
        assert (await client.ask("Hangup", f"Channel: {call_id}", "Cause: 16"))[
            "Response"
        ] == "Success"
        story = await client.ended(call_id)
        ended = ["DialEnd NOANSWER", "OriginateResponse Failure 0", "Hangup 16"]
        assert story == [*BEGUN, *ended]
        gone = await client.ask("Hangup", f"Channel: {call_id}")
        assert (gone["Response"], gone["Message"]) == ("Error", "No such channel")


async def test_agents_log_in_by_themselves_and_are_listed_after_the_link_broke() -> None:
    async with exchange_of(replace(QUIET, agents=3, login_spread=0.01)) as (exchange, client):
        await client.says("DialerAgentIn", 3)
        exchange.drop_links()
        await client.until(lambda: client.over)
        async with connected(exchange) as again:
            await again.log_in()
            assert (await again.ask("CoreShowChannels"))["EventList"] == "start"
            await again.until(lambda: again.events[-1]["Event"] == "CoreShowChannelsComplete")
            shown = [each for each in again.events if each["Event"] == "CoreShowChannel"]
            assert [each["Exten"] for each in shown] == ["1001", "1002", "1003"]
            assert {each["Context"] for each in shown} == {"dialer-agent"}
            assert {each["Application"] for each in shown} == {"BridgeWait"}
            assert len({each["BridgeId"] for each in shown}) == 3
            assert again.events[-1]["ListItems"] == "3"
            assert "UserEvent" not in {each["Event"] for each in again.events}


async def test_a_session_hears_only_the_classes_it_asked_for() -> None:
    async with exchange_of(QUIET) as (exchange, client), connected(exchange) as actions:
        await actions.log_in("off")
        call_id = actions.place("busy")
        await client.ended(call_id)
        assert (await actions.ask("Ping"))["Ping"] == "Pong"
        assert actions.events == []
        assert client.events[0]["Event"] == "FullyBooted"
        assert (await actions.ask("Events", "EventMask: user"))["Events"] == "On"
        actions.place("person")
        assert (await actions.says("DialerWaiting"))["Privilege"] == "user,all"
        assert {each["Event"] for each in actions.events} == {"UserEvent"}


async def test_log_in_by_challenge_and_the_ways_it_fails() -> None:
    async with (
        SimulatedExchange(QUIET, HOST, clock=StoppedClock()) as exchange,
        connected(exchange) as client,
    ):
        assert (await client.ask("Ping"))["Message"] == "Permission denied"
        wrong = await client.ask("Login", "Username: dialer", "Secret: wrong")
        assert (wrong["Response"], wrong["Message"]) == ("Error", "Authentication failed")
        challenge = (await client.ask("Challenge", "AuthType: MD5"))["Challenge"]
        key = md5((challenge + "dialer").encode(), usedforsecurity=False).hexdigest()
        login = ("AuthType: MD5", "Username: dialer", f"Key: {key}")
        exchange.refuse_logins = True
        assert (await client.ask("Login", *login))["Response"] == "Error"
        exchange.refuse_logins = False
        assert (await client.ask("Login", *login))["Response"] == "Success"
        await client.until(lambda: client.over)  # the refusals end the connection a second later


async def test_pings_can_go_unanswered_while_all_else_goes_on() -> None:
    async with exchange_of(QUIET) as (exchange, client):
        exchange.answer_pings = False
        ping = client.send("Ping")
        assert (await client.ask("CoreStatus"))["CoreCurrentCalls"] == "0"
        assert ping not in client.replies
        assert (await client.ask("Logoff"))["Response"] == "Goodbye"
        await client.until(lambda: client.over)
