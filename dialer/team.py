"""Team: the pool of agents with the campaigns attached to it. Events in, commands out.

`handle` is synchronous and applies one event whole before the next. It composes the rules: calls and agents (tables), the
queue, the hopper with compliance, pacing, retry. One runner owns a team and is its only writer.
"""

from collections import Counter, deque
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from dialer import agents as agent_rules
from dialer import calls as call_rules
from dialer import pacing_feed, queue, queue_snapshot, team_clock
from dialer.agent_time import AgentTime
from dialer.agents import Agent, AgentPhase
from dialer.calls import Call, CallState
from dialer.campaign import PacingMode
from dialer.campaign_run import CampaignRun, HopperLead
from dialer.commands import (
    BridgeToAgent,
    CancelTimer,
    CheckCalls,
    Command,
    HangUp,
    HangUpLeg,
    MarkAnswered,
    MarkBridged,
    ReleaseLeads,
    StartTimer,
)
from dialer.dialling import Dialling
from dialer.endings import Endings
from dialer.errors import IllegalTransitionError
from dialer.events import (
    PUT_OFF,
    STORE_SLOW,
    AgentEvent,
    AgentLoggedIn,
    AgentReleased,
    BridgeFailed,
    CallAdopted,
    CallbacksExpected,
    CallbacksReserved,
    CallBridged,
    CallEnded,
    CallEvent,
    CallMatched,
    CallNotPlaced,
    CampaignLoaded,
    ClockStepped,
    CountsElsewhere,
    DispositionChosen,
    DrainRequested,
    Event,
    LeadsDue,
    LeadsForgotten,
    LeadsReserved,
    LeadTaken,
    OldLegFound,
    ShiftEndSet,
    StoreDown,
    StoreUp,
    TelephonyDown,
    TelephonyUp,
    Ticked,
    TimerFired,
    WrapUpEnded,
)
from dialer.holding import GUARD
from dialer.ids import ONLY_NODE, AgentId, CallId, CampaignId, NodeId, TeamId
from dialer.leads import Lead, adopted_lead
from dialer.nodes import Nodes
from dialer.pacing_board import PacingBoard
from dialer.trunk_board import TrunkBoard
from dialer.trunks import named

_RESERVED = (LeadsReserved, CallbacksReserved)
_PACE_ON = (Ticked, CallEnded, WrapUpEnded, TimerFired, AgentLoggedIn, *_RESERVED, StoreUp)


class Team:
    """Mutable and synchronous; everything that crosses its border is frozen."""

    def __init__(
        self,
        team_id: TeamId,
        new_call_id: Callable[[datetime], CallId],
        nodes: Iterable[NodeId] = (ONLY_NODE,),
        board: PacingBoard | None = None,
    ) -> None:
        """`board`: a new one, of a kind that does more besides."""
        self.team_id = team_id
        self.agents: dict[AgentId, Agent] = {}
        self.calls: dict[CallId, Call] = {}
        self.runs: dict[CampaignId, CampaignRun] = {}
        self.nodes = Nodes(nodes)
        self.store_up = True
        self.draining = False
        self.stray: Counter[str] = Counter()
        self.time = AgentTime()
        self.connect_times: deque[float] = deque(maxlen=200)
        self._failed_pairs: set[tuple[CallId, AgentId]] = set()
        self.trunks = TrunkBoard()
        self.board = board or PacingBoard()
        self._leads: dict[CallId, HopperLead] = {}
        self._dialling = Dialling(
            self.agents,
            self.runs,
            self.calls,
            self._leads,
            self.nodes,
            self.trunks,
            self.board,
            new_call_id,
        )
        self._endings = Endings(self.calls, self._leads, self.trunks)

    # --- the one door -------------------------------------------------------------------------------------------------

    def handle(self, event: Event) -> list[Command]:
        """Apply one event; the commands that follow from it, in order. Raises IllegalTransitionError, nothing changed."""
        if isinstance(event, ClockStepped):
            known = (self.calls, self._leads, self.agents, self.runs.values())
            team_clock.step(event.by, *known, self.trunks, self.nodes, self.time)
            self.board.shift(event.by.total_seconds())
            self._dialling.clock_stepped(event.by)
        present = self.time.pass_to(event.at, self.agents.values())
        self.trunks.seen(event.at)
        commands = self._apply(event)
        commands += self._match(event.at)
        if isinstance(event, _PACE_ON):
            commands += self._pace(present)  # decided now, also when the event is of a moment ago
        return commands

    def quarantine(self, event: CallEvent) -> list[Command]:
        """An illegal event came for this call: have the truth looked up on the exchange."""
        return self._check(event.call_id) if event.call_id in self.calls else []

    def _check(self, call_id: CallId) -> list[Command]:
        return [CheckCalls(call_ids=(call_id,), node=self.calls[call_id].order.node)]

    def _apply(self, event: Event) -> list[Command]:
        match event:
            case CallAdopted():
                return self._adopt(event)
            case CallNotPlaced():
                return self._not_placed(event)
            case CallEvent():
                return self._on_call(event)
            case DispositionChosen():
                self._endings.answers.labelled(event)
                return [call_rules.disposition_of(event)]
            case LeadTaken():
                return self._on_lead_taken(event)
            case AgentEvent():
                return self._on_agent(event)
            case TimerFired():
                return self._on_timer(event)
            case CampaignLoaded():
                return self._load(event)
            case LeadsReserved() | CallbacksReserved():
                return self._on_leads(event)
            case LeadsDue(campaign_id=campaign_id):
                return self.runs[campaign_id].wake() if campaign_id in self.runs else []
            case CallbacksExpected(campaign_id=campaign_id, next_at=next_at):
                if campaign_id in self.runs:
                    self.runs[campaign_id].expect(next_at)
                return []
            case LeadsForgotten(lead_ids=gone):
                shown = self._withdraw(lambda lead: lead.lead_id in gone, event.at)
                return shown + [c for run in self.runs.values() for c in run.forget(gone)]
            case DrainRequested():
                self.draining = True
                shown = self._withdraw(lambda _: True, event.at)
                return shown + [c for run in self.runs.values() for c in run.give_back()]
            case _:
                self._on_world(event)
                return []

    def _on_world(self, event: Event) -> None:
        match event:
            case TelephonyUp(node=node):
                self.nodes.came_up(node)
                self.board.node_up(node)
            case TelephonyDown(node=node, reason=reason, at=at):
                self.nodes.went_away(node, reason, at)
                self.board.node_away(node, at.timestamp())
            case CountsElsewhere(campaign_id=campaign_id) if campaign_id in self.runs:
                self.runs[campaign_id].budget.told(event)
            case StoreDown() | StoreUp():
                self.store_up = isinstance(event, StoreUp)
            case _:
                pass

    # --- calls --------------------------------------------------------------------------------------------------------

    def _on_call(self, event: CallEvent) -> list[Command]:
        before = self.calls.get(event.call_id)
        if before is None:
            if not isinstance(event, BridgeFailed):  # refused because the call had ended meanwhile
                self.stray[type(event).__name__] += 1
            return []
        after = call_rules.apply(before, event)
        if after is before:
            # Bridged after the limit: the dialplan has spoken, and the agent is not kept with a call that is over.
            too_late = isinstance(event, CallBridged) and before.state is CallState.ABANDONED
            return [HangUp(call_id=event.call_id, node=before.order.node)] if too_late else []
        commands: list[Command] = []
        agent_id = after.agent_id or before.agent_id
        if agent_id is not None:
            commands += self._tell_agent(agent_id, event)
        if isinstance(event, CallBridged) and before.agent_id not in (None, event.agent_id):
            commands += self._let_go(before, event)
        self.calls[event.call_id] = after
        pacing_feed.moved(self.board, after, event.at)
        commands += self._consequences(before, after, event)
        return commands

    def _let_go(self, call: Call, bridged: CallBridged) -> list[Command]:
        """The call was bridged to another agent than the one it was matched with, who is free again."""
        assert call.agent_id is not None
        failed = BridgeFailed(
            call_id=bridged.call_id,
            agent_id=call.agent_id,
            reason="bridged_to_another",
            at=bridged.at,
        )
        return self._tell_agent(call.agent_id, failed)

    def _consequences(self, before: Call, after: Call, event: CallEvent) -> list[Command]:
        run = self.runs[after.order.campaign_id]
        commands: list[Command] = []
        if before.answered_at is None and after.answered_at is not None:
            commands.append(MarkAnswered(call_id=event.call_id, answered_at=after.answered_at))
            commands.append(CancelTimer(key=f"guard:{event.call_id}"))
            self.trunks.answered(after)
        self.trunks.observe(before, after, event.at)
        if before.bridged_at is None and after.bridged_at is not None and after.agent_id:
            commands.append(
                MarkBridged(
                    call_id=event.call_id, bridged_at=after.bridged_at, agent_id=after.agent_id
                )
            )
            self._endings.answers.bridged(run, after, event.at)
            if after.answered_at is not None:
                wait = (after.bridged_at - after.answered_at).total_seconds()
                self.connect_times.append(wait * 1000)
        if isinstance(event, BridgeFailed):
            self._failed_pairs.add((event.call_id, event.agent_id))
            commands += self._check(event.call_id)
        if after.state is CallState.ENDED:
            commands += self._endings.close(run, after)
            self._failed_pairs = {p for p in self._failed_pairs if p[0] != event.call_id}
        return commands

    def _not_placed(self, event: CallNotPlaced) -> list[Command]:
        call = self.calls.get(event.call_id)
        if call is None:
            self.stray[type(event).__name__] += 1
            return []
        if call.state is not CallState.DIALING:
            raise IllegalTransitionError("call", call.state, type(event).__name__)
        if call.agent_id is not None:
            self._tell_agent(call.agent_id, event)
        del self.calls[event.call_id]
        self.board.unplaced(event.call_id)
        entry = self._leads.pop(event.call_id)
        self.trunks.not_placed(call.order.trunk, event.call_id)
        run = self.runs[call.order.campaign_id]
        commands: list[Command] = [CancelTimer(key=f"guard:{event.call_id}")]
        kept = self.trunks.refused(call.order.trunk, event.reason, event.at)
        if event.reason in PUT_OFF:
            commands.append(run.put_off(entry.lead, event.reason, event.not_before, event.at))
        elif not kept and event.reason != STORE_SLOW:
            run.denied.note(event.reason, None, event.at)
        elif run.dials and not self.draining:
            run.put_back([entry], event.at)
        else:
            commands.append(ReleaseLeads(lead_ids=(entry.lead.lead_id,)))
        return commands

    def _adopt(self, event: CallAdopted) -> list[Command]:
        run = self.runs.get(event.campaign_id)
        if run is None or event.call_id in self.calls:
            return []
        lead = adopted_lead(event.lead_id, event.campaign_id, attempts=event.attempts)
        (trunk,) = named((event.trunk,), run.trunks)
        order = run.order(lead, trunk, event.call_id, event.started_at, event.node)
        call = self.calls[event.call_id] = call_rules.adopted(order, event)
        pacing_feed.adopted(self.board, call, event.at)
        agent = self.agents.get(event.agent_id) if event.agent_id else None
        here = agent is not None and agent.node in (None, event.node)
        commands: list[Command] = []
        if event.talking and agent is not None and here and agent.call_id is None:
            # Who talks is not looking at a lead.
            commands += self._withdraw(lambda lead: agent.lead_id == lead.lead_id, event.at)
            talks = agent_rules.adopted(self.agents[agent.agent_id], event)
            self._set_agent(talks, event.at)
        self._leads[event.call_id] = HopperLead(lead, event.at)
        return [*commands, StartTimer(key=f"guard:{event.call_id}", due_at=event.at + GUARD)]

    # --- agents -------------------------------------------------------------------------------------------------------

    def add_agent(self, agent_id: AgentId, name: str) -> None:
        """Known to the team, logged out until the phone says otherwise."""
        known = self.agents.get(agent_id)
        self.agents[agent_id] = (
            replace(known, name=name) if known else Agent(agent_id=agent_id, name=name)
        )

    def forget_agent(self, agent_id: AgentId, now: datetime) -> None:
        """Works in another team from now on."""
        if self.agents.pop(agent_id, None) is not None:
            self.board.agent_gone(agent_id, now.timestamp())

    def _set_agent(self, agent: Agent, now: datetime) -> None:
        self.agents[agent.agent_id] = agent
        call = self.calls.get(agent.call_id) if agent.call_id else None
        pacing_feed.agent(self.board, agent, call.order.campaign_id if call else None, now)

    def _on_agent(self, event: AgentEvent) -> list[Command]:
        if event.agent_id not in self.agents:
            self.stray[type(event).__name__] += 1
            return []
        before = self.agents[event.agent_id]
        if isinstance(event, OldLegFound):
            moved = (before.node, before.leg) != (event.node, event.leg)
            return self._hang_up_leg(event.leg, event.node) if moved else []
        commands = self._tell_agent(event.agent_id, event)
        if isinstance(event, AgentLoggedIn) and before.node != event.node:
            commands += self._hang_up_leg(before.leg, before.node)
        if isinstance(event, WrapUpEnded):
            commands.append(CancelTimer(key=f"wrap:{event.agent_id}"))
        if isinstance(event, ShiftEndSet):
            commands.append(self._watch_stop(event.agent_id))
        return commands

    def _watch_stop(self, agent_id: AgentId) -> Command:
        """Nothing tells of the end of a shift but the clock."""
        key, due = f"stops:{agent_id}", self.agents[agent_id].stops_at
        return CancelTimer(key=key) if due is None else StartTimer(key=key, due_at=due)

    def _stops(self, agent: Agent, now: datetime) -> list[Command]:
        """Perhaps the agent is counted upon no more; after a clock that was set back, not yet."""
        self._set_agent(agent, now)
        due = agent.stops_at
        return [] if due is None or due <= now else [self._watch_stop(agent.agent_id)]

    def _hang_up_leg(self, leg: str | None, node: NodeId | None) -> list[Command]:
        """The newer leg has won. One on a server that is away is found when the server is back."""
        if leg is None or node is None or not self.nodes.is_up(node):
            return []
        return [HangUpLeg(leg=leg, node=node)]

    def _tell_agent(self, agent_id: AgentId, event: Event) -> list[Command]:
        """Apply an event to an agent; on entering wrap-up its timer starts."""
        agent = self.agents.get(agent_id)
        if agent is None or not self._concerns(agent, event):
            return []
        after = agent_rules.apply(agent, event)
        self._set_agent(after, event.at)
        self._dialling.holding.follow(agent, after, event)
        if agent.phase is AgentPhase.PREVIEWING:
            return self._follow_offer(after, event)
        entered = agent.phase is not AgentPhase.WRAP_UP and after.phase is AgentPhase.WRAP_UP
        return self._start_wrap_up(after, event.at) if entered else []

    def _follow_offer(self, agent: Agent, event: Event) -> list[Command]:
        """What becomes of the lead that the agent was shown; who goes on break sees it no more."""
        if agent.phase is not AgentPhase.PREVIEWING:
            return self._dialling.offer_ended(agent.agent_id, event, self.may_dial)
        if agent.is_staffed:
            return []
        released = AgentReleased(agent_id=agent.agent_id, at=event.at)
        return self._tell_agent(agent.agent_id, released)

    def _withdraw(self, which: Callable[[Lead], bool], now: datetime) -> list[Command]:
        """Leads that are shown to agents go back to where they came from."""
        shown = [who for who, entry in self._dialling.offers.items() if which(entry.lead)]
        events = (AgentReleased(agent_id=who, at=now) for who in shown)
        return [command for each in events for command in self._tell_agent(each.agent_id, each)]

    def _concerns(self, agent: Agent, event: Event) -> bool:
        """A call's event moves the agent only while that call is the agent's; being bridged, on the agent's server, is what
        makes it so."""
        if isinstance(event, CallBridged):
            call = self.calls.get(event.call_id)
            return agent.node is not None and (call is None or call.order.node == agent.node)
        if not isinstance(event, CallEvent):
            return True
        return agent.call_id == event.call_id and type(event) in agent_rules.HEARD

    def _start_wrap_up(self, agent: Agent, now: datetime) -> list[Command]:
        call = self.calls.get(agent.call_id) if agent.call_id else None
        run = self.runs.get(call.order.campaign_id) if call else None
        due = now + (run.policy.wrap_up if run else timedelta())
        self.agents[agent.agent_id] = replace(agent, wrap_until=due)
        return [StartTimer(key=f"wrap:{agent.agent_id}", due_at=due)]

    def _on_timer(self, event: TimerFired) -> list[Command]:
        kind, _, name = event.key.partition(":")
        if kind == "guard" and (call := self.calls.get(CallId(name))) is not None:
            if call.answered_at is not None:
                return self._check(call.order.call_id)
            self._dialling.holding.release(call, event.at)
            again = StartTimer(key=event.key, due_at=event.at + GUARD)  # a look may pass it over
            return [*self._check(call.order.call_id), again]
        if kind == "preview":
            over = self._dialling.offer_over(AgentId(name), event.at)
            return self._tell_agent(over.agent_id, over) if over else []
        agent = self.agents.get(AgentId(name)) if kind in ("wrap", "stops") else None
        if agent is not None and kind == "stops":
            return self._stops(agent, event.at)
        if agent is None or agent.wrap_until is None or event.at < agent.wrap_until:
            return []
        return self._tell_agent(agent.agent_id, WrapUpEnded(agent_id=agent.agent_id, at=event.at))

    # --- the queue ----------------------------------------------------------------------------------------------------

    def _match(self, now: datetime) -> list[Command]:
        if not self.board.waiting:
            return []
        waiting = queue_snapshot.waiting(self.calls, self.nodes)
        if not waiting:
            return []
        free = queue_snapshot.free(self.agents, self.nodes, now)
        matches = queue.match(waiting, free, now, frozenset(self._failed_pairs))
        return [self._bridge(pair, now) for pair in matches]

    def _bridge(self, pair: queue.Match, now: datetime) -> Command:
        event = CallMatched(call_id=pair.call_id, agent_id=pair.agent_id, at=now)
        call = call_rules.apply(self.calls[pair.call_id], event)
        self.calls[pair.call_id] = call
        pacing_feed.moved(self.board, call, now)
        agent = agent_rules.apply(self.agents[pair.agent_id], event)
        self._set_agent(agent, now)
        assert agent.leg is not None
        assert call.limit_at is not None
        return BridgeToAgent(
            call_id=pair.call_id,
            agent_id=pair.agent_id,
            leg=agent.leg,
            limit_at=call.limit_at,
            node=call.order.node,
        )

    # --- campaigns and pacing -----------------------------------------------------------------------------------------

    def _load(self, event: CampaignLoaded) -> list[Command]:
        campaign_id = event.campaign.policy.campaign_id
        run = self.runs.get(campaign_id)
        if run is None:
            run = self.runs[campaign_id] = CampaignRun.of(event)
            pacing_feed.campaign(self.board, run)
            pacing_feed.recall(self.board, run, event.past, event.at)
            return []
        run.reload(event)
        pacing_feed.campaign(self.board, run)
        if run.dials and run.policy.mode is PacingMode.PREVIEW:
            return []
        shown = self._withdraw(lambda lead: lead.campaign_id == campaign_id, event.at)
        return shown + ([] if run.dials else run.give_back())

    def _on_lead_taken(self, event: LeadTaken) -> list[Command]:
        """The agent may have got a call since, or the campaign been paused: then the lead goes back."""
        if any(entry.lead.lead_id == event.lead.lead_id for entry in self._leads.values()):
            return []  # it is being called
        lead_id, run = event.lead.lead_id, self.runs.get(event.lead.campaign_id)
        shown = self._withdraw(lambda lead: lead.lead_id == lead_id, event.at)
        if run is not None:
            run.forget((lead_id,))
        if run is None or not self.may_dial:
            return [*shown, ReleaseLeads(lead_ids=(lead_id,))]
        return shown + self._dialling.dial_for(run, event.agent_id, event.lead, event.at)

    def _on_leads(self, event: LeadsReserved | CallbacksReserved) -> list[Command]:
        run = self.runs.get(event.campaign_id)
        if run is None:
            return []
        commands = (
            run.take_promised(event) if isinstance(event, CallbacksReserved) else run.take_in(event)
        )
        if run.dials and not self.draining:
            return commands
        return commands + run.give_back()  # asked for before the pause

    @property
    def may_dial(self) -> bool:
        """Somewhere; see `nodes` for where."""
        return bool(self.nodes.up) and self.store_up and not self.draining

    def refusal_for(self, agent_id: AgentId, lead: Lead, now: datetime) -> str | None:
        """Why this agent cannot have a call to this lead now, in a word; None: nothing is known against it."""
        if not self.may_dial:
            stops = {"draining": self.draining, "store_down": not self.store_up}
            return next((word for word, holds in stops.items() if holds), "telephony_down")
        return self._dialling.refusal_for(agent_id, lead, now)

    def _pace(self, now: datetime) -> list[Command]:
        if self.may_dial:
            return self._dialling.pace(now)
        for run in self.runs.values():
            run.decisions = {}
        return []
