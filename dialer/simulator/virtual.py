"""Face A: the world in virtual time. Nothing moves unless the driver says so; what happened comes back as events."""

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import partial
from random import Random

from dialer.commands import BridgeToAgent, PlaceCall
from dialer.errors import NotFoundError, TelephonyRefusedError
from dialer.events import (
    NO_CHANNEL,
    AgentLoggedIn,
    AgentLoggedOut,
    AgentReturned,
    BridgeFailed,
    CallAbandoned,
    CallAnswered,
    CallBridged,
    CallEnded,
    CallRefused,
    CallRinging,
    CallScreened,
    CallWaiting,
    Event,
    Fate,
    Screening,
    TalkEnded,
)
from dialer.ids import ONLY_NODE, AgentId, CallId, NodeId
from dialer.ports import AgentLeg, CallLeg, ChannelsUp, Clock, EventSink
from dialer.simulator.people import People
from dialer.simulator.scenario import Scenario
from dialer.simulator.switch import Bridge, Channel, ChannelState, Order, Watcher
from dialer.simulator.world import World

VERDICTS = {
    "HUMAN": Screening.HUMAN,
    "MACHINE": Screening.MACHINE,
    "NOTSURE": Screening.UNSURE,
}


class VirtualExchange(Watcher):
    """An exchange whose time is the driver's.

    Commands act at `now`; their immediate consequences, like everything else, are in the next `take` or `advance_to`.
    """

    def __init__(
        self,
        scenario: Scenario,
        *,
        seed: int,
        start: datetime,
        people: People | None = None,
        node: NodeId = ONLY_NODE,
    ) -> None:
        self._start, self._node = start, node
        self._events: list[Event] = []
        self._announced: set[str] = set()
        self._noise, self._told_at = Random(f"{seed}/wire"), 0.0
        self.world = World(scenario, self, seed=seed, people=people, epoch=int(start.timestamp()))

    # --- time -----------------------------------------------------------------------------------------------------

    @property
    def now(self) -> datetime:
        return self._start + timedelta(seconds=self.world.now)

    def next_at(self) -> datetime | None:
        """When something happens by itself; never before `now`."""
        instant = self.world.next_at()
        if instant is None:
            return None
        # Rounded up to the microsecond, so that advancing to it makes it happen.
        return self._start + timedelta(microseconds=-(-instant * 1e6 // 1))

    def advance_to(self, instant: datetime) -> list[Event]:
        """Let everything happen up to `instant`; returns the events since the last call, in order."""
        self.world.advance_to((instant - self._start).total_seconds())
        return self.take()

    def take(self) -> list[Event]:
        """The events since the last call, time standing still."""
        events, self._events = self._events, []
        return events

    # --- commands -------------------------------------------------------------------------------------------------

    def place(self, call: PlaceCall) -> None:
        self.world.originate(originate_of(call))

    def bridge(self, order: BridgeToAgent) -> None:
        """Send the call to the agent, once; no talk comes back as BridgeFailed. Raises TelephonyRefusedError."""
        try:
            self.world.redirect(order.call_id, order.agent_id)
        except NotFoundError as error:
            raise TelephonyRefusedError(str(error)) from error

    def hang_up(self, channel: str) -> None:
        """One that is gone already is no error."""
        try:
            self.world.hang_up(channel)
        except NotFoundError:
            return

    def channels_up(self) -> ChannelsUp:
        channels = list(self.world.channels())
        legs = tuple(
            AgentLeg(
                agent_id=AgentId(leg.agent),
                leg=leg.name,
                leg_id=leg.unique_id,
                waiting=leg.talk is None,
            )
            for leg in channels
            if leg.agent and leg.state is ChannelState.UP
        )
        calls = tuple(_call_leg(each) for each in channels if not each.agent)
        return ChannelsUp(calls=calls, agents=legs, at=self.now)

    def fate(self, call_id: CallId) -> Fate:
        return Fate.ABANDONED if self.world.abandoned(call_id) else Fate.UNKNOWN

    # --- what is seen ---------------------------------------------------------------------------------------------

    def _tell(self, event: Event) -> None:
        """Now, or when the wire has brought it, if ever."""
        wire = self.world.scenario.wire
        if wire.is_perfect:
            self._events.append(event)
        elif not isinstance(event, CallEnded) or self._noise.random() >= wire.lost_ends:
            arrival = self.world.now + wire.delay.draw(self._noise)
            self._told_at = max(self._told_at, arrival)
            self.world.schedule.at(self._told_at, partial(self._arrives, event))

    def _arrives(self, event: Event) -> None:
        self._events.append(event)

    def state_changed(self, channel: Channel) -> None:
        if channel.agent:
            return
        call_id = CallId(channel.unique_id)
        if channel.state is ChannelState.RINGING:
            self._tell(CallRinging(at=self.now, call_id=call_id))
        elif channel.state is ChannelState.UP:
            self._tell(CallAnswered(at=self.now, call_id=call_id))

    def said(self, channel: Channel, name: str, headers: Mapping[str, str]) -> None:
        at, call_id = self.now, CallId(channel.unique_id)
        agent_id = AgentId(channel.agent)
        match name:
            case "DialerScreened":
                verdict = VERDICTS[headers["Status"]]
                self._tell(CallScreened(at=at, call_id=call_id, verdict=verdict))
            case "DialerWaiting":
                self._tell(CallWaiting(at=at, call_id=call_id))
            case "DialerAbandoned":
                self._tell(CallAbandoned(at=at, call_id=call_id))
            case "DialerBridgeFailed":
                self._tell(
                    BridgeFailed(
                        at=at,
                        call_id=call_id,
                        agent_id=AgentId(headers["Agent"]),
                        reason=headers["Result"],
                    )
                )
            case "DialerTalkEnded":
                self._tell(TalkEnded(at=at, call_id=call_id))
            case "DialerAgentIn":
                self._announced.add(channel.unique_id)
                self._tell(
                    AgentLoggedIn(
                        at=at,
                        agent_id=agent_id,
                        leg=channel.name,
                        leg_id=channel.unique_id,
                        node=self._node,
                    )
                )
            case "DialerAgentBack":
                self._tell(
                    AgentReturned(
                        at=at, agent_id=agent_id, leg_id=channel.unique_id, node=self._node
                    )
                )
            case _:
                pass

    def entered(self, bridge: Bridge, channel: Channel) -> None:
        if bridge.holding or len(bridge.members) < 2:
            return
        agents = [leg.agent for leg in bridge.members if leg.agent]
        calls = [leg.unique_id for leg in bridge.members if not leg.agent]
        if agents and calls:
            self._tell(
                CallBridged(at=self.now, call_id=CallId(calls[0]), agent_id=AgentId(agents[0]))
            )

    def closed(self, channel: Channel) -> None:
        at = self.now
        if not channel.agent:
            self._tell(CallEnded(at=at, call_id=CallId(channel.unique_id), cause=channel.cause))
        elif channel.unique_id in self._announced:
            self._announced.discard(channel.unique_id)
            self._tell(
                AgentLoggedOut(
                    at=at,
                    agent_id=AgentId(channel.agent),
                    leg_id=channel.unique_id,
                    node=self._node,
                )
            )

    def originated(self, order: Order, channel: Channel | None, reason: int) -> None:
        if channel is None:
            self._tell(CallRefused(at=self.now, call_id=CallId(order.unique_id), reason=NO_CHANNEL))


def originate_of(call: PlaceCall) -> Order:
    """The Originate that the product sends for a call."""
    rule = call.answer_rule
    return Order(
        unique_id=call.call_id,
        number=call.phone,
        endpoint=call.trunk,
        timeout=call.ring_timeout.total_seconds(),
        caller_id=call.caller_id,
        variables={
            "DIALER_LIMIT_MS": str(round(rule.limit / timedelta(milliseconds=1))),
            "DIALER_ACTION": rule.action.value,
            "DIALER_NOISE": rule.noise,
            "DIALER_MESSAGE": rule.message,
            "DIALER_AMD": "1" if rule.screen else "0",
        },
    )


def _call_leg(channel: Channel) -> CallLeg:
    partner = channel.talk.other(channel).agent if channel.talk is not None else ""
    return CallLeg(
        call_id=CallId(channel.unique_id),
        answered=channel.state is ChannelState.UP,
        agent_id=AgentId(partner) if partner else None,
    )


class VirtualTelephony:
    """The Telephony port over a VirtualExchange, on a clock that somebody else moves; `run` delivers to `sink`."""

    def __init__(self, exchange: VirtualExchange, clock: Clock, sink: EventSink) -> None:
        self._exchange, self._clock, self._sink = exchange, clock, sink
        self._changed = asyncio.Event()

    async def run(self) -> None:
        """Deliver events as their time comes, until cancelled."""
        while True:
            self._deliver()
            self._changed.clear()
            due = self._exchange.next_at()
            left = None if due is None else (due - self._clock.now()).total_seconds()
            try:
                async with asyncio.timeout(left):
                    await self._changed.wait()
            except TimeoutError:
                continue

    def _deliver(self) -> None:
        for event in self._exchange.advance_to(self._clock.now()):
            self._sink(event)

    def _before(self) -> None:
        self._deliver()
        self._changed.set()

    async def place(self, call: PlaceCall) -> None:
        self._before()
        self._exchange.place(call)

    async def bridge(self, order: BridgeToAgent) -> None:
        self._before()
        self._exchange.bridge(order)

    async def hang_up(self, channel: str) -> None:
        self._before()
        self._exchange.hang_up(channel)

    async def channels_up(self) -> ChannelsUp:
        self._before()
        return self._exchange.channels_up()

    async def fate(self, call_id: CallId) -> Fate:
        self._before()
        return self._exchange.fate(call_id)
