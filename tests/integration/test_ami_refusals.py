"""A refused Originate on raw AMI, through the adapter: the response may overtake what is told of the channel, and may not."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialer.adapters.asterisk import AsteriskTelephony
from dialer.adapters.held_refusals import HOLD_SECONDS
from dialer.ami_node import AmiEndpoint
from dialer.events import NO_CHANNEL, CallEnded, CallEvent, CallRefused, CallRinging, Event
from dialer.ids import CallId
from tests.support.ami_server import SECRET, USERNAME, FakeAmi, Link, block
from tests.support.failing_wire import WireLoop
from tests.support.failures import Plan
from tests.support.virtual_loop import VirtualClock

CALL = CallId("01980000-0000-7000-8000-000000000001")
OTHER = CallId("01980000-0000-7000-8000-000000000002")
ON_THE_WAY = 0.01
"""Seconds in which a message is surely heard."""


def of_call(event: str, *lines: str, call: str = CALL) -> bytes:
    return block(f"Event: {event}", f"Uniqueid: {call}", *lines)


NEW = of_call("Newchannel")
FAILED = of_call("OriginateResponse", "Response: Failure", "Reason: 0")
BUSY = of_call("Hangup", "Cause: 17")
RINGING = of_call("Newstate", "ChannelState: 5")
DIAL_END = block("Event: DialEnd", f"DestUniqueid: {CALL}", "DialStatus: BUSY")


class Asterisk:
    """The adapter, and the other end of its link."""

    def __init__(self, server: FakeAmi, telephony: AsteriskTelephony, told: list[Event]) -> None:
        self.server, self.telephony, self.told = server, telephony, told

    async def says(self, *messages: bytes) -> None:
        link = await self._events_link()
        for message in messages:
            link.send(message)
        await asyncio.sleep(ON_THE_WAY)

    async def _events_link(self) -> Link:
        await self.telephony.wait_up()
        return next(link for link in reversed(self.server.links) if link.mask not in (None, "off"))

    def ends(self) -> list[Event]:
        return [event for event in self.told if isinstance(event, CallEnded | CallRefused)]

    def calls(self) -> list[CallId]:
        return [event.call_id for event in self.ends() if isinstance(event, CallEvent)]


@asynccontextmanager
async def asterisk() -> AsyncIterator[Asterisk]:
    told: list[Event] = []
    async with FakeAmi() as server:
        telephony = AsteriskTelephony(
            AmiEndpoint(host="asterisk", username=USERNAME, secret=SECRET, port=server.port),
            clock=VirtualClock(),
            random=Random(1),
            on_event=told.append,
            on_up=lambda node: None,
            on_down=lambda node, reason: None,
        )
        telephony.start()
        try:
            yield Asterisk(server, telephony, told)
        finally:
            await telephony.close()


def played(story: Callable[[Asterisk], Awaitable[None]]) -> None:
    """In virtual time, over a network in memory."""

    async def run() -> None:
        async with asterisk() as at:
            await story(at)

    with asyncio.Runner(loop_factory=lambda: WireLoop(Plan())) as runner:
        runner.run(run())


def assert_busy(at: Asterisk) -> None:
    (end,) = at.ends()
    assert isinstance(end, CallEnded)
    assert (end.call_id, end.cause) == (CALL, 17)


@pytest.mark.parametrize(
    "order",
    [
        [NEW, FAILED, BUSY],
        [NEW, BUSY, FAILED],
        [FAILED, NEW, BUSY],
        [FAILED, NEW, RINGING, DIAL_END, BUSY],
        [FAILED, BUSY],
    ],
)
def test_whatever_the_order_a_busy_telephone_is_busy(order: list[bytes]) -> None:
    async def story(at: Asterisk) -> None:
        await at.says(*order)
        await asyncio.sleep(2 * HOLD_SECONDS)
        assert_busy(at)

    played(story)


@pytest.mark.parametrize("first", [NEW, RINGING, DIAL_END, BUSY])
def test_whatever_is_heard_first_of_the_channel_shows_that_there_was_one(first: bytes) -> None:
    async def story(at: Asterisk) -> None:
        await at.says(FAILED)
        await asyncio.sleep(HOLD_SECONDS - 10 * ON_THE_WAY)
        await at.says(first)
        await asyncio.sleep(10 * HOLD_SECONDS)
        assert not any(isinstance(event, CallRefused) for event in at.told)

    played(story)


def test_a_call_that_never_was_a_channel_is_refused_after_the_hold() -> None:
    async def story(at: Asterisk) -> None:
        await at.says(FAILED, of_call("Newchannel", call=OTHER))
        await asyncio.sleep(HOLD_SECONDS - 10 * ON_THE_WAY)
        assert at.told == []
        await asyncio.sleep(20 * ON_THE_WAY)
        (refused,) = at.told
        assert isinstance(refused, CallRefused)
        assert (refused.call_id, refused.reason) == (CALL, NO_CHANNEL)
        assert abs((VirtualClock().now() - refused.at).total_seconds()) < 1  # when it was told

    played(story)


def test_a_link_that_is_lost_in_the_hold_takes_the_refusal_with_it() -> None:
    """What would have shown the channel may be lost too: reconciling tells, and it never says that nothing rang."""

    async def story(at: Asterisk) -> None:
        await at.says(FAILED)
        for link in at.server.links:
            link.abort()
        await asyncio.sleep(20 * HOLD_SECONDS)
        await at.says(of_call("Newstate", "ChannelState: 5", call=OTHER))
        (ringing,) = at.told  # the link is back, and this is all that was told
        assert isinstance(ringing, CallRinging)

    played(story)


def _merged(draw: st.DrawFn, *stories: list[bytes]) -> list[bytes]:
    """The stories into one another, each in its own order."""
    places = [n for n, story in enumerate(stories) for _ in story]
    rest: list[Iterator[bytes]] = [iter(story) for story in stories]
    return [next(rest[n]) for n in draw(st.permutations(places))]


@st.composite
def two_busy_calls(draw: st.DrawFn) -> list[bytes]:
    """What is told of each channel keeps its order; the responses come anywhere in between."""
    channels = [
        [of_call(event, *lines, call=call) for event, lines in TELLS if event in chosen]
        for call, chosen in zip((CALL, OTHER), (draw(_CHOSEN), draw(_CHOSEN)), strict=True)
    ]
    responses = [
        [of_call("OriginateResponse", "Response: Failure", "Reason: 0", call=call)]
        for call in (CALL, OTHER)
    ]
    return _merged(draw, *channels, *responses)


TELLS = (
    ("Newchannel", ()),
    ("Newstate", ("ChannelState: 5",)),
    ("HangupRequest", ("Cause: 17",)),
    ("Hangup", ("Cause: 17",)),
)
_CHOSEN = st.sets(st.sampled_from(["Newstate", "HangupRequest"])).map(
    lambda chosen: chosen | {"Newchannel", "Hangup"}
)


@given(two_busy_calls(), st.lists(st.sampled_from([0.0, 0.3, 1.0]), min_size=10, max_size=10))
def test_any_order_within_the_hold_ends_each_call_once(
    messages: list[bytes], pauses: list[float]
) -> None:
    async def story(at: Asterisk) -> None:
        left = 0.9 * HOLD_SECONDS
        for message, pause in zip(messages, itertools.cycle(pauses), strict=False):
            await at.says(message)
            await asyncio.sleep(min(pause, max(left, 0.0)))
            left -= pause + ON_THE_WAY
        await asyncio.sleep(2 * HOLD_SECONDS)
        assert sorted(at.calls()) == [CALL, OTHER]
        assert not any(isinstance(event, CallRefused) for event in at.told)

    played(story)
