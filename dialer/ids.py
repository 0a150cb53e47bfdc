"""Identifiers: one NewType per kind of thing, so that one cannot be passed for another."""

from datetime import datetime
from random import Random
from typing import NewType

TeamId = NewType("TeamId", str)
CampaignId = NewType("CampaignId", str)
LeadId = NewType("LeadId", str)
ListId = NewType("ListId", int)
"""The number of a list in its campaign."""
TrunkId = NewType("TrunkId", str)
ClientId = NewType("ClientId", str)
"""A company on whose behalf people are called."""
AgentId = NewType("AgentId", str)
"""An agent's code: the digits that the agent dials to log in."""
CallId = NewType("CallId", str)
"""UUIDv7 text. The same id names the attempt in the store and the channel in Asterisk."""
CallbackId = NewType("CallbackId", str)
"""The id of the call in which the callback was agreed."""
NodeId = NewType("NodeId", str)
"""The name that the settings give to one Asterisk server."""

MAIN_CLIENT = ClientId("main")
"""The client of a centre that calls for itself."""

ONLY_NODE = NodeId("asterisk")
"""The server's name where there is one and the settings give it none."""


def uuid7(at: datetime, random: Random) -> str:
    """A UUID version 7 (RFC 9562, section 5.7) for the instant `at`: sorts by time to the millisecond."""
    milliseconds = int(at.timestamp() * 1000) & (2**48 - 1)
    value = milliseconds << 80 | 7 << 76 | random.getrandbits(12) << 64
    value |= 0b10 << 62 | random.getrandbits(62)
    text = f"{value:032x}"
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))
