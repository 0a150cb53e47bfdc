"""A team whose agents are on two Asterisk servers, one conversation a test: calls leave where the agents are, and a server
that is away stops only what it holds."""

from typing import Any

import pytest

from dialer import pacing_feed
from dialer.agents import AgentPhase, AgentStatus
from dialer.brake import allowance
from dialer.commands import (
    BridgeToAgent,
    CheckCalls,
    Command,
    HangUp,
    HangUpLeg,
    PlaceCall,
)
from dialer.events import LeadsReserved, WindowCount
from dialer.ids import AgentId, CallId, NodeId, TrunkId
from dialer.nodes import HOLDS_LINES, Nodes
from dialer.pacing import Binding, PacingDecision, Prospect, together
from dialer.team import Team
from dialer.team_view import view
from dialer.trunk_board import Room
from dialer.trunks import Trunk
from dialer.why import explain
from tests.support.playbook import (
    SPRING,
    answers,
    at,
    bridged,
    campaign,
    ends,
    is_abandoned,
    is_adopted,
    lead,
    leads,
    leg_returns,
    link_down,
    link_up,
    logs_in,
    new_team,
    of,
    old_leg_found,
    phone_drops,
    play,
    play_all,
    talk_ends,
    tick,
    timer,
    waits,
)

ROMA, MILANO = "roma", "milano"


def two_floors(**changes: Any) -> Team:
    """Anna and Bruno on one server, Carla on the other; all free, no leads."""
    team = new_team(ROMA, MILANO)
    play(team, campaign(**changes), link_up(0, ROMA), link_up(0, MILANO))
    for agent, node in (("anna", ROMA), ("bruno", ROMA), ("carla", MILANO)):
        team.add_agent(AgentId(agent), agent.title())
        play(team, logs_in(agent, 0, node=node))
    return team


def placed(commands: list[Command]) -> list[tuple[str, str]]:
    return [(each.call_id, each.node) for each in of(PlaceCall, commands)]


def why(team: Team, seconds: float) -> list[tuple[str, str, int | None]]:
    items = explain(team, team.runs[SPRING], at(seconds))
    return [(item.code, item.detail, item.count) for item in items]


# --- calls leave where the agents are -----------------------------------------------------------------------------------


def test_each_server_gets_as_many_calls_as_it_has_free_agents() -> None:
    team = two_floors()
    commands = play(team, leads(1, *"abcdef"))
    assert placed(commands) == [("call-1", ROMA), ("call-2", ROMA), ("call-3", MILANO)]


def test_a_person_is_joined_to_an_agent_of_the_same_server_only() -> None:
    team = two_floors()
    play(team, leads(1, *"abc"), answers("call-3", 3), waits("call-3", 3))
    assert team.agents[AgentId("carla")].call_id == "call-3"
    play(team, bridged("call-3", "carla", 3.1), answers("call-1", 4))
    (join,) = of(BridgeToAgent, play(team, waits("call-1", 4)))
    assert (join.agent_id, join.node) == ("anna", ROMA)


def test_a_person_waits_for_the_own_server_though_another_has_a_free_agent() -> None:
    team = two_floors()
    play(team, leads(1, *"abc"), phone_drops("carla", 2, node=MILANO))
    said = play(team, answers("call-3", 3), waits("call-3", 3), tick(3.25))
    assert of(BridgeToAgent, said) == []
    (join,) = of(BridgeToAgent, play(team, logs_in("carla", 4, leg=2, node=MILANO)))
    assert (join.call_id, join.agent_id) == ("call-3", "carla")


def test_the_lines_of_the_campaign_are_shared_by_the_servers() -> None:
    team = two_floors(lines=2)
    assert len(placed(play(team, leads(1, *"abcdef"), tick(1.25)))) == 2


def test_the_calls_per_second_are_shared_and_the_neediest_server_comes_first() -> None:
    team = two_floors(calls_per_second=1.0)
    first = placed(play(team, leads(1, *"abcdef")))
    second = placed(play(team, tick(2)))
    third = placed(play(team, tick(3)))
    assert [node for _, node in first + second + third] == [ROMA, MILANO, ROMA]


def test_the_decision_of_the_campaign_tells_of_all_servers() -> None:
    team = two_floors()
    play(team, leads(1, *"abcdef"))
    decision = team.runs[SPRING].decision
    assert decision is not None
    assert decision.calls_to_place == 3
    assert decision.limited_by is Binding.FREE_AGENTS


def test_a_server_without_agents_does_not_hide_what_holds_back_the_others() -> None:
    def said(limited_by: Binding, calls: int) -> PacingDecision:
        return PacingDecision(
            calls_to_place=calls,
            limited_by=limited_by,
            risk=0.0,
            expected_free=1.0,
            expected_answers=2.0,
        )

    both = together([said(Binding.NO_AGENTS, 0), said(Binding.RISK, 2)])
    assert both is not None
    assert (both.limited_by, both.calls_to_place, both.expected_answers) == (Binding.RISK, 2, 4.0)
    assert together([]) is None


# --- one server away ----------------------------------------------------------------------------------------------------


def test_a_server_that_is_away_stops_only_its_own_work() -> None:
    team = two_floors()
    commands = play(team, link_down(0.5, ROMA), leads(1, *"abcdef"), tick(2))
    assert placed(commands) == [("call-1", MILANO)]


def test_no_command_goes_to_a_server_that_is_away() -> None:
    team = two_floors()
    play(team, leads(1, *"abc"), answers("call-1", 3), link_down(3.05, ROMA))
    assert play(team, waits("call-1", 3.1), tick(3.25), tick(5)) == []
    (join,) = play(team, link_up(5.5, ROMA))
    assert isinstance(join, BridgeToAgent)
    assert join.node == ROMA


def test_agents_of_a_server_that_is_back_are_dialled_for_again() -> None:
    team = two_floors()
    play(team, link_down(0.5, ROMA), leads(1, *"abcdef"))
    assert placed(play(team, link_up(9, ROMA), tick(9.25))) == [("call-2", ROMA), ("call-3", ROMA)]


def test_why_names_the_server_and_counts_the_agents_who_wait_for_it() -> None:
    team = two_floors()
    play(team, link_down(1, ROMA), tick(2))
    assert why(team, 2)[0] == ("node_down", ROMA, 2)
    play(team, link_down(3, MILANO), tick(4))
    reasons = "roma: connection reset; milano: connection reset"
    assert why(team, 4)[0] == ("telephony_down", reasons, None)


def test_agents_of_a_server_that_is_away_are_not_said_to_be_missing() -> None:
    team = two_floors()
    play(team, phone_drops("carla", 1, node=MILANO), link_down(1, ROMA), tick(2))
    codes = [code for code, _, _ in why(team, 2)]
    assert "node_down" in codes
    assert "no_agents" not in codes


def test_the_picture_shows_each_server() -> None:
    team = two_floors()
    play(team, leads(1, *"abc"), link_down(2, MILANO))
    picture = view(team, at(3))
    assert picture.telephony_up
    assert [(n.node, n.up, n.reason, n.agents, n.calls) for n in picture.nodes] == [
        (ROMA, True, "", 2, 2),
        (MILANO, False, "connection reset", 1, 1),
    ]
    assert [(agent.agent_id, agent.node) for agent in picture.agents] == [
        ("anna", ROMA),
        ("bruno", ROMA),
        ("carla", MILANO),
    ]


def test_lines_of_a_dead_server_are_free_again_after_a_while() -> None:
    team = two_floors(lines=3)
    play(team, leads(1, *"abcdef"), ends("call-3", 2), link_down(3, ROMA), tick(4))
    assert set(team.calls) == {"call-1", "call-2", "call-4"}
    play(team, ends("call-4", 5))
    held = HOLDS_LINES.total_seconds()
    play(team, logs_in("bruno", 6, leg=2, node=MILANO), tick(3 + held - 1))
    assert len(team.calls) == 3
    play(team, tick(3 + held + 1))
    assert len([c for c in team.calls.values() if c.order.node == MILANO]) == 2


def room_in(team: Team, seconds: float) -> float:
    """Abandoned calls that may still happen by the decision for Milano at this instant."""
    run = team.runs[SPRING]
    asked = pacing_feed.question(team.board, run, NodeId(MILANO), Room(10), at(seconds))
    snapshot = asked.completed(team.board.snapshot(SPRING, MILANO, asked.at))
    expected = Prospect.of(snapshot).expected
    return allowance(snapshot.theta, snapshot.windows, expected).room


@pytest.mark.parametrize(("roma_up", "expected"), [(True, 0.31), (False, -0.14)])
def test_who_waits_on_a_server_that_is_away_counts_as_abandoned_for_the_brake(
    roma_up: bool, expected: float
) -> None:
    """60 answers, none abandoned, limit 3 %: 1.86 abandoned calls are allowed. One that may come leaves 0.86, less three
    deviations of what may become of the person who waits; a doomed one beside it is more than there is."""
    counts = (WindowCount(answered=60),) * 2
    team = two_floors(counts=counts)
    play(team, leads(1, "a"), phone_drops("anna", 2, node=ROMA), phone_drops("bruno", 2, node=ROMA))
    play(team, answers("call-1", 3), waits("call-1", 3))
    if not roma_up:
        play(team, link_down(3.5, ROMA))
    assert room_in(team, 4) == pytest.approx(expected, abs=0.02)
    snapshot = team.board.snapshot(SPRING, MILANO, at(4).timestamp())
    assert (snapshot.waiting, snapshot.idle, snapshot.unanswered) == (0, 1, 0)


def test_calls_in_flight_on_a_lost_server_do_not_grow_older_unseen() -> None:
    """Whoever answered of them after the loss is abandoned, and nobody has told: their risk stays until it is known better."""
    counts = (WindowCount(answered=60),) * 2
    team = two_floors(counts=counts)
    play(team, leads(1, *"abc"), link_down(3, ROMA), ends("call-3", 3))
    assert room_in(team, 4) == pytest.approx(room_in(team, 4000), abs=0.2)
    assert room_in(team, 4) < 0.5


# --- trunks that not every server has ---------------------------------------------------------------------------------


def at_home(lead_phone: str) -> LeadsReserved:
    return LeadsReserved(
        campaign_id=SPRING,
        leads=(lead(lead_phone, phone=lead_phone),),
        next_due_at=None,
        at=at(1),
    )


EVERYWHERE = Trunk(trunk_id=TrunkId("all"), prefixes=("+3906",))
OF_MILANO = Trunk(trunk_id=TrunkId("own"), prefixes=("+3902",), nodes=(MILANO,))


def team_with_trunks() -> Team:
    return two_floors(trunks=(EVERYWHERE, OF_MILANO))


def test_a_lead_whose_trunk_only_one_server_has_waits_for_that_server() -> None:
    team = team_with_trunks()
    play(team, phone_drops("carla", 0.5, node=MILANO))
    assert placed(play(team, at_home("+390211111111"), tick(1.25))) == []
    assert [each.lead.phone for each in team.runs[SPRING].hopper] == ["+390211111111"]
    said = play(team, logs_in("carla", 2, leg=2, node=MILANO))
    assert placed(said) == [("call-1", MILANO)]


def test_a_lead_in_front_that_another_server_must_ring_keeps_no_lead_behind_it_waiting() -> None:
    team = team_with_trunks()
    play(team, phone_drops("carla", 0.5, node=MILANO), at_home("+390211111111"))
    assert placed(play(team, at_home("+390611111111"), tick(1.25))) == [("call-1", ROMA)]


# --- an agent moves -----------------------------------------------------------------------------------------------------


def test_who_logs_in_on_a_second_server_works_there_and_the_old_leg_is_hung_up() -> None:
    team = two_floors()
    (drop,) = of(HangUpLeg, play(team, logs_in("anna", 1, leg=7, node=MILANO)))
    assert drop == HangUpLeg(leg="PJSIP/anna-00000001", node=NodeId(ROMA))
    assert play(team, phone_drops("anna", 1.1, leg=1, node=ROMA)) == []
    anna = team.agents[AgentId("anna")]
    assert (anna.status, anna.node, anna.is_free) == (AgentStatus.AVAILABLE, MILANO, True)
    assert sorted(placed(play(team, leads(2, *"abcdef")))) == [
        ("call-1", MILANO),
        ("call-2", MILANO),
        ("call-3", ROMA),
    ]


def test_two_legs_of_two_servers_with_one_id_are_two_legs() -> None:
    team = two_floors()
    play(team, logs_in("anna", 1, leg=1, node=MILANO), phone_drops("anna", 1.1, leg=1, node=ROMA))
    assert team.agents[AgentId("anna")].node == MILANO
    play(team, phone_drops("anna", 2, leg=1, node=MILANO))
    assert team.agents[AgentId("anna")].status is AgentStatus.LOGGED_OUT


def test_the_old_leg_on_a_server_that_is_away_is_hung_up_when_the_server_is_back() -> None:
    team = two_floors()
    assert play(team, link_down(1, ROMA), logs_in("anna", 2, leg=7, node=MILANO)) == []
    play(team, link_up(5, ROMA))
    said = play(team, old_leg_found("anna", 5, 1, ROMA))
    assert said == [HangUpLeg(leg="PJSIP/anna-00000001", node=NodeId(ROMA))]
    assert team.agents[AgentId("anna")].node == MILANO


def test_what_the_old_leg_still_says_does_not_move_the_agent() -> None:
    team = two_floors()
    play(team, leads(1, *"ab"), answers("call-1", 3), waits("call-1", 3))
    play(team, bridged("call-1", "anna", 3.1), logs_in("anna", 9, leg=7, node=MILANO))
    assert team.agents[AgentId("anna")].phase is AgentPhase.WRAP_UP
    play(team, timer("wrap:anna", 60), leg_returns("anna", 61, node=ROMA), talk_ends("call-1", 61))
    anna = team.agents[AgentId("anna")]
    assert (anna.phase, anna.node, anna.is_free) == (AgentPhase.IDLE, MILANO, True)


def test_a_join_to_the_old_leg_is_not_a_talk_of_the_agent() -> None:
    team = two_floors()
    play(team, leads(1, *"abc"), answers("call-1", 3), waits("call-1", 3))
    play(team, logs_in("anna", 3.05, leg=7, node=MILANO), bridged("call-1", "anna", 3.1))
    assert team.agents[AgentId("anna")].is_free
    play(team, ends("call-1", 4))
    assert "call-1" not in team.calls


# --- what else goes to the right server ---------------------------------------------------------------------------------


def test_a_call_is_looked_for_on_its_own_server() -> None:
    team = two_floors()
    play(team, leads(1, *"abc"))
    assert of(CheckCalls, play(team, timer("guard:call-3", 50))) == [
        CheckCalls(call_ids=(CallId("call-3"),), node=NodeId(MILANO))
    ]


def test_a_call_that_was_bridged_too_late_is_hung_up_on_its_own_server() -> None:
    team = two_floors()
    play(team, is_adopted("old-1", 1, answered=0, node=MILANO))
    assert team.calls[CallId("old-1")].order.node == MILANO
    said = play_all(team, is_abandoned("old-1", 3), bridged("old-1", "carla", 3.1))
    assert of(HangUp, said) == [HangUp(call_id=CallId("old-1"), node=NodeId(MILANO))]


def test_a_call_adopted_on_another_server_is_not_the_agents_talk() -> None:
    team = two_floors()
    play(team, is_adopted("old-1", 1, answered=0, talking_since=0, agent="carla", node=ROMA))
    assert team.agents[AgentId("carla")].is_free


# --- the table of servers -----------------------------------------------------------------------------------------------


def test_a_call_of_a_server_that_is_not_known_any_more_is_looked_for_on_the_first() -> None:
    nodes = Nodes([NodeId(ROMA), NodeId(MILANO)])
    assert nodes.home(NodeId(MILANO)) == MILANO
    assert nodes.home(NodeId("napoli")) == ROMA
    assert nodes.home(None) == ROMA


def test_a_reason_may_change_but_not_the_instant_of_the_loss() -> None:
    nodes = Nodes([NodeId(ROMA)])
    assert nodes.reason == "not connected yet"
    nodes.came_up(NodeId(ROMA))
    nodes.went_away(NodeId(ROMA), "reset", at(10))
    nodes.went_away(NodeId(ROMA), "refused", at(20))
    assert nodes.reason == "refused"
    assert nodes.seen_until(NodeId(ROMA), at(30)) == at(10)
    nodes.came_up(NodeId(ROMA))
    assert nodes.seen_until(NodeId(ROMA), at(30)) == at(30)


@pytest.mark.parametrize("node", [None, NodeId("napoli")])
def test_no_server_and_an_unknown_one_are_not_up(node: NodeId | None) -> None:
    assert not Nodes([NodeId(ROMA)]).is_up(node)
