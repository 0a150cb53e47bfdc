"""What the engine and the commands need of the ledger, and of the audit of "machine" verdicts, as Protocols."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from dialer.abandonment import AuditLabel
from dialer.ids import CallId, CampaignId, LeadId
from dialer.ledger import ChainHead, LedgerRow, PersonalFacts


class LedgerStore(Protocol):
    """The ledger, to be read, checked and shortened. Rows come into it by the AttemptStore alone, in the transaction that
    keeps what they tell, and by the methods here. Raises StoreUnavailableError."""

    async def heads(self) -> list[ChainHead]:
        """Of every chain, by name."""
        ...

    async def page(self, chain: str, *, after: int, limit: int) -> list[LedgerRow]:
        """Rows with a greater number than `after`, in order."""
        ...

    async def between(
        self, chain: str, *, since: datetime, until: datetime, after: int, limit: int
    ) -> list[LedgerRow]:
        """Those of `page` whose instant is in [since, until)."""
        ...

    async def persons(self, call_ids: Collection[CallId]) -> dict[CallId, PersonalFacts]:
        """What the tables hold today; a call whose attempt is gone is left out."""
        ...

    async def erase(self, lead_id: LeadId, *, at: datetime) -> int:
        """Delete what is personal of this lead: its number, name and external id here and in its attempts, and its salt; the
        ledger says that it was done. Nobody can ring it any more. Returns its attempts. Raises NotFoundError, and
        ConflictError while it is being called."""
        ...

    async def prune(self, chain: str, *, before: datetime, at: datetime) -> int:
        """Remove the rows at the begin of the chain that are all older than `before`; the chain says so, and verifies from
        there on. Returns how many. The last row always stays."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class AuditTally:
    """What humans heard where detection had said "machine". An unclear one counts among the persons."""

    labelled: int = 0
    persons: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Audited:
    """One "machine" verdict of the sample. `label` None: nobody has listened yet."""

    call_id: CallId
    campaign_id: CampaignId
    answered_at: datetime
    label: AuditLabel | None = None
    labelled_by: str | None = None
    labelled_at: datetime | None = None


class MachineAudits(Protocol):
    """The sample of "machine" verdicts (abandonment.is_audited), drawn when the attempts close."""

    async def to_label(self, campaign_id: CampaignId, limit: int) -> list[Audited]:
        """Those without a label, the oldest first."""
        ...

    async def label(self, call_id: CallId, label: AuditLabel, *, by: str, at: datetime) -> None:
        """What a human heard; the last word stands, and the ledger has all of them. Raises NotFoundError for a call that is
        not in the sample."""
        ...

    async def tally(self, campaign_ids: Collection[CampaignId], *, most: int) -> AuditTally:
        """Of the `most` verdicts labelled that were answered last."""
        ...
