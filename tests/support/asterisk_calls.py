"""Calls on the real pair, as a server would place them."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass

from asterisk_conf.numbering import FarEndBehaviour, encode
from tests.support.raw_ami import Message, RawAmi

ITALY = {
    "DIALER_LIMIT_MS": "2950",
    "DIALER_ACTION": "hangup",
    "DIALER_NOISE": "dialer-noise",
    "DIALER_MESSAGE": "",
    "DIALER_AMD": "0",
    "DIALER_TONE": "0",
}
USA = ITALY | {
    "DIALER_LIMIT_MS": "1950",
    "DIALER_ACTION": "message",
    "DIALER_MESSAGE": "dialer/message-en",
}


@dataclass
class Call:
    """One customer's call; everything is told by its attempt id."""

    pbx: RawAmi
    id: str
    number: str

    async def event(self, name: str, *, timeout: float = 15, **headers: str) -> Message:
        return await self.pbx.event(name, timeout=timeout, Uniqueid=self.id, **headers)

    def all(self, name: str) -> list[Message]:
        return self.pbx.all(name, Uniqueid=self.id)

    async def answered(self) -> Message:
        return await self.event("Newstate", ChannelStateDesc="Up")

    async def join(self, code: str) -> Message:
        return await self.pbx.send("Redirect", *self.join_headers(code))

    def join_headers(self, code: str) -> tuple[tuple[str, str], ...]:
        where = (("Context", "dialer-talk"), ("Exten", code), ("Priority", "1"))
        return (("Channel", self.id), *where)

    async def talking(self, code: str) -> Message:
        """The later of both legs' BridgeEnter."""
        mine = await self.event("BridgeEnter", BridgeTechnology="simple_bridge")
        theirs = await self.pbx.event(
            "BridgeEnter",
            BridgeUniqueid=mine["BridgeUniqueid"],
            Context="dialer-agent",
            Exten=code,
        )
        return max(mine, theirs, key=lambda message: message.at)

    async def ended(self, *, timeout: float = 15) -> Message:
        return await self.event("Hangup", timeout=timeout)

    async def audio_port(self) -> int:
        """The far end's UDP port for this call's sound."""
        reply = await self.pbx.send(
            "Getvar", ("Channel", self.id), ("Variable", "CHANNEL(rtp,dest)")
        )
        return int(reply["Value"].rpartition(":")[2])

    async def fate(self) -> str:
        """What the PBX's own database says."""
        before = len(self.pbx.events)
        key = (("Family", "dialer-fate"), ("Key", self.id))
        reply = await self.pbx.send("DBGet", *key)
        if reply["Response"] != "Success":
            return ""
        return (await self.pbx.event("DBGetResponse", after=before, Key=self.id))["Val"]


def attempt_id(at: float | None = None) -> str:
    """A UUID of version 7, of the instant `at`."""
    hexadecimal = f"{round((at or time.time()) * 1000):012x}7{secrets.token_hex(2)[1:]}8{secrets.token_hex(8)[1:]}"
    return "-".join(
        hexadecimal[start:end] for start, end in ((0, 8), (8, 12), (12, 16), (16, 20), (20, 32))
    )


async def place(
    pbx: RawAmi,
    behaviour: FarEndBehaviour,
    variables: dict[str, str],
    *,
    trunk: str = "far-end",
    ring_timeout_ms: int = 10_000,
) -> Call:
    call = Call(pbx, attempt_id(), encode(behaviour))
    reply = await pbx.send(
        "Originate",
        ("Channel", f"PJSIP/{call.number}@{trunk}"),
        ("ChannelId", call.id),
        ("Context", "dialer-answered"),
        ("Exten", "s"),
        ("Priority", "1"),
        ("Timeout", str(ring_timeout_ms)),
        ("CallerID", '"0611223344" <0611223344>'),
        ("Async", "true"),
        ("EarlyMedia", "false"),
        *(("Variable", f"{name}={value}") for name, value in variables.items()),
    )
    assert reply["Response"] == "Success", reply
    return call
