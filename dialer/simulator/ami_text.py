"""What is seen of the world, as the text of AMI events: Asterisk 22, as asterisk_conf/pbx/manager.conf lets its events through
(time stamps on; no BridgeCreate, BridgeDestroy, SoftHangupRequest, VarSet, Newexten)."""

from collections.abc import Callable, Mapping

from dialer.simulator.carrier import REASON_ANSWERED
from dialer.simulator.switch import Bridge, Channel, ChannelState, Order, Watcher

STATE_WORDS = {
    ChannelState.DOWN: "Down",
    ChannelState.RING: "Ring",
    ChannelState.RINGING: "Ringing",
    ChannelState.UP: "Up",
}
CAUSE_WORDS = {
    0: "Unknown",
    1: "Unallocated (unassigned) number",
    16: "Normal Clearing",
    17: "User busy",
    19: "User alerting, no answer",
    21: "Call Rejected",
    34: "Circuit/channel congestion",
}
TECH_CAUSES = {1: 404, 17: 486, 21: 603, 34: 503}

Emit = Callable[[str, str, str], None]
"""(event class, event name, the event's own headers) -> to whoever listens."""


def snapshot(channel: Channel, prefix: str = "") -> str:
    """The headers that every event about a channel carries."""
    name = prefix
    number = channel.number if channel.agent else "<unknown>"
    other = channel.caller_id or "<unknown>"
    return (
        f"{name}Channel: {channel.name}\r\n"
        f"{name}ChannelState: {int(channel.state)}\r\n"
        f"{name}ChannelStateDesc: {STATE_WORDS[channel.state]}\r\n"
        f"{name}CallerIDNum: {number}\r\n"
        f"{name}CallerIDName: <unknown>\r\n"
        f"{name}ConnectedLineNum: {other}\r\n"
        f"{name}ConnectedLineName: <unknown>\r\n"
        f"{name}Language: en\r\n"
        f"{name}AccountCode: \r\n"
        f"{name}Context: {channel.context}\r\n"
        f"{name}Exten: {channel.exten}\r\n"
        f"{name}Priority: 1\r\n"
        f"{name}Uniqueid: {channel.unique_id}\r\n"
        f"{name}Linkedid: {channel.unique_id}\r\n"
    )


def bridge_headers(bridge: Bridge) -> str:
    """The headers that every event about a bridge carries."""
    kind, technology, creator, name = "basic", "simple_bridge", "<unknown>", "<unknown>"
    if bridge.holding:
        kind, technology, creator, name = "base", "holding_bridge", "BridgeWait", bridge.name
    return (
        f"BridgeUniqueid: {bridge.unique_id}\r\n"
        f"BridgeType: {kind}\r\n"
        f"BridgeTechnology: {technology}\r\n"
        f"BridgeCreator: {creator}\r\n"
        f"BridgeName: {name}\r\n"
        f"BridgeNumChannels: {len(bridge.members)}\r\n"
        "BridgeVideoSourceMode: none\r\n"
    )


def causes(cause: int) -> str:
    lines = f"Cause: {cause}\r\n"
    if cause in TECH_CAUSES:
        lines += f"TechCause: {TECH_CAUSES[cause]}\r\n"
    return lines


class AmiNarrator(Watcher):
    """Tells everything it sees to `emit`, as AMI events without the stamp that the server puts on them."""

    def __init__(self, emit: Emit) -> None:
        self._emit = emit

    def channel_opened(self, channel: Channel) -> None:
        self._tell("call", "Newchannel", snapshot(channel))

    def state_changed(self, channel: Channel) -> None:
        self._tell("call", "Newstate", snapshot(channel))

    def dialled(self, channel: Channel, step: str, status: str) -> None:
        body = snapshot(channel, "Dest")
        if step == "Begin":
            body += f"DialString: {channel.number}@{endpoint_of(channel)}\r\n"
        else:
            body += f"DialStatus: {status}\r\n"
        self._tell("call", f"Dial{step}", body)

    def said(self, channel: Channel, name: str, headers: Mapping[str, str]) -> None:
        body = f"{snapshot(channel)}UserEvent: {name}\r\n"
        body += "".join(f"{key}: {value}\r\n" for key, value in headers.items())
        self._tell("user", "UserEvent", body)

    def entered(self, bridge: Bridge, channel: Channel) -> None:
        self._tell("call", "BridgeEnter", bridge_headers(bridge) + snapshot(channel))

    def left(self, bridge: Bridge, channel: Channel) -> None:
        self._tell("call", "BridgeLeave", bridge_headers(bridge) + snapshot(channel))

    def hangup_requested(self, channel: Channel, cause: int) -> None:
        self._tell("call", "HangupRequest", snapshot(channel) + causes(cause))

    def closed(self, channel: Channel) -> None:
        words = CAUSE_WORDS.get(channel.cause, "Unknown")
        body = f"{snapshot(channel)}{causes(channel.cause)}Cause-txt: {words}\r\n"
        self._tell("call", "Hangup", body)

    def originated(self, order: Order, channel: Channel | None, reason: int) -> None:
        response = "Success" if reason == REASON_ANSWERED else "Failure"
        name = channel.name if channel is not None else f"PJSIP/{order.number}@{order.endpoint}"
        action = f"ActionID: {order.tag}\r\n" if order.tag else ""
        body = (
            f"{action}Response: {response}\r\nChannel: {name}\r\nContext: {order.context}\r\n"
            f"Exten: {order.exten}\r\nReason: {reason}\r\nUniqueid: {order.unique_id}\r\n"
            f"CallerIDNum: {order.caller_id or '<unknown>'}\r\nCallerIDName: <unknown>\r\n"
        )
        self._tell("call", "OriginateResponse", body)

    def _tell(self, privilege: str, event: str, body: str) -> None:
        self._emit(privilege, event, body)


def endpoint_of(channel: Channel) -> str:
    return channel.name.removeprefix("PJSIP/").rpartition("-")[0]
