"""A team's turn to dial: for each campaign and Asterisk server the decision, the leads it takes, the trunks they leave by.

Works on what the team owns (its campaigns, calls, leads); nothing is remembered here.
"""

from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from dialer import agents as agent_rules
from dialer import pacing_feed
from dialer.agents import Agent
from dialer.callbacks import is_for
from dialer.calls import Call
from dialer.campaign import PacingMode, PreviewEnd
from dialer.campaign_run import PASSED_OVER, CampaignRun, HopperLead
from dialer.clock_step import moved
from dialer.commands import CancelTimer, Command, ReleaseLeads, StartTimer
from dialer.compliance import Denied, check, snapshot_of
from dialer.events import AgentEvent, Event, LeadOffered, OfferAccepted, OfferSkipped
from dialer.holding import GUARD, Holding
from dialer.ids import AgentId, CallId, CampaignId, NodeId, TrunkId
from dialer.leads import Lead
from dialer.nodes import Nodes
from dialer.pacing import PacingDecision
from dialer.pacing_board import PacingBoard
from dialer.revoking import Revoking
from dialer.trunk_board import NoTrunk, Shortage, TrunkBoard
from dialer.trunks import Trunk

GUARANTEED_SHARE = 4
"""One agent in so many (one, where there are fewer) may be held for the leads of a campaign that need it while its other leads
are dialled as its mode has it: enough that they do not wait for ever, too few to hold up the rest."""


@dataclass
class Dialling:
    """`agents`, `calls` and `leads` gain what is dialled. Owned by one Team."""

    agents: dict[AgentId, Agent]
    runs: dict[CampaignId, CampaignRun]
    calls: dict[CallId, Call]
    leads: dict[CallId, HopperLead]
    nodes: Nodes
    trunks: TrunkBoard
    board: PacingBoard
    new_call_id: Callable[[datetime], CallId]

    def __post_init__(self) -> None:
        self.holding = Holding(self.agents, self.calls, self.nodes, self.board)
        self.revoking = Revoking(self.calls, self.leads, self.trunks, self.board)
        self.offers: dict[AgentId, HopperLead] = {}  # of agents in phase PREVIEWING

    def pace(self, now: datetime) -> list[Command]:
        """Campaigns share the team's agents evenly: the one that has fewest of them is asked first."""
        commands: list[Command] = []
        staffed = Counter(
            agent.node
            for agent in self.agents.values()
            if agent.is_staffed and self.nodes.is_up(agent.node)
        )
        taken = Counter(call.order.trunk for call in self.calls.values())
        self._count_lines(now)
        self.holding.take_up(now)
        running = [run for run in self.runs.values() if run.running]
        for run in sorted(running, key=lambda run: self.board.at_work(run.policy.campaign_id)):
            commands += run.refill(staffed.total(), now) + run.escalate(now)
            commands += self._pace_run(run, len(running), staffed, taken, now)
        return commands

    def _pace_run(
        self,
        run: CampaignRun,
        running: int,
        staffed: Counter[NodeId | None],
        taken: Counter[TrunkId],
        now: datetime,
    ) -> list[Command]:
        commands: list[Command] = []
        kept = run.decisions
        run.decisions = {}
        for node in self.nodes.neediest_first(self.board.free_less_calls):
            if node in kept and run.rate_tokens(now) < 1:  # whatever is decided, none may leave now
                run.decisions[node] = kept[node]
                continue
            commands += self._place_promised(run, staffed[node], taken, node, now)
            commands += self._place_first(run, running, staffed[node], taken, node, now)
            revocable = self.revoking.candidates(run, node, now)
            decision = self._decide(run, node, taken, len(revocable), now)
            run.decisions[node] = decision
            commands += self.revoking.take_back(revocable[: decision.calls_to_revoke], now)
            agents = self.holding.free(node, now) if run.policy.mode.holds_agents else None
            wanted = decision.calls_to_place
            commands += self._place(run, run.hopper, wanted, agents, taken, node, now)
        return commands

    def _place_first(
        self,
        run: CampaignRun,
        running: int,
        staffed: int,
        taken: Counter[TrunkId],
        node: NodeId,
        now: datetime,
    ) -> list[Command]:
        """Before the decision, so that it knows of the agents who are held: calls that are not to wait until no call of any
        campaign is in flight. Those of leads that need an agent; and, beside other campaigns, those of one that holds agents,
        up to its even part of the team."""
        if run.policy.mode.holds_agents:
            leads, share = run.hopper, staffed // running if running > 1 else 0
        else:
            leads, share = run.guaranteed, max(staffed // GUARANTEED_SHARE, 1)
        if not leads or not share:
            return []
        agents = self.holding.free(node, now)
        trunks = [trunk for trunk in run.trunks if trunk.is_on(node)]
        most = min(
            share - self._held(run, node),
            len(agents),
            run.policy.lines - run.lines_in_use,
            run.rate_tokens(now),
            self.trunks.room(trunks, taken, now).calls,
        )
        return self._place(run, leads, most, agents, taken, node, now)

    def _place_promised(
        self,
        run: CampaignRun,
        staffed: int,
        taken: Counter[TrunkId],
        node: NodeId,
        now: datetime,
    ) -> list[Command]:
        """Callbacks that are due, before all else: the earliest promise first, each with an agent held for it. Its own agent
        is held whenever that one is free; of the others, in a mode that holds none for ordinary leads, no more than the
        share that such leads may have."""
        commands: list[Command] = []
        if not run.promised or not run.dials:
            return commands
        agents = self.holding.free(node, now)
        shared = len(agents)
        if not run.policy.mode.holds_agents:
            shared = max(staffed // GUARANTEED_SHARE, 1) - self._held(run, node)
        for entry in sorted(run.promised, key=_promise):
            agent = self._agent_for(entry, agents, now)
            if agent is None or not self._has_room(run, taken, node, now):
                continue
            own = entry.lead.callback is not None and entry.lead.callback.agent_id == agent.agent_id
            if not own and shared <= 0:
                continue
            run.promised.remove(entry)
            commands += self._place(run, deque([entry]), 1, [agent], taken, node, now)
            if not self.agents[agent.agent_id].is_free:
                agents.remove(agent)
                shared -= 1
        return commands

    @staticmethod
    def _agent_for(entry: HopperLead, agents: list[Agent], now: datetime) -> Agent | None:
        """Its own agent where that one is free; else, if anyone may have it, the one who has been free for longest."""
        callback, ready_at = entry.lead.callback, entry.lead.next_attempt_at
        assert callback is not None
        mine = [each for each in agents if each.agent_id == callback.agent_id]
        others = (each for each in agents if is_for(callback, each.agent_id, ready_at, now))
        return mine[0] if mine else next(others, None)

    def _has_room(
        self, run: CampaignRun, taken: Counter[TrunkId], node: NodeId, now: datetime
    ) -> bool:
        """One more call of the campaign may leave by this server."""
        trunks = [trunk for trunk in run.trunks if trunk.is_on(node)]
        if run.lines_in_use >= run.policy.lines or run.rate_tokens(now) < 1:
            return False
        return self.trunks.room(trunks, taken, now).calls > 0

    def _held(self, run: CampaignRun, node: NodeId) -> int:
        """Agents of this server who are held for the campaign's calls, or look at its leads."""
        shown = sum(
            entry.lead.campaign_id == run.policy.campaign_id and self.agents[who].node == node
            for who, entry in self.offers.items()
        )
        return shown + self.holding.held(run.policy.campaign_id, node)

    def _decide(
        self,
        run: CampaignRun,
        node: NodeId,
        taken: Counter[TrunkId],
        revocable: int,
        now: datetime,
    ) -> PacingDecision:
        room = self.trunks.room([t for t in run.trunks if t.is_on(node)], taken, now)
        return self.board.decide(pacing_feed.question(self.board, run, node, room, now, revocable))

    def _count_lines(self, now: datetime) -> None:
        """Calls of each campaign that hold a line."""
        held = Counter(
            call.order.campaign_id
            for call in self.calls.values()
            if self.nodes.holds_lines(call.order.node, now)
        )
        for campaign_id, run in self.runs.items():
            run.lines_in_use = held[campaign_id]

    def _place(
        self,
        run: CampaignRun,
        leads: deque[HopperLead],
        count: int,
        agents: list[Agent] | None,
        taken: Counter[TrunkId],
        node: NodeId,
        now: datetime,
    ) -> list[Command]:
        """Up to `count` calls to the first of `leads`; each for one of `agents`, who is held for it, unless that is None."""
        commands: list[Command] = []
        passed_over: list[tuple[HopperLead, NoTrunk]] = []
        placed = 0
        most = count if agents is None else min(count, len(agents))
        while placed < most and leads and len(passed_over) < PASSED_OVER:
            entry = leads.popleft()
            lead = entry.lead
            refusal = run.refusal(lead, now, agent_held=agents is not None)
            if refusal is not None:
                commands.append(refusal)
                continue
            trunk = self.trunks.choose(
                run.trunks_for(lead, now),
                lead.phone,
                taken=taken,
                now=now,
                lead_id=lead.lead_id,
                node=node,
            )
            if isinstance(trunk, NoTrunk):
                passed_over.append((entry, trunk))
                continue
            if agents is not None and run.policy.mode is PacingMode.PREVIEW:
                commands += self._offer(run, entry, agents[placed], now)
                placed += 1
                continue
            commands += self.dial(run, entry, trunk, node, agents[placed] if agents else None, now)
            taken[trunk.trunk_id] += 1
            placed += 1
        return commands + run.pass_over(passed_over, now)

    # --- leads that are shown first -----------------------------------------------------------------------------------

    def _offer(
        self, run: CampaignRun, entry: HopperLead, agent: Agent, now: datetime
    ) -> list[Command]:
        """The agent is shown the lead, for as long as the campaign says."""
        due, agent_id = now + run.policy.preview, agent.agent_id
        event = LeadOffered(agent_id=agent_id, lead_id=entry.lead.lead_id, until=due, at=now)
        shown = self.agents[agent_id] = agent_rules.apply(agent, event)
        pacing_feed.agent(self.board, shown, run.policy.campaign_id, now)
        self.offers[agent_id] = entry
        return [StartTimer(key=f"preview:{agent_id}", due_at=due)]

    def offer_ended(self, agent_id: AgentId, event: Event, may_dial: bool) -> list[Command]:
        """The agent is shown the lead no more: it is called for the agent, put off, or the next one for somebody else."""
        entry = self.offers.pop(agent_id)
        run, lead = self.runs[entry.lead.campaign_id], entry.lead
        commands: list[Command] = [CancelTimer(key=f"preview:{agent_id}")]
        if isinstance(event, OfferSkipped):
            return [*commands, run.skip(lead, event.at)]
        if isinstance(event, OfferAccepted) and may_dial:
            return commands + self.dial_for(run, agent_id, lead, event.at)
        run.put_back([entry], event.at)
        return commands

    def offer_over(self, agent_id: AgentId, now: datetime) -> AgentEvent | None:
        """The time to look at a lead may be over: what the campaign has of it then."""
        agent, entry = self.agents.get(agent_id), self.offers.get(agent_id)
        if agent is None or entry is None or agent.offer_until is None or now < agent.offer_until:
            return None
        if self.runs[entry.lead.campaign_id].policy.preview_end is PreviewEnd.DIAL:
            return OfferAccepted(agent_id=agent_id, at=now)
        return OfferSkipped(agent_id=agent_id, at=now, by_timer=True)

    def clock_stepped(self, by: timedelta) -> None:
        """See clock_step."""
        self.offers = {agent_id: moved(entry, by) for agent_id, entry in self.offers.items()}

    # --- what agents ask for ------------------------------------------------------------------------------------------

    def dial_for(
        self, run: CampaignRun, agent_id: AgentId, lead: Lead, now: datetime
    ) -> list[Command]:
        """The call that an agent asked for, to a lead that is reserved for the team; or the lead goes back."""
        release: list[Command] = [ReleaseLeads(lead_ids=(lead.lead_id,))]
        self._count_lines(now)
        if self.refusal_for(agent_id, lead, now) is not None:
            return release
        agent, taken = self.agents[agent_id], Counter(c.order.trunk for c in self.calls.values())
        assert agent.node is not None
        trunk = self.trunks.choose(
            run.trunks_for(lead, now),
            lead.phone,
            taken=taken,
            now=now,
            lead_id=lead.lead_id,
            node=agent.node,
        )
        if isinstance(trunk, NoTrunk) or run.rate_tokens(now) < 1:
            return release
        return self.dial(run, HopperLead(lead, now), trunk, agent.node, agent, now)

    def refusal_for(self, agent_id: AgentId, lead: Lead, now: datetime) -> str | None:
        """Why this agent cannot have a call to this lead now, in a word; None: nothing is known against it. Changes nothing."""
        run, agent = self.runs.get(lead.campaign_id), self.agents.get(agent_id)
        if run is None:
            return "campaign_of_another_team"
        if not run.running:
            return "campaign_not_running"
        if agent is None or not agent.is_free or not self.nodes.is_up(agent.node):
            return "agent_not_free"
        assert agent.node is not None
        facts = replace(snapshot_of(lead, run.policy), agent_reserved=True)
        verdict = check(facts, run.rules(lead, now), now)
        if isinstance(verdict, Denied):
            return verdict.reason
        if run.lines_in_use >= run.policy.lines:
            return "lines_in_use"
        serving = [t for t in run.trunks if t.is_on(agent.node) and t.match(lead.phone) is not None]
        if all(self.trunks.of(trunk.trunk_id).is_down for trunk in serving):
            return Shortage.TRUNKS_DOWN if serving else Shortage.NO_TRUNK_SERVES
        return None

    def dial(
        self,
        run: CampaignRun,
        entry: HopperLead,
        trunk: Trunk,
        node: NodeId,
        agent: Agent | None,
        now: datetime,
    ) -> list[Command]:
        """One call, for `agent`, who is held for it (None: for whoever is free when it is answered)."""
        agent_id = agent.agent_id if agent else None
        order = run.order(entry.lead, trunk, self.new_call_id(now), now, node, agent_id)
        call = self.calls[order.call_id] = Call(order=order)
        self.leads[order.call_id] = entry
        if agent_id is None:
            pacing_feed.placed(self.board, run, call, entry.lead)
        else:
            self.holding.hold(call, agent_id, now)
        self.trunks.placed(trunk, order.call_id, now)
        run.lines_in_use += 1
        run.tokens -= 1
        run.budget.begin(now)
        due = now + order.ring_timeout + GUARD
        return [order, StartTimer(key=f"guard:{order.call_id}", due_at=due)]


def _promise(entry: HopperLead) -> tuple[datetime, str]:
    """The order in which callbacks are tried."""
    callback = entry.lead.callback
    assert callback is not None
    return callback.due_at, callback.callback_id
