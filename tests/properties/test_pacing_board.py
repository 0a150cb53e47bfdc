"""The pacing board against a plain list of who does what: after any story of events its counts and ages are a recount's.

Once alone, with two campaigns on two servers; and once inside a team, where it must say what the team's own tables say.
"""

import copy
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from dialer.agents import AgentPhase
from dialer.calls import UNANSWERED, CallState
from dialer.campaign import PacingMode
from dialer.events import ClockStepped, PastCall, WindowCount
from dialer.ids import AgentId
from dialer.pacing import PacingSnapshot
from dialer.pacing_board import Duty, PacingBoard, Stage
from tests.properties.test_team_invariants import AGENTS, LINES, NODES, TeamMachine
from tests.support import playbook
from tests.support.playbook import SPRING, START, at

CAMPAIGNS = ("spring", "autumn")
"""The second is screened."""

GRACE, WRAP_LIMIT = 1.75, 15.0


def near(seconds: list[float]) -> Any:
    """A microsecond's worth of rounding is no difference."""
    return pytest.approx(sorted(seconds), abs=1e-5)


def ringing(snapshot: PacingSnapshot, *, own: bool) -> list[tuple[float, float]]:
    """(age, odds) of each; no odds at all are odds of 1."""
    pairs = []
    for group in snapshot.in_flight:
        odds = np.ones(len(group.ages)) if group.odds is None else group.odds
        if group.own == own:
            pairs += zip(group.ages.tolist(), odds.tolist(), strict=True)
    return sorted(pairs)


def same(found: list[tuple[float, float]], wanted: list[tuple[float, float]]) -> None:
    """In any order, but for roundings: those of one age may change places."""
    assert len(found) == len(wanted)
    rounded = [sorted((round(a, 4), round(b, 4)) for a, b in pairs) for pairs in (found, wanted)]
    np.testing.assert_allclose(*rounded, atol=2e-4)


def screening(snapshot: PacingSnapshot) -> list[tuple[float, float]]:
    pairs = [
        pair
        for group in snapshot.in_flight
        for pair in zip(group.screening.tolist(), group.rang.tolist(), strict=True)
    ]
    return sorted(pairs)


def talking(snapshot: PacingSnapshot) -> list[float]:
    return sorted(age for group in snapshot.busy for age in group.talking.tolist())


def wrapping(snapshot: PacingSnapshot) -> list[float]:
    return sorted(age for group in snapshot.busy for age in group.wrapping.tolist())


# --- alone ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class FlyingCall:
    campaign: str
    node: str
    stage: Stage
    since: float
    rang: float = 0.0
    odds: float = 1.0


@dataclass(frozen=True)
class Worker:
    node: str
    duty: Duty
    since: float
    staffed: bool
    campaign: str


campaigns = st.sampled_from(CAMPAIGNS)
nodes = st.sampled_from(NODES)
steps = st.sampled_from((0.0, 0.25, 1.0, 7.0, 60.0))


class BoardMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.board = PacingBoard()
        self.now = 1_000_000.0
        self.number = 0
        self.calls: dict[str, FlyingCall] = {}
        self.workers: dict[str, Worker] = {}
        self.away: dict[str, float] = {}
        self.talks = 0
        for name in CAMPAIGNS:
            self.tell_campaign(name, name == "autumn")

    def tell_campaign(self, name: str, screened: bool) -> None:
        self.board.campaign(name, screened=screened, grace=GRACE, wrap_limit=WRAP_LIMIT)

    # --- what it is told ------------------------------------------------------------------------------------------

    @rule(step=steps)
    def time_passes(self, step: float) -> None:
        self.now += step

    @rule(campaign=campaigns, node=nodes, count=st.integers(1, 4), odds=st.sampled_from((1.0, 2.5)))
    def calls_are_placed(self, campaign: str, node: str, count: int, odds: float) -> None:
        for _ in range(count):
            self.number += 1
            name = f"call-{self.number}"
            self.board.placed(name, campaign, node, self.now, odds=odds)
            self.calls[name] = FlyingCall(campaign, node, Stage.RINGING, self.now, odds=odds)

    @rule(campaign=campaigns, node=nodes, stage=st.sampled_from(Stage), age=steps)
    def a_call_is_found_under_way(self, campaign: str, node: str, stage: Stage, age: float) -> None:
        self.number += 1
        name = f"old-{self.number}"
        self.board.adopted(name, campaign, node, stage, self.now - age)
        self.calls[name] = FlyingCall(campaign, node, stage, self.now - age)

    @precondition(lambda self: self.calls)
    @rule(data=st.data(), to=st.sampled_from((*Stage, None)), person=st.booleans())
    def a_call_moves(self, data: st.DataObject, to: Stage | None, person: bool) -> None:
        name = data.draw(st.sampled_from(sorted(self.calls)))
        self.board.moved(name, to, self.now, person=person)
        before = self.calls[name]
        if to in (before.stage, Stage.RINGING):
            return
        if to is None:
            del self.calls[name]
            return
        rang = self.now - before.since if before.stage is Stage.RINGING else before.rang
        if before.stage is Stage.WAITING:
            rang = 0.0  # heard of late: it is not known any more
        self.calls[name] = replace(before, stage=to, since=self.now, rang=rang)

    @rule(to=st.sampled_from((*Stage, None)))
    def a_call_moves_that_is_unknown(self, to: Stage | None) -> None:
        self.board.moved("nobody", to, self.now, person=True)

    @precondition(lambda self: self.calls)
    @rule(data=st.data())
    def a_call_was_never_dialled(self, data: st.DataObject) -> None:
        ringing = [n for n, call in self.calls.items() if call.stage is Stage.RINGING]
        if ringing:
            name = data.draw(st.sampled_from(sorted(ringing)))
            self.board.unplaced(name)
            del self.calls[name]

    @rule(
        agent=st.sampled_from(("anna", "bruno", "carla", "dario")),
        node=nodes,
        duty=st.sampled_from(Duty),
        staffed=st.booleans(),
        campaign=st.sampled_from((*CAMPAIGNS, "")),
        again=st.booleans(),
    )
    def an_agent_does_something(
        self, agent: str, node: str, duty: Duty, staffed: bool, campaign: str, again: bool
    ) -> None:
        before = self.workers.get(agent)
        since = before.since if before and again else self.now
        self.board.agent(agent, node, duty, since, staffed=staffed, campaign=campaign)
        known = campaign or (before.campaign if before else "")
        self.workers[agent] = Worker(node, duty, since, staffed, known)

    @rule(agent=st.sampled_from(("anna", "bruno", "carla", "dario")))
    def an_agent_goes(self, agent: str) -> None:
        self.board.agent_gone(agent, self.now)
        self.workers.pop(agent, None)

    @rule(node=nodes, up=st.booleans())
    def a_server_goes_or_comes(self, node: str, up: bool) -> None:
        if up:
            self.board.node_up(node)
            self.away.pop(node, None)
        else:
            self.board.node_away(node, self.now)
            self.away.setdefault(node, self.now)

    @rule(seconds=st.sampled_from((-3600.0, -0.3, 0.1, 86_400.0)))
    def the_clock_steps(self, seconds: float) -> None:
        self.board.shift(seconds)
        self.now += seconds
        self.calls = {n: replace(c, since=c.since + seconds) for n, c in self.calls.items()}
        self.workers = {n: replace(w, since=w.since + seconds) for n, w in self.workers.items()}
        self.away = {node: since + seconds for node, since in self.away.items()}

    @rule(campaign=campaigns, screened=st.booleans())
    def a_campaign_is_told_again(self, campaign: str, screened: bool) -> None:
        self.tell_campaign(campaign, screened)

    # --- what it says ---------------------------------------------------------------------------------------------

    def of(self, node: str, stage: Stage, campaign: str | None = None) -> list[FlyingCall]:
        return [
            call
            for call in self.calls.values()
            if call.node == node
            and call.stage is stage
            and (campaign is None or call.campaign == campaign)
        ]

    def who(self, node: str, duty: Duty) -> list[Worker]:
        return [
            one
            for one in self.workers.values()
            if one.staffed and one.node == node and one.duty is duty
        ]

    @invariant()
    def each_snapshot_is_a_recount(self) -> None:
        for node in NODES:
            for name in CAMPAIGNS:
                self.compare(self.board.snapshot(name, node, self.now), name, node)

    def compare(self, seen: PacingSnapshot, name: str, node: str) -> None:
        assert seen.idle == len(self.who(node, Duty.IDLE))
        assert seen.reserved == len(self.who(node, Duty.RESERVED))
        assert talking(seen) == near([self.now - w.since for w in self.who(node, Duty.TALKING)])
        assert wrapping(seen) == near([self.now - w.since for w in self.who(node, Duty.WRAP_UP)])
        assert seen.waiting == len(self.of(node, Stage.WAITING))
        assert seen.own_waiting == len(self.of(node, Stage.WAITING, name))
        (other,) = set(CAMPAIGNS) - {name}
        for of, own in ((name, True), (other, False)):
            rings = [(self.now - c.since, c.odds) for c in self.of(node, Stage.RINGING, of)]
            same(ringing(seen, own=own), rings)
        screened = [(self.now - c.since, c.rang) for c in self.of(node, Stage.SCREENING)]
        same(screening(seen), screened)

    @invariant()
    def the_counts_of_a_campaign_are_a_recount(self) -> None:
        for name in CAMPAIGNS:
            mine = [call for call in self.calls.values() if call.campaign == name]
            unanswered = sum(call.stage is not Stage.WAITING for call in mine)
            assert self.board.in_flight(name) == unanswered
            busy = sum(
                one.staffed and one.campaign == name and one.duty is not Duty.IDLE
                for one in self.workers.values()
            )
            assert self.board.at_work(name) == len(mine) + busy

    @invariant()
    def the_counts_of_the_team_are_a_recount(self) -> None:
        waiting = [c for c in self.calls.values() if c.stage is Stage.WAITING]
        assert self.board.waiting == len(waiting)
        for node in NODES:
            flying = len(self.of(node, Stage.RINGING)) + len(self.of(node, Stage.SCREENING))
            assert self.board.free_less_calls(node) == len(self.who(node, Duty.IDLE)) - flying
        for name in (*self.calls, "nobody"):
            assert self.board.knows(name) == (name in self.calls)

    @invariant()
    def hope_lies_on_the_other_server(self) -> None:
        for name in CAMPAIGNS:
            for node, other in (NODES, NODES[::-1]):
                elsewhere, doomed = self.board.hope(name, node, self.now)
                least = len(self.of(other, Stage.WAITING, name))
                most = sum(c.campaign == name and c.node == other for c in self.calls.values())
                assert least - 1e-9 <= elsewhere + doomed <= most + 1e-9
                assert (elsewhere if other in self.away else doomed) == 0.0


TestBoard = BoardMachine.TestCase
TestBoard.settings = settings(stateful_step_count=30)


# --- inside a team ----------------------------------------------------------------------------------------------------


class TeamBoardMachine(TeamMachine):
    """The events of a team; after each the board is read through a copy, so that reading changes no later decision."""

    @initialize(mode=st.sampled_from(PacingMode), calm=st.booleans(), screen=st.booleans())
    def begin(self, mode: PacingMode, calm: bool, screen: bool = False) -> None:
        self.policy = {"mode": mode, "lines": LINES, "dial_ratio": 3.0, "screen": screen}
        counts = (WindowCount(answered=1000 if calm else 0),) * 2
        for agent in AGENTS:
            self.team.add_agent(AgentId(agent), agent.title())
        self.feed(playbook.campaign(counts=counts, **self.policy))
        for node in NODES:
            self.feed(playbook.link_up(0, node))
        for agent, node in zip(AGENTS, (*NODES, NODES[0]), strict=True):
            self.feed(playbook.logs_in(agent, 0, node=node))

    @rule(by=st.sampled_from((-1800.0, -0.1234567, 0.3, 1800.0)))
    def the_clock_steps(self, by: float) -> None:
        self.seconds += by
        self.feed(ClockStepped(by=timedelta(seconds=by), at=at(self.seconds)))

    @rule(screen=st.booleans())
    def detection_is_switched(self, screen: bool) -> None:
        """Calls that were placed before keep the rule that they were placed with."""
        self.policy["screen"] = screen
        self.feed(playbook.campaign(seconds=self.seconds, **self.policy))

    @invariant()
    def the_board_says_what_the_tables_say(self) -> None:
        if SPRING not in self.team.runs:
            return
        board = copy.deepcopy(self.team.board)
        now = (START + timedelta(seconds=self.seconds)).timestamp()
        for node in NODES:
            self.compare(board.snapshot(SPRING, node, now), node, now)

    def compare(self, seen: PacingSnapshot, node: str, now: float) -> None:
        agents = [agent for agent in self.team.agents.values() if agent.node == node]
        calls = [
            call
            for call in self.team.calls.values()
            if call.order.node == node
            and (
                call.agent_id is None or call.state not in UNANSWERED
            )  # else an agent is held for it
        ]
        assert seen.idle == sum(agent.is_free for agent in agents)
        staffed = [agent for agent in agents if agent.is_staffed]
        held = (AgentPhase.RESERVED, AgentPhase.PREVIEWING)
        assert seen.reserved == sum(agent.phase in held for agent in staffed)
        for phase, ages in (
            (AgentPhase.TALKING, talking(seen)),
            (AgentPhase.WRAP_UP, wrapping(seen)),
        ):
            since = [a.phase_since for a in staffed if a.phase is phase and a.phase_since]
            assert ages == near([now - moment.timestamp() for moment in since])
        assert seen.waiting == sum(call.state is CallState.WAITING for call in calls)
        early = (CallState.DIALING, CallState.RINGING)
        still = [
            call
            for call in calls
            if call.state in early
            or (call.state is CallState.ANSWERED and not call.order.answer_rule.screen)
        ]
        assert [age for age, _ in ringing(seen, own=True)] == near(
            [now - call.order.at.timestamp() for call in still]
        )
        listened_to = [
            now - call.answered_at.timestamp()
            for call in calls
            if call.state is CallState.ANSWERED
            and call.order.answer_rule.screen
            and call.answered_at
        ]
        assert [age for age, _ in screening(seen)] == near(listened_to)


TestTeamBoard = TeamBoardMachine.TestCase
TestTeamBoard.settings = settings(stateful_step_count=30)


# --- what it learns ---------------------------------------------------------------------------------------------------


def board_of_talks() -> PacingBoard:
    board = PacingBoard()
    board.campaign("spring", screened=False, grace=GRACE, wrap_limit=WRAP_LIMIT)
    return board


def chance_to_be_free(board: PacingBoard, now: float) -> float:
    """Of somebody who has talked for twenty seconds, within the longest horizon."""
    board.agent("probe", "roma", Duty.TALKING, now - 20, staffed=True, campaign="spring")
    (group,) = board.snapshot("spring", "roma", now).busy
    return float(group.table.rows(np.array([20.0]), np.zeros(0))[0, -1])


def test_a_talk_that_ended_is_learnt_once() -> None:
    told, untold = board_of_talks(), board_of_talks()
    for number in range(30):
        start = START.timestamp() + 100 * number
        told.agent("anna", "roma", Duty.TALKING, start, staffed=True, campaign="spring")
        told.agent("anna", "roma", Duty.WRAP_UP, start + 5, staffed=True, campaign="")
        told.agent("anna", "roma", Duty.WRAP_UP, start + 5, staffed=True, campaign="")
        told.agent("anna", "roma", Duty.IDLE, start + 9, staffed=True, campaign="")
    told.agent_gone("anna", START.timestamp() + 5000)
    now = START.timestamp() + 5000
    assert chance_to_be_free(told, now) > chance_to_be_free(untold, now) + 0.2


@pytest.mark.parametrize("by", [0.123457, 3600.000001, -0.3])
def test_a_clock_that_steps_during_talks_teaches_nothing(by: float) -> None:
    """The instant that the agent's table has, and the one that the board has moved, may differ by a rounding."""
    stepped, steady = board_of_talks(), board_of_talks()
    moved = START + timedelta(seconds=by)
    for number in range(200):
        start = timedelta(seconds=number, microseconds=7919 * number)
        name = f"agent-{number}"
        for board in (stepped, steady):
            since = (START + start).timestamp()
            board.agent(name, "roma", Duty.TALKING, since, staffed=True, campaign="spring")
    stepped.shift(by)
    for number in range(200):
        start = timedelta(seconds=number, microseconds=7919 * number)
        since, name = (moved + start).timestamp(), f"agent-{number}"
        stepped.agent(name, "roma", Duty.TALKING, since, staffed=False, campaign="")
        stepped.agent(name, "roma", Duty.TALKING, since, staffed=True, campaign="")
    now = START.timestamp() + 300
    assert chance_to_be_free(stepped, now + by) == pytest.approx(
        chance_to_be_free(steady, now), abs=1e-4
    )


@pytest.mark.parametrize("by", [-3600.0, 3600.0])
def test_a_clock_that_steps_changes_nothing_for_adopted_talks_either(by: float) -> None:
    """Talks of no known campaign: their table is due when it would have been."""
    stepped, steady = board_of_talks(), board_of_talks()
    began = START.timestamp()

    def chance(board: PacingBoard, now: float) -> float:
        board.agent("probe", "roma", Duty.TALKING, now - 20, staffed=True, campaign="")
        (group,) = board.snapshot("spring", "roma", now).busy
        return float(group.table.rows(np.array([20.0]), np.zeros(0))[0, -1])

    at_first = {chance(board, began) for board in (stepped, steady)}
    stepped.shift(by)
    for number in range(200):
        for board, start in ((stepped, began + by), (steady, began)):
            name = f"agent-{number}"
            board.agent(name, "roma", Duty.TALKING, start, staffed=True, campaign="")
    later = [chance(stepped, began + by + 15), chance(steady, began + 15)]
    assert later[0] == pytest.approx(later[1], abs=1e-9)
    assert later[1] not in at_first


def person_soon(board: PacingBoard, campaign: str, now: float) -> float:
    """The chance that a call placed now brings a person within the longest horizon."""
    return board.snapshot(campaign, "roma", now).answers.new_call[-1]


@pytest.mark.parametrize("screened", [False, True])
def test_a_campaign_begins_with_what_its_earlier_calls_taught(screened: bool) -> None:
    """One in ten was picked up by a person, one in five by a machine."""
    recalled, new = PacingBoard(), PacingBoard()
    person = PastCall(rang=6.0, picked_up=True, person=True, talked=40.0)
    machine = PastCall(rang=15.0, picked_up=True, person=False, talked=None)
    nobody = PastCall(rang=25.0, picked_up=False, person=False, talked=None)
    now = START.timestamp()
    for board in (recalled, new):
        board.campaign("spring", screened=screened, grace=GRACE, wrap_limit=WRAP_LIMIT)
    recalled.recall("spring", [person, machine, machine, *[nobody] * 7] * 30, now)
    assert person_soon(new, "spring", now) > 0.35
    assert person_soon(recalled, "spring", now) == pytest.approx(0.1, abs=0.05)
    assert chance_to_be_free(recalled, now) > chance_to_be_free(new, now)


def test_calls_of_a_likelier_segment_ring_with_its_odds() -> None:
    """Leads of one segment answer, those of the other do not."""
    board, now = board_of_talks(), START.timestamp()
    for number in range(400):
        name, segment = f"call-{number}", ("first", "again")[number % 2]
        board.placed(name, "spring", "roma", now, segment=segment)
        person_soon(board, "spring", now)
        rings_for = 5.0 if segment == "first" else 25.0
        board.moved(name, None, now + rings_for, person=segment == "first")
        now += 1.0
    for segment in ("first", "again"):
        board.placed(segment, "spring", "roma", now, segment=segment)
    (group,) = board.snapshot("spring", "roma", now).in_flight
    assert group.odds is not None
    likelier, less = group.odds.tolist()
    assert likelier > 1.3
    assert less < 0.8
    board.unplaced("again")
    board.unplaced("first")
    board.placed("plain", "spring", "roma", now)
    (plain,) = board.snapshot("spring", "roma", now).in_flight
    assert plain.odds is None
