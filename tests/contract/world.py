"""Short words for the contract tests: leads that wait, attempts that open and close."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from dialer.campaign import CampaignPolicy
from dialer.commands import AnswerRule, CloseAttempt, PlaceCall, RecordDisposition
from dialer.ids import AgentId, CallId, CampaignId, LeadId, TeamId, TrunkId
from dialer.leads import NEVER_RANG, Lead, LeadState, LeadUpdate, NewLead, Outcome
from dialer.ports import Attempt, Stores
from dialer.profiles import NoAgentAction

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
LEASE = 5 * MINUTE
SPRING, AUTUMN = CampaignId("spring"), CampaignId("autumn")
TRUNK = TrunkId("trunk")
RULE = AnswerRule(
    limit=timedelta(seconds=2), action=NoAgentAction.HANG_UP, noise="", message="", screen=False
)


def policy(campaign_id: CampaignId, name: str | None = None) -> CampaignPolicy:
    return CampaignPolicy(
        campaign_id=campaign_id, name=name or campaign_id.title(), team_id=TeamId("one")
    )


def number(index: int) -> str:
    return f"+39347{index:07d}"


def call_to(
    lead: Lead, call_id: str | None = None, *, at: datetime = NOON, trunk: str = TRUNK
) -> PlaceCall:
    return PlaceCall(
        call_id=CallId(call_id or f"call-{lead.lead_id[-20:]}"),
        campaign_id=lead.campaign_id,
        lead_id=lead.lead_id,
        phone=lead.phone,
        caller_id="+390212345678",
        trunk=TrunkId(trunk),
        dial=f"PJSIP/{lead.phone}@{trunk}",
        ring_timeout=timedelta(seconds=25),
        answer_rule=RULE,
        at=at,
    )


@dataclass(frozen=True, slots=True)
class World:
    stores: Stores

    async def lead(self, index: int, *, campaign: CampaignId = SPRING, priority: int = 0) -> Lead:
        """A new lead, as stored."""
        new = NewLead(campaign_id=campaign, phone=number(index), priority=priority)
        before = {lead.lead_id for lead in await self.all(campaign)}
        await self.stores.leads.add([new], at=NOON)
        (lead,) = [lead for lead in await self.all(campaign) if lead.lead_id not in before]
        return lead

    async def all(self, campaign: CampaignId = SPRING) -> list[Lead]:
        return await self.stores.leads.page(campaign, after=None, limit=10_000, state=None)

    async def reserve(
        self,
        count: int = 100,
        *,
        campaign: CampaignId = SPRING,
        owner: str = "one",
        at: datetime = NOON,
    ) -> list[Lead]:
        return await self.stores.leads.reserve_due(campaign, count, owner=owner, lease=LEASE, at=at)

    async def reserved(self, index: int = 1, *, campaign: CampaignId = SPRING) -> Lead:
        """A new lead, reserved by "one"."""
        await self.lead(index, campaign=campaign)
        (lead,) = await self.reserve(campaign=campaign)
        return lead

    async def dialed(self, index: int = 1, *, campaign: CampaignId = SPRING) -> PlaceCall:
        """A new lead with an open attempt."""
        call = call_to(await self.reserved(index, campaign=campaign))
        assert await self.open([call]) == {call.call_id}
        return call

    async def open(self, calls: Sequence[PlaceCall], *, owner: str = "one") -> frozenset[CallId]:
        """The ids that were written."""
        return (await self.stores.attempts.open(calls, owner=owner)).written

    async def close(
        self,
        call: PlaceCall,
        outcome: Outcome = Outcome.BUSY,
        *,
        state: LeadState = LeadState.DONE,
        next_at: datetime | None = None,
        ended_at: datetime = NOON + MINUTE,
        answered_at: datetime | None = None,
        lead_id: LeadId | None = None,
    ) -> None:
        await self.stores.attempts.close(
            closing(call, outcome, state, next_at, ended_at, answered_at, lead_id)
        )

    async def tried(self, outcome: Outcome, index: int, *, answered_at: datetime) -> PlaceCall:
        """A new lead with a closed attempt; it is done."""
        call = await self.dialed(index)
        await self.close(call, outcome, answered_at=answered_at, ended_at=answered_at + MINUTE)
        return call

    async def dispose(
        self, call: PlaceCall, disposition: str = "later", *, callback_at: datetime | None = None
    ) -> None:
        await self.stores.attempts.record_disposition(
            RecordDisposition(
                call_id=call.call_id,
                agent_id=AgentId("101"),
                disposition=disposition,
                callback_at=callback_at,
                at=NOON + 2 * MINUTE,
            )
        )

    async def bar(self, phone: str) -> None:
        await self.stores.leads.add_do_not_call(phone, reason="asked", at=NOON)

    async def get(self, lead: Lead | PlaceCall) -> Lead:
        return await self.stores.leads.get(lead.lead_id)

    async def state(self, lead: Lead | PlaceCall) -> LeadState:
        return (await self.get(lead)).state

    async def attempt(self, call: PlaceCall) -> Attempt:
        (attempt,) = [
            attempt
            for attempt in await self.stores.attempts.of_lead(call.lead_id)
            if attempt.call_id == call.call_id
        ]
        return attempt


def closing(
    call: PlaceCall,
    outcome: Outcome,
    state: LeadState,
    next_at: datetime | None,
    ended_at: datetime,
    answered_at: datetime | None = None,
    lead_id: LeadId | None = None,
) -> CloseAttempt:
    return CloseAttempt(
        call_id=call.call_id,
        campaign_id=call.campaign_id,
        lead_update=LeadUpdate(
            lead_id=lead_id or call.lead_id,
            state=state,
            next_attempt_at=next_at,
            counts_as_attempt=outcome not in NEVER_RANG,
            outcome=outcome,
            abandoned_at=ended_at if outcome is Outcome.ABANDONED else None,
        ),
        outcome=outcome,
        ended_at=ended_at,
        cause=17,
        ringing_at=None,
        answered_at=answered_at,
        bridged_at=None,
        agent_id=None,
    )
