"""Every call that is answered is counted once in its campaign's abandon budget, and again otherwise when a late fact says so."""

from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime

from dialer.abandonment import MACHINE_LABEL, EventClass, class_of
from dialer.calls import Call, answered_call
from dialer.campaign_run import CampaignRun
from dialer.dispositions import Category
from dialer.events import DispositionChosen
from dialer.ids import CallId
from dialer.leads import Outcome

REMEMBERED = 5000
"""Calls that an agent may still call a machine's, of the whole team. One that is forgotten is right again in the store's counts,
which are read when the campaign is loaded."""


@dataclass
class AnswerCount:
    """Of one team. Mutable."""

    _talks: OrderedDict[CallId, tuple[CampaignRun, bool, datetime]] = field(
        default_factory=OrderedDict
    )
    """Calls with an agent, counted when the talk began: whether as abandoned, and when."""

    def bridged(self, run: CampaignRun, call: Call, at: datetime) -> None:
        """The talk begins: connected, or too late."""
        of = class_of(answered_call(call, Outcome.TALKED), run.profile.formula)
        self._count(run, call, of, at)

    def ended(
        self, run: CampaignRun, call: Call, outcome: Outcome, at: datetime
    ) -> EventClass | None:
        """The call has come to its class, which is returned."""
        of = class_of(answered_call(call, outcome), run.profile.formula)
        self._count(run, call, of, at)
        return of

    def _count(self, run: CampaignRun, call: Call, of: EventClass | None, at: datetime) -> None:
        if of is EventClass.MACHINE:
            run.budget.machine(at)
        if of is None:
            return
        call_id, (answered, abandoned) = call.order.call_id, run.profile.formula.weighs(of)
        talk = self._talks.get(call_id)
        if talk is not None:
            if abandoned and not talk[1]:
                run.budget.abandoned_after_all(at)
                self._talks[call_id] = (run, True, talk[2])
        elif answered:
            run.budget.answered(bool(abandoned), at)
            if call.bridged_at is not None:
                self._remember(run, call_id, bool(abandoned), at)

    def _remember(self, run: CampaignRun, call_id: CallId, abandoned: bool, at: datetime) -> None:
        self._talks[call_id] = (run, abandoned, at)
        while len(self._talks) > REMEMBERED:
            self._talks.popitem(last=False)

    def labelled(self, event: DispositionChosen) -> None:
        """An agent's word on the call; that it was a machine takes it out of the count."""
        category = event.ruling.category if event.ruling is not None else None
        said = (
            event.disposition == MACHINE_LABEL if category is None else category is Category.MACHINE
        )
        talk = self._talks.pop(event.call_id, None) if said else None
        if talk is not None:
            run, abandoned, counted_at = talk
            run.budget.taken_back(abandoned, counted_at, event.at)
