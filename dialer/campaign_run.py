"""One campaign at work in a team: its hopper, estimators, abandon budget and rate limit. Mutable; owned by one Team."""

from collections import Counter, deque
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from dialer.budget import Budget
from dialer.callbacks import CallbackDeed, apply, is_escalating
from dialer.campaign import Campaign, CampaignPolicy, CampaignState, PacingMode
from dialer.clock_step import move, moved
from dialer.commands import (
    CallLimits,
    Command,
    DeferLead,
    EscalateCallback,
    PlaceCall,
    ReleaseLeads,
    RequestCallbacks,
    RequestLeads,
)
from dialer.compliance import Denied, Reason, answer_rule, check, snapshot_of
from dialer.compliance_rules import crosses_border, may_show
from dialer.events import CallbacksReserved, CampaignLoaded, LeadsReserved
from dialer.ids import AgentId, CallId, LeadId, NodeId
from dialer.law import Law, country_called
from dialer.lead_odds import LeadOdds
from dialer.leads import Lead, Outcome
from dialer.pacing import PacingDecision, together
from dialer.profile_merge import Rules
from dialer.profiles import Profile
from dialer.trunk_board import NoTrunk, Shortage
from dialer.trunks import Trunk

HOPPER_LEASE = timedelta(minutes=10)
"""How long the store keeps a lead for the hopper. The hopper gives it back at half of that."""

ASK_AGAIN = timedelta(seconds=5)

LOOK_AGAIN = timedelta(hours=1)
"""A lead that may not be called before somebody does something for it is looked at again after this long."""

UNSERVED = timedelta(hours=1)
"""A number that no trunk of the campaign serves is looked at again after this long: somebody may have added one."""

NO_ROOM = timedelta(seconds=30)
"""Where other trunks have room, a lead whose own trunks have none goes back for this long, so that it keeps nobody waiting."""

GUARANTEED_KEPT = 20
GUARANTEED_LATER = timedelta(minutes=10)
"""So many leads that need an agent held for them wait beside the hopper; further ones are looked at again after this long."""

PROMISED_KEPT = 500
"""So many leads with a callback that is due are held for the team, most of which wait for an agent of their own."""

SKIPPED = timedelta(minutes=15)
"""A lead that an agent skipped is shown to nobody for so long."""

PASSED_OVER = 20
"""So many leads in one decision may find no trunk before the rest of the hopper waits for the next decision."""

SOON = {
    Shortage.TRUNK_RATE: Shortage.TRUNKS_FULL,
    Shortage.NO_TRUNK_SERVES: Shortage.TRUNK_ELSEWHERE,
}
"""Shortages that mostly pass by the next decision, and what they are called where they last. Some trunk of the campaign serves
every lead in the hopper: one that none serves here has its trunk on another Asterisk server."""


@dataclass(frozen=True, slots=True)
class HopperLead:
    lead: Lead
    since: datetime


@dataclass
class Denials:
    """How many leads wait for what: counted by reason and instant, forgotten when the instant has passed."""

    _counts: Counter[tuple[str, datetime | None]] = field(default_factory=Counter)

    def __len__(self) -> int:
        """Reasons and instants that are remembered."""
        return len(self._counts)

    def note(self, reason: str, not_before: datetime | None, now: datetime) -> None:
        if (reason, not_before) not in self._counts:
            self._forget(now)  # also where nobody ever asks for the counts
        self._counts[reason, not_before] += 1

    def _forget(self, now: datetime) -> None:
        for key in [key for key in self._counts if key[1] is not None and key[1] <= now]:
            del self._counts[key]

    def count(self, reason: str, now: datetime) -> int:
        """Leads that this reason still holds back at `now`."""
        self._forget(now)
        return sum(count for key, count in self._counts.items() if key[0] == reason)


@dataclass
class CampaignRun:
    campaign: Campaign
    profile: Profile
    law: Law
    trunks: tuple[Trunk, ...]
    budget: Budget
    hopper: deque[HopperLead] = field(default_factory=deque)
    guaranteed: deque[HopperLead] = field(default_factory=deque)
    """Beside the hopper: leads that may be called only with an agent held for them, in a mode that holds none for the others."""
    promised: deque[HopperLead] = field(default_factory=deque)
    """Leads whose callbacks are due: before all others, and each with an agent held for it, its own one where it has one."""
    promised_at: datetime | None = None  # when the store may have another one; None: it has none
    promised_asked: bool = False
    denied: Denials = field(default_factory=Denials)
    outcomes: Counter[Outcome] = field(default_factory=Counter)
    lines_in_use: int = 0  # of this campaign's calls, over all servers
    asked: int = 0  # leads of the last request
    exhausted: bool = False  # the store had fewer
    requested: bool = False
    woken: bool = False  # leads came due while the store was being asked
    ask_at: datetime | None = None  # no request before this
    next_due_at: datetime | None = None
    tokens: float = 1.0
    tokens_at: datetime | None = None
    decisions: dict[NodeId, PacingDecision] = field(default_factory=dict)  # the latest
    hours_open_at: datetime | None = None
    odds: LeadOdds = field(default_factory=LeadOdds)

    @classmethod
    def of(cls, loaded: CampaignLoaded) -> "CampaignRun":
        budget = Budget.of(loaded.campaign.policy, loaded.profile, loaded.started_at)
        budget.load(loaded.counts, loaded.at, loaded.elsewhere)
        budget.machine_error = loaded.machine_error
        return cls(
            campaign=loaded.campaign,
            profile=loaded.profile,
            law=loaded.law or Law(loaded.profile),
            trunks=loaded.trunks,
            budget=budget,
        )

    def reload(self, loaded: CampaignLoaded) -> None:
        """New policy or state; what was learnt and counted stays."""
        self.campaign = loaded.campaign
        self.trunks = loaded.trunks
        self.law = loaded.law or Law(loaded.profile)
        self.budget.follow(loaded.campaign.policy)
        self.budget.machine_error = loaded.machine_error
        if loaded.profile.name != self.profile.name:
            self.profile = self.budget.profile = loaded.profile
            self.budget.load(loaded.counts, loaded.at, loaded.elsewhere)
        self._sort(loaded.at)
        self.wake()

    def wake(self) -> list[Command]:
        """Leads may be due: ask at once, or again if the answer under way is older than they are. Nothing else follows."""
        self.ask_at = None
        self.woken = self.requested
        return []

    @property
    def policy(self) -> CampaignPolicy:
        return self.campaign.policy

    @property
    def running(self) -> bool:
        return self.campaign.state is CampaignState.RUNNING

    @property
    def dials(self) -> bool:
        """By itself, and so has leads in its hopper."""
        return self.running and self.policy.mode is not PacingMode.MANUAL

    @property
    def decision(self) -> PacingDecision | None:
        """The latest, of all servers together; None: it may not dial."""
        return together(list(self.decisions.values()))

    @property
    def leads_left(self) -> int | None:
        """What can be dialled before long; None: the store has more than the hopper holds."""
        return len(self.hopper) + len(self.guaranteed) if self.exhausted else None

    @property
    def braked(self) -> bool:
        """Held back by a legal window."""
        decision = self.decision
        return decision is not None and decision.allowed is not None and decision.allowed.braked

    def rate_tokens(self, now: datetime) -> int:
        """Calls that the calls-per-second limit allows now: a bucket that holds one second's worth. An event told late,
        from before the last one, does not turn its clock back: that time would be counted twice."""
        rate = self.policy.calls_per_second
        since = self.tokens_at or now
        self.tokens += rate * max((now - since).total_seconds(), 0.0)
        self.tokens = min(self.tokens, max(rate, 1.0))
        self.tokens_at = max(now, since)
        return int(self.tokens)

    def ended(self, outcome: Outcome) -> None:
        """One call of the campaign came to this."""
        self.outcomes[outcome] += 1

    def refill(self, agents: int, now: datetime) -> list[Command]:
        """Ask for leads when the hopper runs low; give back those that lie in it too long."""
        commands: list[Command] = []
        stale = []
        for entries in (self.hopper, self.guaranteed):
            while entries and now - entries[0].since > HOPPER_LEASE / 2:  # the oldest is first
                stale.append(entries.popleft().lead.lead_id)
        stale += self._stale_promised(now)
        if stale:
            commands.append(ReleaseLeads(lead_ids=tuple(stale)))
        wanted = max(20, 3 * agents, round(4 * self.policy.calls_per_second))
        due = self.dials and (self.ask_at is None or now >= self.ask_at)
        if agents and due and not self.requested and len(self.hopper) < wanted:
            self.requested = True
            count = self.asked = 2 * wanted - len(self.hopper)
            commands.append(RequestLeads(campaign_id=self.policy.campaign_id, count=count))
        return commands + (self._ask_promised(now) if agents else [])

    def take_in(self, event: LeadsReserved) -> list[Command]:
        """The store's answer: allowed leads go into the hopper, the others back with their reason."""
        self.requested = False
        self.exhausted = len(event.leads) < self.asked
        self.odds.meet(event.leads)
        commands = self._admit(event.leads, event.at)
        self.next_due_at = event.next_due_at
        woken, self.woken = self.woken, False
        if woken:
            self.ask_at = None
        elif not event.leads:
            self.ask_at = event.at + ASK_AGAIN
        elif len(commands) == len(event.leads):
            self.ask_at = event.at + ASK_AGAIN / 5  # all were denied: look further, without haste
        else:
            self.ask_at = None
        return commands

    def _admit(self, leads: Sequence[Lead], now: datetime) -> list[Command]:
        """Those that are allowed are ours; the others go back with their reason."""
        held = {entry.lead.lead_id for entry in self._entries()}
        commands: list[Command] = []
        for lead in leads:
            if lead.lead_id in held:
                continue
            refusal = self.refusal(lead, now, agent_held=True) or self._crowded(lead, now)
            if refusal is None:
                self._place_of(lead, now).append(HopperLead(lead, now))
            else:
                commands.append(refusal)
        return commands

    def _entries(self) -> tuple[HopperLead, ...]:
        return (*self.hopper, *self.guaranteed, *self.promised)

    def clock_stepped(self, by: timedelta) -> None:
        """See clock_step: what was remembered is as old as before. Calling hours and legal windows follow the new clock."""
        self.hopper = deque(moved(entry, by) for entry in self.hopper)
        self.guaranteed = deque(moved(entry, by) for entry in self.guaranteed)
        self.promised = deque(moved(entry, by) for entry in self.promised)
        move(self, ("ask_at", "tokens_at"), by)
        self.budget.clock_stepped(by)

    # --- callbacks ----------------------------------------------------------------------------------------------------

    def expect(self, next_at: datetime) -> None:
        """The store has a callback that may be tried at `next_at`."""
        self.promised_at = min(self.promised_at or next_at, next_at)

    def take_promised(self, event: CallbacksReserved) -> list[Command]:
        """The store's answer. What else waits there may be with another call of its lead: asked for without haste."""
        self.promised_asked = False
        soonest = event.at + ASK_AGAIN
        self.promised_at = None if event.next_at is None else max(event.next_at, soonest)
        return self._admit(event.leads, event.at)

    def escalate(self, now: datetime) -> list[Command]:
        """Callbacks that their agents did not come for in time are for anyone from now on."""
        commands: list[Command] = []
        for place, entry in enumerate(self.promised):
            lead, callback = entry.lead, entry.lead.callback
            if callback is not None and is_escalating(callback, lead.next_attempt_at, now):
                escalated = apply(callback, CallbackDeed.ESCALATE, now)
                self.promised[place] = HopperLead(replace(lead, callback=escalated), entry.since)
                commands.append(EscalateCallback(callback_id=callback.callback_id, at=now))
        return commands

    def _ask_promised(self, now: datetime) -> list[Command]:
        due = self.promised_at is not None and self.promised_at <= now
        room = PROMISED_KEPT - len(self.promised)
        if not self.dials or not due or self.promised_asked or room <= 0:
            return []
        self.promised_asked = True
        return [RequestCallbacks(campaign_id=self.policy.campaign_id, count=room)]

    def _stale_promised(self, now: datetime) -> list[LeadId]:
        """Those that lie here for too long go back, and are asked for again."""
        old = [each for each in self.promised if now - each.since > HOPPER_LEASE / 2]
        for entry in old:
            self.promised.remove(entry)
        if old:
            self.expect(now)
        return [entry.lead.lead_id for entry in old]

    # --- leads that need an agent held for them -----------------------------------------------------------------------

    def needs_agent(self, lead: Lead, now: datetime) -> bool:
        """Whether the law wants an agent held for this lead before it is called."""
        facts, rules = snapshot_of(lead, self.policy), self.rules(lead, now)
        if not isinstance(check(facts, rules, now), Denied):
            return False
        return not isinstance(check(replace(facts, agent_reserved=True), rules, now), Denied)

    def put_back(self, entries: Sequence[HopperLead], now: datetime) -> None:
        """In front, in this order: they are still ours, and the next ones."""
        for entry in reversed(entries):
            self._place_of(entry.lead, now).appendleft(entry)

    def _place_of(self, lead: Lead, now: datetime) -> deque[HopperLead]:
        if lead.callback is not None:
            return self.promised
        apart = not self.policy.mode.holds_agents and self.needs_agent(lead, now)
        return self.guaranteed if apart else self.hopper

    def _crowded(self, lead: Lead, now: datetime) -> DeferLead | None:
        """Where too many wait for an agent of their own already."""
        if (
            len(self.guaranteed) < GUARANTEED_KEPT
            or self._place_of(lead, now) is not self.guaranteed
        ):
            return None
        return self._defer(lead, Reason.GUARANTEED_AGENT, now + GUARANTEED_LATER, now)

    def _sort(self, now: datetime) -> None:
        """The mode or the profile may be another one."""
        entries = sorted((*self.hopper, *self.guaranteed), key=lambda entry: entry.since)
        self.hopper.clear()
        self.guaranteed.clear()
        for entry in entries:
            self._place_of(entry.lead, now).append(entry)

    # --- one lead -----------------------------------------------------------------------------------------------------

    def refusal(self, lead: Lead, now: datetime, *, agent_held: bool = False) -> DeferLead | None:
        """What to do with a lead that may not be rung now; None: it may. `agent_held`: an agent is (or will be) held for it."""
        facts = replace(snapshot_of(lead, self.policy), agent_reserved=agent_held)
        verdict = check(facts, self.rules(lead, now), now)
        if isinstance(verdict, Denied):
            if verdict.reason == "calling_hours":
                self.hours_open_at = verdict.not_before
            until = None if verdict.is_final else verdict.not_before or now + LOOK_AGAIN
            return self._defer(lead, verdict.reason, until, now)
        self.hours_open_at = None
        if all(trunk.match(lead.phone) is None for trunk in self.trunks):
            return self._defer(lead, Shortage.NO_TRUNK_SERVES, now + UNSERVED, now)
        if all(trunk.match(lead.phone) is None for trunk in self.trunks_for(lead, now)):
            return self._defer(lead, Reason.CALLER_ID_PREFIX, now + UNSERVED, now)
        return None

    def rules(self, lead: Lead, now: datetime) -> Rules:
        """What holds for a call to this lead."""
        return self.law.of_call(lead.phone, "", now)

    def trunks_for(self, lead: Lead, now: datetime) -> tuple[Trunk, ...]:
        """The trunks by which the law lets this lead be called, for the caller ids that they show."""
        values = self.rules(lead, now).values
        limited = values.caller_id_forbidden or values.caller_id_allowed is not None
        abroad = values.foreign_trunk_blocked and any(trunk.country for trunk in self.trunks)
        if not limited and not abroad:
            return self.trunks
        return tuple(trunk for trunk in self.trunks if self._may_leave(lead, trunk, values))

    def _may_leave(self, lead: Lead, trunk: Trunk, values: Profile) -> bool:
        shown = self._caller_id(lead, trunk)
        if not shown or not may_show(shown, values):
            return not shown
        countries = country_called(lead.phone), country_called(shown)
        return not crosses_border(values, *countries, trunk.country)

    def _caller_id(self, lead: Lead, trunk: Trunk) -> str:
        """The campaign's own goes before the trunk's."""
        return self.policy.caller_id or trunk.caller_id_for(lead.phone)

    def pass_over(
        self, leads: Sequence[tuple[HopperLead, NoTrunk]], now: datetime
    ) -> list[Command]:
        """What becomes of leads for which a decision found no trunk, though others have room. A matter of a second (the
        trunk's rate), or of the next decision (a trunk of another Asterisk server): they stay in front, as long as they
        are few. The others go back for a while, so that they keep nobody waiting."""
        crowded = len(leads) >= PASSED_OVER
        kept: list[HopperLead] = []
        commands: list[Command] = []
        for entry, none in leads:
            if none.reason in SOON and not crowded:
                kept.append(entry)
            else:
                until = max(none.until or now, now + NO_ROOM)
                reason = SOON.get(none.reason, none.reason)
                commands.append(self._defer(entry.lead, reason, until, now))
        self.put_back(kept, now)
        return commands

    def skip(self, lead: Lead, now: datetime) -> DeferLead:
        """Its agent wanted another one."""
        return self._defer(lead, "skipped", now + SKIPPED, now)

    def put_off(
        self, lead: Lead, reason: str, not_before: datetime | None, now: datetime
    ) -> DeferLead:
        """The store has counted, and may not open its attempt."""
        return self._defer(lead, reason, not_before, now)

    def _defer(
        self, lead: Lead, reason: str, not_before: datetime | None, now: datetime
    ) -> DeferLead:
        self.denied.note(reason, not_before, now)
        return DeferLead(
            lead_id=lead.lead_id,
            campaign_id=self.policy.campaign_id,
            reason=reason,
            not_before=not_before,
        )

    def order(
        self,
        lead: Lead,
        trunk: Trunk,
        call_id: CallId,
        at: datetime,
        node: NodeId,
        agent_id: AgentId | None = None,
    ) -> PlaceCall:
        """The call to this lead by this trunk, for this agent."""
        rules = self.rules(lead, at)
        values = rules.values
        return PlaceCall(
            call_id=call_id,
            campaign_id=self.policy.campaign_id,
            lead_id=lead.lead_id,
            phone=lead.phone,
            caller_id=self._caller_id(lead, trunk),
            trunk=trunk.trunk_id,
            dial=trunk.dial_string(lead.phone),
            ring_timeout=max(self.policy.ring_timeout, values.min_ring),
            answer_rule=answer_rule(values, self.policy),
            at=at,
            node=node,
            agent_id=agent_id,
            profile=rules.name,
            trunk_country=trunk.country,
            limits=self._limits(lead, values),
        )

    def _limits(self, lead: Lead, law: Profile) -> CallLimits:
        """The law's and the campaign's own, to be counted when the attempt is written."""
        return CallLimits(
            client_id=self.policy.client_id,
            person=lead.external_id or lead.first_phone,
            subject=self.policy.subject,
            zone=ZoneInfo(lead.zone),
            caps=(*law.caps, *self.policy.caps),
            refusal_days=law.refusal_block_days,
        )

    def forget(self, lead_ids: Collection[LeadId]) -> list[Command]:
        """Nothing else follows: the store has them excluded already."""
        gone = frozenset(lead_ids)
        self.hopper = deque(entry for entry in self.hopper if entry.lead.lead_id not in gone)
        self.guaranteed = deque(e for e in self.guaranteed if e.lead.lead_id not in gone)
        self.promised = deque(e for e in self.promised if e.lead.lead_id not in gone)
        return []

    def give_back(self) -> list[Command]:
        """Empty the hopper: the campaign is paused or the server stops."""
        lead_ids = tuple(entry.lead.lead_id for entry in self._entries())
        if not lead_ids:
            return []
        if self.promised:
            self.promised_at = self.promised[0].since  # as soon as it dials again
        for entries in (self.hopper, self.guaranteed, self.promised):
            entries.clear()
        return [ReleaseLeads(lead_ids=lead_ids)]
