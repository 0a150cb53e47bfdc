"""What becomes of a call that has ended: its class, its count in the abandon budget, its attempt and its lead."""

from dataclasses import dataclass, field, replace
from datetime import datetime

from dialer import calls as call_rules
from dialer import retry, revoking
from dialer.abandonment import EventClass
from dialer.answer_count import AnswerCount
from dialer.calls import Call, outcome_of
from dialer.campaign_run import CampaignRun, HopperLead
from dialer.commands import CancelTimer, Command
from dialer.ids import CallId
from dialer.leads import Lead, LeadUpdate, Outcome
from dialer.trunk_board import TrunkBoard


@dataclass
class Endings:
    """`calls` and `leads` lose what has ended. Owned by one Team."""

    calls: dict[CallId, Call]
    leads: dict[CallId, HopperLead]
    trunks: TrunkBoard
    answers: AnswerCount = field(default_factory=AnswerCount)

    def close(self, run: CampaignRun, call: Call) -> list[Command]:
        """The call, which has ended and was observed, is no more the team's."""
        call_id, now = call.order.call_id, call.ended_at
        assert now is not None
        outcome = outcome_of(call)
        run.ended(outcome)
        of = self.answers.ended(run, call, outcome, now)
        lead = self.leads.pop(call_id).lead
        del self.calls[call_id]
        update = self._update(run, call, lead, outcome, now)
        if of is EventClass.SILENT:  # also one whose end nobody saw: it is left alone for as long
            update = replace(update, abandoned_at=update.abandoned_at or now)
        if update.next_attempt_at == now:
            run.ask_at = None  # it is due: no need to wait before the store is asked
        return [CancelTimer(key=f"guard:{call_id}"), call_rules.closing(call, update)]

    def _update(
        self, run: CampaignRun, call: Call, lead: Lead, outcome: Outcome, now: datetime
    ) -> LeadUpdate:
        fault = self.trunks.blame(call, run.trunks, now)
        if outcome is Outcome.CANCELLED:
            return revoking.given_back(lead.lead_id, now)
        return retry.decide(
            lead.lead_id,
            outcome,
            attempts=lead.attempts,
            never_rang=lead.never_rang,
            tries=next((one.tries for one in lead.numbers if one.phone == lead.phone), None),
            policy=run.policy,
            profile=run.profile,
            now=now,
            fault=fault,
        )
