"""A team under any sequence of events: legal and illegal, late and told twice. What must never happen, whatever comes in."""

from collections import Counter
from datetime import timedelta
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from dialer.agents import AgentPhase
from dialer.calls import UNANSWERED, CallState
from dialer.campaign import CampaignState, PacingMode
from dialer.commands import (
    BridgeToAgent,
    CloseAttempt,
    Command,
    DeferLead,
    HangUpLeg,
    PlaceCall,
    ReleaseLeads,
)
from dialer.errors import IllegalTransitionError
from dialer.events import (
    CallNotPlaced,
    Event,
    Fate,
    LeadsForgotten,
    LeadsReserved,
    LeadTaken,
    Screening,
    WindowCount,
)
from dialer.ids import AgentId
from dialer.pacing_recorder import RecordedBoard
from dialer.team import Team
from dialer.team_view import view
from dialer.why import explain
from tests.support import playbook
from tests.support.pacing_logs import Recording
from tests.support.playbook import SPRING, START, at, lead

AGENTS = ("anna", "bruno", "carla")
NODES = ("roma", "milano")
CALLS = tuple(f"call-{number}" for number in range(1, 9))
LINES = 5

calls = st.sampled_from(CALLS)
agents = st.sampled_from(AGENTS)
legs = st.integers(1, 2)
nodes = st.sampled_from(NODES)
steps = st.sampled_from((-90.0, -1.0, 0.0, 0.05, 0.25, 1.0, 3.0, 15.0, 60.0, 400.0))

OF_A_CALL = (
    playbook.rings,
    playbook.answers,
    playbook.waits,
    playbook.talk_ends,
    playbook.is_abandoned,
    playbook.ends,
    playbook.is_refused,
    playbook.is_not_placed,
    playbook.is_lost,
)
OF_A_PAIR = (playbook.bridged, playbook.bridge_fails)
OF_A_LEG = (playbook.logs_in, playbook.leg_returns, playbook.phone_drops)
OF_AN_AGENT = (playbook.asks_break, playbook.ends_break, playbook.ends_wrap_up)
OF_THE_WORLD = (
    playbook.store_fails,
    playbook.store_works,
    playbook.tick,
)


class TeamMachine(RuleBasedStateMachine):
    """Feeds one team, and beside it a list of all events, to be played again to a second team at the end."""

    def __init__(self) -> None:
        super().__init__()
        self.team = playbook.new_team(*NODES)
        self.events: list[Event] = []
        self.said: list[list[Command] | str] = []
        self.seconds = 0.0
        self.lead_number = 0
        self.reserved: set[str] = set()  # leads in the team's hands, not dialled yet
        self.forgotten: set[str] = set()
        self.locked: set[str] = set()  # leads that were abandoned long ago
        self.asked: dict[str, str] = {}  # lead -> who asked for a call to it
        self.dialled: Counter[str] = Counter()
        self.open: dict[str, str] = {}  # call -> lead, from PlaceCall to its close
        self.bridges: Counter[tuple[str, str]] = Counter()
        self.adopted: set[str] = set()
        self.joined: dict[str, str] = {}  # agent -> call, from BridgeToAgent to its end

    # --- feeding --------------------------------------------------------------------------------------------------

    def feed(self, event: Event) -> None:
        self.events.append(event)
        self.note_event(event)
        before = picture(self.team)
        try:
            commands = self.team.handle(event)
        except IllegalTransitionError:
            assert picture(self.team) == before
            self.said.append("illegal")
            return
        self.said.append(commands)
        for command in commands:
            self.note_command(command)

    def note_event(self, event: Event) -> None:
        name = type(event).__name__
        call_id, agent_id = getattr(event, "call_id", None), getattr(event, "agent_id", None)
        if name in ("AgentLoggedIn", "AgentLoggedOut", "AgentReturned"):
            self.joined.pop(agent_id, None)
        if name in ("TalkEnded", "CallEnded", "CallAbandoned", "CallLost", "CallRefused"):
            self.joined = {who: call for who, call in self.joined.items() if call != call_id}
        if name == "BridgeFailed" and self.joined.get(str(agent_id)) == call_id:
            del self.joined[str(agent_id)]
        if name == "CallBridged":  # the exchange says who talks with whom
            self.joined = {who: call for who, call in self.joined.items() if call != call_id}
        if isinstance(event, CallNotPlaced):
            call = self.team.calls.get(event.call_id)
            if call is not None and call.state is CallState.DIALING:
                self.open.pop(event.call_id)
        if isinstance(event, LeadsReserved):
            self.reserved |= {lead.lead_id for lead in event.leads}
        if isinstance(event, LeadTaken):
            self.reserved.add(event.lead.lead_id)
        if isinstance(event, LeadsForgotten):
            self.forgotten |= set(event.lead_ids) & self.reserved
            self.reserved -= set(event.lead_ids)

    def note_command(self, command: Command) -> None:
        match command:
            case PlaceCall(call_id=call_id, lead_id=lead_id, node=node):
                assert self.team.nodes.is_up(node), "dialled on a server that is away"
                assert node in {agent.node for agent in self.team.agents.values()}, "for nobody"
                assert lead_id in self.reserved, "dialled a lead that it does not hold"
                self.reserved.remove(lead_id)
                self.dialled[lead_id] += 1
                assert call_id not in self.open
                self.open[call_id] = lead_id
                assert self.team.may_dial
                assert self.live() <= LINES
                self.note_hold(command)
            case ReleaseLeads(lead_ids=lead_ids):
                assert set(lead_ids) <= self.reserved, "released a lead that it does not hold"
                self.reserved -= set(lead_ids)
            case DeferLead(lead_id=lead_id):
                assert lead_id in self.reserved
                self.reserved.remove(lead_id)
            case CloseAttempt(call_id=call_id, lead_update=update):
                assert self.open.pop(call_id) == update.lead_id, "closed twice or never placed"
            case BridgeToAgent(call_id=call_id, agent_id=agent_id, node=node):
                call, agent = self.team.calls[call_id], self.team.agents[agent_id]
                assert call.order.node == agent.node == node, "legs of two servers"
                assert self.team.nodes.is_up(node), "joined on a server that is away"
                self.bridges[(call_id, agent_id)] += 1
                assert self.bridges[(call_id, agent_id)] == 1, "bridged twice to the same agent"
                assert agent_id not in self.joined, "the agent has another call"
                self.joined[agent_id] = call_id
            case HangUpLeg(leg=leg, node=node):
                assert self.team.nodes.is_up(node)
                held = {(agent.node, agent.leg) for agent in self.team.agents.values()}
                assert (node, leg) not in held, "hung up on somebody who works there"
            case _:
                pass

    def note_hold(self, order: PlaceCall) -> None:
        """Who is held when the call is placed; in a mode that holds agents somebody always is."""
        run = self.team.runs[SPRING]
        if order.agent_id is None:
            assert not run.policy.mode.holds_agents, "dialled with no agent held"
            assert order.lead_id not in self.asked, "not for the agent who asked for it"
            assert order.lead_id not in self.locked, "the law wants an agent held for this lead"
            return
        agent = self.team.agents[order.agent_id]
        assert (agent.phase, agent.call_id) == (AgentPhase.RESERVED, order.call_id)
        assert order.agent_id not in self.joined, "held while another call is the agent's"
        assert self.asked.get(order.lead_id, order.agent_id) == order.agent_id
        assert run.policy.mode is not PacingMode.MANUAL or order.lead_id in self.asked
        wanted = order.lead_id in self.locked or order.lead_id in self.asked
        assert run.policy.mode.holds_agents or wanted, "held for no reason"

    def live(self) -> int:
        """Lines in use, as far as anybody can know: a server that has been away for long may be dead."""
        now = self.events[-1].at
        return sum(
            call_id not in ADOPTED and self.team.nodes.holds_lines(call.order.node, now)
            for call_id, call in self.team.calls.items()
        )

    def later(self, step: float) -> float:
        """The instant of the next event: sometimes before the one that was told last."""
        self.seconds = max(self.seconds + step, self.seconds)
        return self.seconds + min(step, 0.0)

    # --- the rules ------------------------------------------------------------------------------------------------

    @initialize(mode=st.sampled_from(PacingMode), calm=st.booleans())
    def begin(self, mode: PacingMode, calm: bool) -> None:
        counts = (WindowCount(answered=1000 if calm else 0),) * 2
        self.policy: dict[str, Any] = {"mode": mode, "lines": LINES, "dial_ratio": 3.0}
        for agent in AGENTS:
            self.team.add_agent(AgentId(agent), agent.title())
        self.feed(playbook.campaign(counts=counts, **self.policy))
        for node in NODES:
            self.feed(playbook.link_up(0, node))
        for agent, node in zip(AGENTS, (*NODES, NODES[0]), strict=True):
            self.feed(playbook.logs_in(agent, 0, node=node))

    @rule(step=steps, size=st.integers(0, 4))
    def leads_come(self, step: float, size: int) -> None:
        """The store reserves a lead for one team at a time, so each of these is new."""
        names = [f"lead-{self.lead_number + number}" for number in range(size)]
        self.lead_number += size
        self.feed(playbook.leads(self.later(step), *names))

    @rule(where=st.tuples(nodes, nodes, nodes), step=st.sampled_from((0.0, 1.0, 15.0)))
    def all_is_well_for_a_moment(self, where: tuple[str, str, str], step: float) -> None:
        """Servers up, agents at their phones, leads: without this most teams would dial nobody."""
        seconds = self.later(step)
        self.feed(playbook.campaign(seconds=seconds, **self.policy))
        self.feed(playbook.store_works(seconds))
        for node in NODES:
            self.feed(playbook.link_up(seconds, node))
        for agent, node in zip(AGENTS, where, strict=True):
            self.feed(playbook.logs_in(agent, seconds, node=node))
            self.feed(playbook.ends_wrap_up(agent, seconds))
        self.leads_come(0.0, 3)
        self.feed(playbook.tick(self.later(3.0)))

    @rule(step=steps, zone=st.sampled_from(("Asia/Tokyo", "America/Los_Angeles", "Europe/Rome")))
    def a_lead_comes_that_may_be_denied(self, step: float, zone: str) -> None:
        self.lead_number += 1
        odd = lead(f"lead-{self.lead_number - 1}", zone=zone, last_abandoned_at=START)
        event = LeadsReserved(
            campaign_id=SPRING, leads=(odd,), next_due_at=None, at=at(self.later(step))
        )
        self.feed(event)

    @rule(step=steps, size=st.integers(1, 3))
    def leads_come_that_need_an_agent(self, step: float, size: int) -> None:
        """They were abandoned, and the time in which they must be left alone is over."""
        long_ago = START - timedelta(days=30)
        names = [f"lead-{self.lead_number + number}" for number in range(size)]
        self.lead_number += size
        self.locked |= set(names)
        locked = tuple(lead(name, last_abandoned_at=long_ago) for name in names)
        self.feed(
            LeadsReserved(
                campaign_id=SPRING, leads=locked, next_due_at=None, at=at(self.later(step))
            )
        )

    @rule(step=steps, agent=agents)
    def an_agent_asks_for_a_call(self, step: float, agent: str) -> None:
        self.lead_number += 1
        name = f"lead-{self.lead_number - 1}"
        self.asked[name] = agent
        self.feed(playbook.takes(agent, lead(name), self.later(step)))

    @rule(make=st.sampled_from((playbook.accepts, playbook.skips)), agent=agents, step=steps)
    def an_agent_answers_to_an_offer(self, make: Any, agent: str, step: float) -> None:
        self.feed(make(agent, self.later(step)))

    @rule(step=steps, mode=st.sampled_from(PacingMode))
    def the_mode_changes(self, step: float, mode: PacingMode) -> None:
        self.policy["mode"] = mode
        self.feed(playbook.campaign(seconds=self.later(step), **self.policy))

    @rule(make=st.sampled_from(OF_A_CALL), call=calls, step=steps)
    def something_of_a_call(self, make: Any, call: str, step: float) -> None:
        self.feed(make(call, self.later(step)))

    @rule(call=calls, step=steps, verdict=st.sampled_from(Screening))
    def a_call_is_screened(self, call: str, step: float, verdict: Screening) -> None:
        self.feed(playbook.screened(call, verdict, self.later(step)))

    @rule(make=st.sampled_from(OF_A_PAIR), call=calls, agent=agents, step=steps)
    def something_of_a_pair(self, make: Any, call: str, agent: str, step: float) -> None:
        self.feed(make(call, agent, self.later(step)))

    @precondition(lambda self: self.waiting_or_dialing())
    @rule(data=st.data(), step=st.sampled_from((0.0, 0.05, 0.25)))
    def a_person_answers_and_waits(self, data: st.DataObject, step: float) -> None:
        call = data.draw(st.sampled_from(self.waiting_or_dialing()))
        self.feed(playbook.answers(call, self.later(step)))
        self.feed(playbook.waits(call, self.later(step)))

    @precondition(lambda self: self.joined)
    @rule(data=st.data(), step=st.sampled_from((0.0, 0.05)), well=st.booleans())
    def what_was_asked_for_comes_about(self, data: st.DataObject, step: float, well: bool) -> None:
        agent = data.draw(st.sampled_from(sorted(self.joined)))
        make = playbook.bridged if well else playbook.bridge_fails
        self.feed(make(self.joined[agent], agent, self.later(step)))

    @rule(make=st.sampled_from(OF_A_LEG), agent=agents, leg=legs, node=nodes, step=steps)
    def something_of_a_leg(self, make: Any, agent: str, leg: int, node: str, step: float) -> None:
        self.feed(make(agent, self.later(step), leg, node))

    @rule(agent=agents, leg=legs, node=nodes, step=steps)
    def an_old_leg_is_found(self, agent: str, leg: int, node: str, step: float) -> None:
        """Reconciliation finds one only of an agent who is on another server."""
        if self.team.agents[AgentId(agent)].node not in (None, node):
            self.feed(playbook.old_leg_found(agent, self.later(step), leg, node))

    @rule(up=st.booleans(), node=nodes, step=steps)
    def a_server_goes_or_comes(self, up: bool, node: str, step: float) -> None:
        make = playbook.link_up if up else playbook.link_down
        self.feed(make(self.later(step), node))

    @rule(make=st.sampled_from(OF_AN_AGENT), agent=agents, step=steps)
    def something_of_an_agent(self, make: Any, agent: str, step: float) -> None:
        self.feed(make(agent, self.later(step)))

    @rule(make=st.sampled_from(OF_THE_WORLD), step=steps)
    def something_of_the_world(self, make: Any, step: float) -> None:
        self.feed(make(self.later(step)))

    @rule(step=steps, state=st.sampled_from(CampaignState))
    def the_campaign_changes(self, step: float, state: CampaignState) -> None:
        self.feed(playbook.campaign(state, seconds=self.later(step), **self.policy))

    @rule(step=steps, number=st.integers(0, 30))
    def a_number_is_forgotten(self, step: float, number: int) -> None:
        self.feed(playbook.forget(self.later(step), f"lead-{number}"))

    @rule(
        step=steps,
        key=st.sampled_from([f"guard:{c}" for c in CALLS] + ["wrap:anna", "wrap:", "preview:anna"]),
    )
    def a_timer_fires(self, step: float, key: str) -> None:
        self.feed(playbook.timer(key, self.later(step)))

    @rule(
        step=steps,
        call=st.sampled_from(("old-1", "old-2")),
        how=st.integers(0, 2),
        who=agents,
        node=nodes,
    )
    def an_old_call_is_adopted(self, step: float, call: str, how: int, who: str, node: str) -> None:
        seconds = self.later(step)
        if call in self.adopted:
            return
        self.adopted.add(call)
        self.open[call] = f"lead-of-{call}"
        talking = how == 2
        self.feed(
            playbook.is_adopted(
                call,
                seconds,
                answered=seconds - 30 if how else None,
                talking_since=seconds - 29 if talking else None,
                agent=who if talking else None,
                node=node,
            )
        )

    @rule(step=steps, call=st.sampled_from(("old-1", "old-2")), fate=st.sampled_from(Fate))
    def an_old_call_ends(self, step: float, call: str, fate: Fate) -> None:
        self.feed(playbook.is_lost(call, self.later(step), fate))

    @rule(data=st.data())
    def an_event_is_told_twice(self, data: st.DataObject) -> None:
        latest = [e for e in self.events[-6:] if not isinstance(e, LeadsReserved | LeadTaken)]
        if latest:
            again = data.draw(st.sampled_from(latest))
            if type(again).__name__ != "CallAdopted":
                self.feed(again)

    def waiting_or_dialing(self) -> list[str]:
        early = (CallState.DIALING, CallState.RINGING)
        return [call_id for call_id, call in self.team.calls.items() if call.state in early]

    # --- what always holds ----------------------------------------------------------------------------------------

    @invariant()
    def an_agent_has_one_call_and_a_call_one_agent(self) -> None:
        busy = (AgentPhase.RESERVED, AgentPhase.TALKING)
        held = [agent.call_id for agent in self.team.agents.values() if agent.phase in busy]
        assert len(held) == len(set(held))
        assert None not in held

    @invariant()
    def who_is_reserved_or_talks_has_a_call_that_is_up(self) -> None:
        for agent in self.team.agents.values():
            if agent.phase is AgentPhase.RESERVED:
                call = self.team.calls[agent.call_id]
                assert call.agent_id == agent.agent_id
                assert call.state in (*UNANSWERED, CallState.WAITING, CallState.CONNECTING)
            if agent.phase is AgentPhase.TALKING:
                assert self.team.calls[agent.call_id].state is CallState.TALKING

    @invariant()
    def whoever_is_held_for_a_call_knows_it(self) -> None:
        for call_id, call in self.team.calls.items():
            if call.agent_id is not None and call.state in (*UNANSWERED, CallState.WAITING):
                agent = self.team.agents[call.agent_id]
                assert (agent.phase, agent.call_id) == (AgentPhase.RESERVED, call_id)
                assert agent.node == call.order.node

    @invariant()
    def the_board_knows_of_no_call_for_which_an_agent_is_held(self) -> None:
        for call_id, call in self.team.calls.items():
            if call.state in UNANSWERED:
                assert self.team.board.knows(call_id) == (call.agent_id is None)

    @invariant()
    def who_previews_is_shown_a_lead_and_nobody_else_is(self) -> None:
        for agent in self.team.agents.values():
            previewing = agent.phase is AgentPhase.PREVIEWING
            assert previewing == (agent.lead_id is not None) == (agent.offer_until is not None)
            assert not previewing or (agent.is_staffed and agent.call_id is None)

    @invariant()
    def nobody_who_talks_is_free(self) -> None:
        for call in self.team.calls.values():
            if call.state is CallState.TALKING and call.bridged_at and call.agent_id:
                agent = self.team.agents[call.agent_id]
                assert not (agent.is_free and agent.call_id == call.order.call_id)

    @invariant()
    def every_open_attempt_is_a_call(self) -> None:
        assert set(self.open) == set(self.team.calls)

    @invariant()
    def every_lead_is_in_one_place(self) -> None:
        hopper = [
            str(entry.lead.lead_id)
            for run in self.team.runs.values()
            for entry in (*run.hopper, *run.guaranteed)
        ]
        shown = [agent.lead_id for agent in self.team.agents.values() if agent.lead_id]
        hopper += [str(lead_id) for lead_id in shown]
        assert len(hopper) == len(set(hopper))
        assert set(hopper) == self.reserved
        assert all(times <= 1 for times in self.dialled.values())

    @invariant()
    def shares_and_estimates_are_in_their_bounds(self) -> None:
        now = at(self.seconds)
        picture = view(self.team, now)
        assert picture.talk_share is None or 0 <= picture.talk_share <= 1
        for run in self.team.runs.values():
            explain(self.team, run, now)
            assert 0.002 <= run.budget.theta <= 0.5
            assert run.decision is None or 0 <= run.decision.risk <= 1 + 1e-9

    def teardown(self) -> None:
        board = RecordedBoard()
        twin, recording = playbook.new_team(*NODES, board=board), Recording(board)
        for agent in AGENTS:
            twin.add_agent(AgentId(agent), agent.title())
        again: list[list[Command] | str] = []
        for number, event in enumerate(self.events):
            if number == len(self.events) // 2:
                recording.turn()
            try:
                again.append(twin.handle(event))
            except IllegalTransitionError:
                again.append("illegal")
        assert again == self.said, "the same events, other commands"
        recording.decisions_that_agree()


def picture(team: Team) -> object:
    """All that an illegal event may not change."""
    runs = {
        name: (
            tuple(run.hopper),
            tuple(run.guaranteed),
            run.budget.theta,
            tuple(run.budget.counts),
            dict(run.outcomes),
        )
        for name, run in team.runs.items()
    }
    return dict(team.agents), dict(team.calls), runs, team.nodes.up, team.store_up


ADOPTED = frozenset({"old-1", "old-2"})
"""Calls of an earlier life are above the lines: nothing can be done about them."""
TestTeam = TeamMachine.TestCase
TestTeam.settings = settings(stateful_step_count=60)
