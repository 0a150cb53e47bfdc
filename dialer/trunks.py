"""Trunks: the ways out to the telephone network. What each can carry, how it wants numbers written, and as whom it calls.

A trunk is a thing with a name, not a word in a campaign: campaigns and teams share it, so its lines and its calls per second
are counted over all of them, in the store, where attempts are opened (adapters/opening.py). Which trunk a call takes is
decided in trunk_board.py.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from zlib import crc32

from dialer.ids import TrunkId
from dialer.phones import as_dialled_in, country_of

DEFAULT_TRUNK = TrunkId("dialer-trunk")
NUMBER = "{number}"

_PJSIP = re.compile(r"PJSIP/[^@/]*@(?P<endpoint>[^/@]+)")


class NumberFormat(StrEnum):
    """How a trunk wants +390612345678 written."""

    PLUS_E164 = "plus_e164"  # +390612345678
    E164 = "e164"  # 390612345678
    INTERNATIONAL = "international"  # 00390612345678
    NATIONAL = "national"  # 0612345678: as somebody dials in the trunk's country


@dataclass(frozen=True, kw_only=True, slots=True)
class Trunk:
    """One way out. Limits that are None do not bind. A smaller `priority` is taken first; among equals, `weight` shares."""

    trunk_id: TrunkId
    dial: str = ""  # Asterisk's dial string, {number} in it; empty: PJSIP/{number}@<trunk_id>
    number_format: NumberFormat = NumberFormat.PLUS_E164
    prefix: str = ""  # digits before the formatted number
    country: str = ""  # ISO 3166, where the trunk stands
    prefixes: tuple[str, ...] = ()  # of E.164 numbers, plus sign included
    lines: int | None = None  # calls at once
    calls_per_second: float | None = None
    caller_ids: tuple[str, ...] = ()  # E.164
    priority: int = 1
    weight: int = 1
    nodes: tuple[str, ...] = ()  # the Asterisk servers that have it; empty: all

    def match(self, phone: str) -> int | None:
        """How closely the trunk is meant for this E.164 number, in digits; None: it does not serve it.

        Its `prefixes` say what it serves. Without any it serves the numbers of its `country`; without that, all.
        """
        if self.prefixes:
            lengths = [len(prefix) for prefix in self.prefixes if phone.startswith(prefix)]
            return max(lengths, default=None)
        if self.country:
            return 1 if country_of(phone) == self.country else None
        return 0

    def is_on(self, node: str | None) -> bool:
        """Whether the Asterisk server `node` has it (None: there is but one)."""
        return node is None or not self.nodes or node in self.nodes

    def dial_string(self, phone: str) -> str:
        """What Asterisk is to dial for this E.164 number."""
        number = self.prefix + written(phone, self.number_format, self.country)
        return self.template.replace(NUMBER, number)

    @property
    def template(self) -> str:
        return self.dial or f"PJSIP/{NUMBER}@{self.trunk_id}"

    @property
    def endpoint(self) -> str | None:
        """The PJSIP endpoint that it dials through; None: its dial string names none."""
        found = _PJSIP.fullmatch(self.template)
        return found["endpoint"] if found else None

    def caller_id_for(self, phone: str) -> str:
        """The caller id that this number sees: always the same one while the set stays as it is, so that a person who is
        tried again, or calls back, knows the number. The one that shares the longest beginning with the called number (local
        presence); among several of these, one by the number's checksum, so that all of them are used evenly."""
        if not self.caller_ids:
            return ""
        shared = {each: _common(each, phone) for each in self.caller_ids}
        nearest = [each for each in self.caller_ids if shared[each] == max(shared.values())]
        return nearest[crc32(phone.encode()) % len(nearest)]

    @property
    def rate(self) -> tuple[int, timedelta] | None:
        """At most so many calls begin within any stretch of this length: whole calls a second, or under one a second one
        call in the time that it takes. None: no limit."""
        if self.calls_per_second is None:
            return None
        if self.calls_per_second < 1:
            return 1, timedelta(seconds=1 / self.calls_per_second)
        return int(self.calls_per_second), timedelta(seconds=1)

    @property
    def is_limited(self) -> bool:
        return self.lines is not None or self.calls_per_second is not None


def written(phone: str, style: NumberFormat, country: str) -> str:
    """An E.164 number as a trunk wants it. A foreign number in NATIONAL is written as it is dialled in `country`, with its
    exit code."""
    match style:
        case NumberFormat.PLUS_E164:
            return phone
        case NumberFormat.E164:
            return phone.removeprefix("+")
        case NumberFormat.INTERNATIONAL:
            return "00" + phone.removeprefix("+")
        case NumberFormat.NATIONAL:
            return as_dialled_in(country, phone)


def named(names: Collection[TrunkId], known: Collection[Trunk]) -> tuple[Trunk, ...]:
    """The trunks of these names, in their order. A name that is not known stands for the PJSIP endpoint of that name, with
    no limits of its own."""
    by_name = {trunk.trunk_id: trunk for trunk in known}
    return tuple(by_name.get(name) or Trunk(trunk_id=name) for name in names)


def _common(one: str, other: str) -> int:
    length = 0
    for mine, theirs in zip(one, other, strict=False):
        if mine != theirs:
            break
        length += 1
    return length
