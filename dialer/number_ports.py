"""What is known of numbers, apart from leads: the do-not-call list, results of registers, consents. Ports of the store.

Every method is one transaction unless it says otherwise, and raises StoreUnavailableError when the database cannot be
reached, InvalidInputError when it cannot hold a value.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Protocol

from dialer.consents import ConsentRecord
from dialer.do_not_call import DncChange, DncKey, DoNotCall
from dialer.ids import CampaignId, ClientId, LeadId
from dialer.registers import RegisterCounts, RegisterResult


class DoNotCallStore(Protocol):
    """The organisation's own list. No attempt is opened after an entry is committed which it forbids."""

    async def add(self, entries: Sequence[DoNotCall]) -> int:
        """In force when this returns. How many are new, or last longer than what was there with the same key; the others
        change nothing. Leads that wait with such a number become EXCLUDED where the entry has no end; those under a
        prefix in further transactions. Raises NotFoundError when a client is unknown, and changes nothing."""
        ...

    async def remove(self, key: DncKey, *, who: str, at: datetime) -> bool:
        """False: there was none. Leads that were EXCLUDED stay so."""
        ...

    async def matching(
        self, phones: Collection[str], *, client_id: ClientId, at: datetime
    ) -> dict[str, tuple[DoNotCall, ...]]:
        """The entries in force that forbid this client's calls, by number; only numbers that have any."""
        ...

    async def page(self, *, after: DncKey | None, limit: int) -> list[DoNotCall]:
        """By key, for paging; also those that have ended."""
        ...

    async def changes(self, *, limit: int) -> list[DncChange]:
        """The latest first."""
        ...


class RegisterStore(Protocol):
    """What public registers said of numbers; of each number and register the newest answer."""

    async def record(self, results: Sequence[RegisterResult]) -> int:
        """Keep results; one that is not newer than what is known changes nothing. How many were kept."""
        ...

    async def results(self, phones: Collection[str]) -> dict[str, tuple[RegisterResult, ...]]:
        """By number, in the order of the registers' names; only numbers that have any."""
        ...

    async def due(
        self,
        register: str,
        *,
        campaign_id: CampaignId,
        obtained_after: datetime,
        after: LeadId | None,
        limit: int,
    ) -> list[tuple[LeadId, str]]:
        """Leads that wait, and those of their numbers for which the register was not asked since `obtained_after`. By id, for
        paging: all such numbers of a lead come together, even if that is some more than `limit`."""
        ...

    async def counts(
        self, register: str, *, campaign_id: CampaignId, obtained_after: datetime
    ) -> RegisterCounts:
        """Of the leads that wait, by the number whose turn it is."""
        ...


class ConsentStore(Protocol):
    async def add(self, consents: Sequence[ConsentRecord]) -> int:
        """How many were not there. One that is there takes over a withdrawal, and nothing else. A withdrawn one puts its
        number on the client's do-not-call list; one that was given after a withdrawal ends what that did.
        Raises NotFoundError when a client is unknown, and changes nothing."""
        ...

    async def withdraw(self, phone: str, *, client_id: ClientId, at: datetime, who: str) -> int:
        """All that the number's owner gave this client; and from now on the client's campaigns do not call it. How many
        there were. Raises NotFoundError when the client is unknown."""
        ...

    async def of(
        self, phones: Collection[str], *, client_id: ClientId
    ) -> dict[str, tuple[ConsentRecord, ...]]:
        """By number, in the order in which they were given; only numbers that have any."""
        ...
