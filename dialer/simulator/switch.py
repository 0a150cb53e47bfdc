"""The exchange's channels and bridges, and what can be seen of them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from uuid import UUID

from dialer.simulator.people import Encounter
from dialer.simulator.schedule import Action, Schedule, Timer

NORMAL_CLEARING = 16
FATE_FAMILY, OPT_OUT_FAMILY = "dialer-fate", "dialer-opt-out"
AGENT_GLOBAL = "DIALER_AGENT_"
"""GLOBAL(DIALER_AGENT_<code>) names an agent's leg while it is free."""


class ChannelState(IntEnum):
    """Asterisk's numbers."""

    DOWN = 0
    RING = 4
    RINGING = 5
    UP = 6


class CallFate(StrEnum):
    """What the dialplan has noted of a customer's call."""

    NONE = ""
    TALK = "talk"
    TALKED = "talked"
    ABANDONED = "abandoned"


@dataclass(frozen=True, kw_only=True, slots=True)
class Order:
    """An Originate, as far as the world cares. `tag` is the orderer's own mark (an ActionID)."""

    unique_id: str
    number: str
    endpoint: str
    timeout: float
    context: str = "dialer-answered"
    exten: str = "s"
    caller_id: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)
    tag: str = ""


def nothing() -> None:
    """What a channel does where the dialplan says nothing."""


@dataclass(slots=True, eq=False)
class Bridge:
    """A bridge: a holding one (`name` set) or a basic one that joins two legs."""

    unique_id: str
    name: str = ""
    members: list["Channel"] = field(default_factory=list)

    @property
    def holding(self) -> bool:
        return bool(self.name)


@dataclass(slots=True, eq=False)
class Channel:
    """One leg. `agent` is the agent's code on an agent's leg, else empty."""

    name: str
    unique_id: str
    opened_at: float
    context: str
    exten: str
    state: ChannelState = ChannelState.DOWN
    agent: str = ""
    number: str = ""
    caller_id: str = ""
    cause: int = 0
    alive: bool = True
    application: str = ""
    application_data: str = ""
    order: Order | None = None
    encounter: Encounter | None = None
    dial_begun: bool = False
    returns: bool = False  # an agent who put the phone down and will dial in again
    answered_at: float = 0.0
    fate: CallFate = CallFate.NONE
    timeout_at: float | None = None
    variables: dict[str, str] = field(default_factory=dict)
    bridge: Bridge | None = None
    talk: "Talk | None" = None
    resume: Action = nothing  # where the dialplan goes on after a bridge
    on_timeout: Action = nothing  # extension T
    timers: dict[str, Timer] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class Talk:
    """Two legs joined."""

    bridge: Bridge
    legs: tuple[Channel, Channel]

    def other(self, leg: Channel) -> Channel:
        return self.legs[1] if leg is self.legs[0] else self.legs[0]


class Watcher:
    """What can be seen of an exchange, as it happens. Every method does nothing; a face overrides what it tells.

    A watcher only notes: it commands the world afterwards (or by way of the schedule), never from inside a method.
    """

    def channel_opened(self, channel: Channel) -> None:
        """A channel exists."""

    def state_changed(self, channel: Channel) -> None:
        """It rings, or is up."""

    def dialled(self, channel: Channel, step: str, status: str) -> None:
        """`step`: Begin, State or End; `status`: the dial status of the latter two."""

    def said(self, channel: Channel, name: str, headers: Mapping[str, str]) -> None:
        """The dialplan raised a user event."""

    def entered(self, bridge: Bridge, channel: Channel) -> None:
        """A channel is in the bridge."""

    def left(self, bridge: Bridge, channel: Channel) -> None:
        """A channel is out of the bridge."""

    def hangup_requested(self, channel: Channel, cause: int) -> None:
        """The far end hung up."""

    def closed(self, channel: Channel) -> None:
        """The channel is gone, with its cause."""

    def originated(self, order: Order, channel: Channel | None, reason: int) -> None:
        """The order's last word: reason 4 is an answer, 3 a time-out, 0 any other failure."""


class Switch:
    """Channels, bridges and the exchange's own database, on a schedule."""

    def __init__(self, schedule: Schedule, watcher: Watcher) -> None:
        self.schedule, self.watcher = schedule, watcher
        self.channels: dict[str, Channel] = {}  # by unique id
        self.database: dict[tuple[str, str], str] = {}
        self.globals: dict[str, str] = {}
        self._names: dict[str, Channel] = {}
        self._holding: dict[str, Bridge] = {}
        self._channel_count = self._bridge_count = 0
        self.on_close: list[Callable[[Channel], None]] = []

    def find(self, name: str) -> Channel | None:
        """A channel that is up, by name or unique id."""
        return self._names.get(name) or self.channels.get(name)

    def open(self, endpoint: str, unique_id: str, context: str, exten: str) -> Channel:
        """A channel object; `announce` makes it seen."""
        name = f"PJSIP/{endpoint}-{self._channel_count:08x}"
        self._channel_count += 1
        channel = Channel(name, unique_id, self.schedule.now, context, exten)
        self.channels[unique_id] = self._names[name] = channel
        return channel

    def set_state(self, channel: Channel, state: ChannelState) -> None:
        channel.state = state
        self.watcher.state_changed(channel)

    def arm(self, channel: Channel, key: str, instant: float, action: Action) -> None:
        """Do `action` at `instant` unless the channel is gone by then; replaces what was armed under `key`."""
        self.disarm(channel, key)
        channel.timers[key] = self.schedule.at(instant, action)

    def disarm(self, channel: Channel, *keys: str) -> None:
        for key in keys:
            if (timer := channel.timers.pop(key, None)) is not None:
                timer.cancel()

    def set_timeout(self, channel: Channel, instant: float | None) -> None:
        """TIMEOUT(absolute): at `instant` the channel goes to extension T, whatever it does; None: never."""
        channel.timeout_at = instant
        if instant is None:
            self.disarm(channel, "absolute")
        else:
            self.arm(channel, "absolute", instant, lambda: self._time_out(channel))

    def _time_out(self, channel: Channel) -> None:
        channel.timeout_at = None
        channel.on_timeout()

    def say(self, channel: Channel, name: str, headers: Mapping[str, str] | None = None) -> None:
        self.watcher.said(channel, name, headers or {})

    def run(self, channel: Channel, application: str, data: str = "") -> None:
        """The application that the channel is in, for whoever lists channels."""
        channel.application, channel.application_data = application, data

    def open_bridge(self, name: str = "") -> Bridge:
        self._bridge_count += 1
        return Bridge(str(UUID(int=self._bridge_count << 64 | 4 << 76 | 8 << 60)), name)

    def hold(self, channel: Channel, name: str) -> None:
        """Into the holding bridge of that name, which exists as long as somebody is in it."""
        if (bridge := self._holding.get(name)) is None:
            bridge = self._holding[name] = self.open_bridge(name)
        self.enter(bridge, channel)

    def enter(self, bridge: Bridge, channel: Channel) -> None:
        bridge.members.append(channel)
        channel.bridge = bridge
        self.watcher.entered(bridge, channel)

    def leave(self, channel: Channel) -> None:
        """Out of the bridge it is in, if any; a holding bridge that is empty goes."""
        if (bridge := channel.bridge) is None:
            return
        bridge.members.remove(channel)
        channel.bridge = None
        self.watcher.left(bridge, channel)
        if bridge.holding and not bridge.members:
            del self._holding[bridge.name]

    def close(self, channel: Channel, cause: int) -> None:
        """The channel is gone: out of its bridge, its timers dead. Closing it twice does nothing."""
        if not channel.alive:
            return
        channel.alive, channel.cause = False, cause
        self.disarm(channel, *channel.timers)
        for action in self.on_close:
            action(channel)
        self.leave(channel)
        del self.channels[channel.unique_id], self._names[channel.name]
        self.watcher.closed(channel)
