"""Numbers that must not be rung: entries for everybody or for one client, of a number or of all that begin alike; pure."""

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import NamedTuple

from dialer.errors import InvalidInputError
from dialer.ids import ClientId

EVERYBODY = ClientId("")
"""As the client of an entry: it holds for all."""

LONG_AGO = datetime.min.replace(tzinfo=UTC)

_PREFIX = re.compile(r"\+[0-9]{1,15}")


class DncKey(NamedTuple):
    """What an entry is about; there is one entry a key."""

    client_id: ClientId
    digits: str  # with the plus sign: a whole number in E.164, or its beginning
    by_prefix: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class DoNotCall:
    digits: str
    reason: str
    added_at: datetime
    client_id: ClientId = EVERYBODY
    by_prefix: bool = False
    source: str = ""  # where the wish came from: a call, a letter, a file
    who: str = ""  # entered it
    expires_at: datetime | None = None

    @property
    def key(self) -> DncKey:
        return DncKey(self.client_id, self.digits, self.by_prefix)

    def in_force(self, at: datetime) -> bool:
        return self.expires_at is None or at < self.expires_at

    def outlasts(self, other: "DoNotCall") -> bool:
        if other.expires_at is None:
            return False
        return self.expires_at is None or self.expires_at > other.expires_at


class DncAction(StrEnum):
    ADDED = "added"
    REMOVED = "removed"


@dataclass(frozen=True, kw_only=True, slots=True)
class DncChange:
    """A line of the list's history, which is only ever added to."""

    action: DncAction
    key: DncKey
    at: datetime
    who: str
    reason: str
    source: str


def addition(entry: DoNotCall) -> DncChange:
    return DncChange(
        action=DncAction.ADDED,
        key=entry.key,
        at=entry.added_at,
        who=entry.who,
        reason=entry.reason,
        source=entry.source,
    )


class DncBook:
    """Some entries, and which of them hold for a number."""

    def __init__(self, entries: Iterable[DoNotCall]) -> None:
        self._by_digits: defaultdict[str, list[DoNotCall]] = defaultdict(list)
        for entry in entries:
            self._by_digits[entry.digits].append(entry)

    def of(self, phone: str, client_id: ClientId, at: datetime) -> tuple[DoNotCall, ...]:
        """Those in force at `at` for this client's calls to the number."""
        found = (entry for part in beginnings(phone) for entry in self._by_digits.get(part, ()))
        return tuple(
            entry
            for entry in found
            if entry.client_id in (EVERYBODY, client_id)
            and (entry.by_prefix or entry.digits == phone)
            and entry.in_force(at)
        )

    def bars(self, phone: str, client_id: ClientId) -> bool:
        """For good."""
        return any(e.expires_at is None for e in self.of(phone, client_id, LONG_AGO))


def beginnings(phone: str) -> list[str]:
    """Every prefix that an entry may have which holds for this E.164 number, the whole of it last."""
    return [phone[:length] for length in range(2, len(phone) + 1)]


def checked_prefix(text: str) -> str:
    """Raises InvalidInputError."""
    text = text.strip()
    if not _PREFIX.fullmatch(text):
        raise InvalidInputError("prefix", "must be a plus sign and 1 to 15 digits, such as +39899")
    return text
