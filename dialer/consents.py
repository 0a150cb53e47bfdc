"""Consents to be called, as somebody gave them to a client and may withdraw them; pure."""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from dialer.do_not_call import DoNotCall
from dialer.ids import ClientId

WITHDRAWN = "consent withdrawn"
"""The source of the do-not-call entry that a withdrawal makes."""


class ConsentKey(NamedTuple):
    client_id: ClientId
    phone: str
    purpose: str
    sector: str
    obtained_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class ConsentRecord:
    phone: str
    client_id: ClientId
    obtained_at: datetime
    basis: str  # consent, request, contract
    purpose: str = "telemarketing"
    sector: str = ""  # what it is for; empty: calls in general
    text_version: str = ""  # of what the person was shown
    expires_at: datetime | None = None
    withdrawn_at: datetime | None = None
    proof: str = ""  # where the proof is kept
    who: str = ""  # entered it

    @property
    def key(self) -> ConsentKey:
        return ConsentKey(self.client_id, self.phone, self.purpose, self.sector, self.obtained_at)


def barred_by_withdrawal(phone: str, client_id: ClientId, at: datetime, who: str) -> DoNotCall:
    """Whoever takes a consent back wants no more calls from this client."""
    return DoNotCall(
        digits=phone, client_id=client_id, reason=WITHDRAWN, source=WITHDRAWN, added_at=at, who=who
    )
