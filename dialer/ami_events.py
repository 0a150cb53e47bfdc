"""AMI messages -> events of the rulebook. Foreign words are translated here, once. No socket, no clock.

Theory of operation. `ChannelId` made each customer channel's Uniqueid our own attempt id, so a call's events name their call.
An agent's leg is an inbound channel: its id is learnt from `UserEvent DialerAgentIn` (or from the list of channels after a
new link). A talk is known by its bridge: when a call's leg and an agent's leg are in one bridge, they can talk.

Instants are Asterisk's own (`Timestamp`), moved onto our clock by the smallest difference seen lately, so that a machine whose
clock is off does not move the legal limit. docs/reference/dialplan-protocol.md is the contract.
"""

import re
from collections import deque
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Protocol

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
    Screening,
    TalkEnded,
)
from dialer.ids import ONLY_NODE, AgentId, CallId, NodeId

AGENT_CONTEXT = "dialer-agent"
_CALL_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\Z")

SCREENINGS = {"HUMAN": Screening.HUMAN, "MACHINE": Screening.MACHINE}
"""AMDSTATUS; NOTSURE, HANGUP and nothing at all are UNSURE."""


class AmiEvent(Protocol):
    """What we read of an AMI event; header names in any spelling."""

    name: str

    def first(self, name: str, default: str = "") -> str: ...


def is_call_id(text: str) -> bool:
    """A UUIDv7 as `ids.uuid7` writes it: one of our own channels."""
    return _CALL_ID.match(text) is not None


class ExchangeClock:
    """Asterisk's `Timestamp` on our clock: the smallest difference between hearing and happening, of the latest events."""

    def __init__(self, memory: int = 500) -> None:
        self._differences: deque[float] = deque(maxlen=memory)
        self._offset: float | None = None

    def at(self, stamp: str, heard_at: datetime) -> datetime:
        """When the event happened, never after it was heard; `heard_at` where there is no stamp."""
        try:
            stamped = float(stamp)
        except ValueError:
            return heard_at
        difference = heard_at.timestamp() - stamped
        full = len(self._differences) == self._differences.maxlen
        leaving = self._differences[0] if full else None
        self._differences.append(difference)
        if self._offset is None or difference < self._offset:
            self._offset = difference
        elif leaving is not None and leaving <= self._offset:
            self._offset = min(self._differences)
        return min(datetime.fromtimestamp(stamped + self._offset, UTC), heard_at)


class EventTranslator:
    """Of one Asterisk and one life of its links. Feed every event in order."""

    def __init__(self, clock: ExchangeClock | None = None, node: NodeId = ONLY_NODE) -> None:
        self._clock = clock or ExchangeClock()
        self._node = node
        self._agents: dict[str, AgentId] = {}  # leg id -> agent
        # Calls that have become a channel, and those whose Originate was answered before that was heard: until both are.
        self._channels: set[str] = set()
        self._answered: set[str] = set()
        self._bridges: dict[str, set[str]] = {}  # bridge -> leg ids and call ids in it

    def learn(self, legs: Iterable[tuple[str, AgentId]], calls: Iterable[CallId]) -> None:
        """What is up already when the link comes up."""
        self._agents.update(legs)
        self._channels.update(calls)

    def translate(self, message: AmiEvent, heard_at: datetime) -> list[Event]:
        """The events that this message means; most messages mean none."""
        reader = _READERS.get(message.name)
        if reader is None:
            return []
        at = self._clock.at(message.first("Timestamp"), heard_at)
        return reader(self, message, at)

    def _newchannel(self, message: AmiEvent, at: datetime) -> list[Event]:
        unique = message.first("Uniqueid")
        if unique in self._answered:
            self._answered.discard(unique)
        elif is_call_id(unique):
            self._channels.add(unique)
        return []

    def forget(self, call_id: CallId) -> None:
        """No channel of this call will come."""
        self._answered.discard(call_id)

    def _newstate(self, message: AmiEvent, at: datetime) -> list[Event]:
        call_id = message.first("Uniqueid")
        if not is_call_id(call_id):
            return []
        match message.first("ChannelState"):
            case "5":
                return [CallRinging(call_id=CallId(call_id), at=at)]
            case "6":
                return [CallAnswered(call_id=CallId(call_id), at=at)]
            case _:
                return []

    def _dial_state(self, message: AmiEvent, at: datetime) -> list[Event]:
        """Many carriers send the ringing tone as sound (183 with early media) and never 180: the telephone rings."""
        call_id = message.first("DestUniqueid")
        if message.first("DialStatus") != "PROGRESS" or not is_call_id(call_id):
            return []
        return [CallRinging(call_id=CallId(call_id), at=at)]

    def _user_event(self, message: AmiEvent, at: datetime) -> list[Event]:
        unique = message.first("Uniqueid")
        name = message.first("UserEvent")
        if is_call_id(unique):
            event = _call_user_event(name, CallId(unique), message, at)
            return [event] if event is not None else []
        if name not in ("DialerAgentIn", "DialerAgentBack"):
            return []
        agent_id = AgentId(message.first("Agent"))
        self._agents[unique] = agent_id
        if name == "DialerAgentBack":
            return [AgentReturned(agent_id=agent_id, leg_id=unique, node=self._node, at=at)]
        leg = message.first("Channel")
        return [AgentLoggedIn(agent_id=agent_id, leg=leg, leg_id=unique, node=self._node, at=at)]

    def _bridge_enter(self, message: AmiEvent, at: datetime) -> list[Event]:
        unique = message.first("Uniqueid")
        if unique not in self._agents and not is_call_id(unique):
            return []
        members = self._bridges.setdefault(message.first("BridgeUniqueid"), set())
        members.add(unique)
        calls = [CallId(member) for member in members if member not in self._agents]
        agents = [self._agents[member] for member in members if member in self._agents]
        if len(calls) == 1 and len(agents) == 1:
            return [CallBridged(call_id=calls[0], agent_id=agents[0], at=at)]
        return []

    def _bridge_leave(self, message: AmiEvent, at: datetime) -> list[Event]:
        bridge = message.first("BridgeUniqueid")
        members = self._bridges.get(bridge)
        if members is not None:
            members.discard(message.first("Uniqueid"))
            if not members:
                del self._bridges[bridge]
        return []

    def _hangup(self, message: AmiEvent, at: datetime) -> list[Event]:
        unique = message.first("Uniqueid")
        if is_call_id(unique):
            cause = message.first("Cause")
            code = int(cause) if cause.isdigit() else 0
            return [CallEnded(call_id=CallId(unique), cause=code, at=at)]
        agent_id = self._agents.pop(unique, None)
        if agent_id is None:
            return []
        return [AgentLoggedOut(agent_id=agent_id, leg_id=unique, node=self._node, at=at)]

    def _originate_response(self, message: AmiEvent, at: datetime) -> list[Event]:
        """Only a call that never became a channel ends here; any other tells its end by Hangup, in either order.

        The response may overtake all that is told of the channel: whoever hears CallRefused waits a little before believing
        it (`adapters/held_refusals.py`), and calls `forget` when nothing has come.
        """
        unique = message.first("Uniqueid")
        if not is_call_id(unique):
            return []
        if unique in self._channels:
            self._channels.discard(
                unique
            )  # one response a call: its memory ends here, not at Hangup
            return []
        self._answered.add(unique)
        if message.first("Response") != "Failure":
            return []
        return [CallRefused(call_id=CallId(unique), reason=NO_CHANNEL, at=at)]


def _call_user_event(name: str, call_id: CallId, message: AmiEvent, at: datetime) -> Event | None:
    match name:
        case "DialerWaiting":
            return CallWaiting(call_id=call_id, at=at)
        case "DialerScreened":
            verdict = SCREENINGS.get(message.first("Status"), Screening.UNSURE)
            return CallScreened(call_id=call_id, verdict=verdict, at=at)
        case "DialerAbandoned":
            return CallAbandoned(call_id=call_id, at=at)
        case "DialerTalkEnded":
            return TalkEnded(call_id=call_id, at=at)
        case "DialerBridgeFailed":
            agent_id, reason = AgentId(message.first("Agent")), message.first("Result")
            return BridgeFailed(call_id=call_id, agent_id=agent_id, reason=reason, at=at)
        case _:
            return None


_READERS = {
    "Newchannel": EventTranslator._newchannel,
    "Newstate": EventTranslator._newstate,
    "DialState": EventTranslator._dial_state,
    "UserEvent": EventTranslator._user_event,
    "BridgeEnter": EventTranslator._bridge_enter,
    "BridgeLeave": EventTranslator._bridge_leave,
    "Hangup": EventTranslator._hangup,
    "OriginateResponse": EventTranslator._originate_response,
}
