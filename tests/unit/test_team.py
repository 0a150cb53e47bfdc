"""A team at work, one conversation a test. The makers of events are in tests/support/playbook.py."""

from datetime import timedelta

import pytest

from dialer.agents import AgentPhase, AgentStatus
from dialer.calls import CallState
from dialer.campaign import CampaignState, PacingMode
from dialer.commands import (
    BridgeToAgent,
    CancelTimer,
    CheckCalls,
    CloseAttempt,
    Command,
    DeferLead,
    MarkAnswered,
    MarkBridged,
    PlaceCall,
    RecordDisposition,
    ReleaseLeads,
    RequestLeads,
    StartTimer,
)
from dialer.errors import IllegalTransitionError
from dialer.events import (
    BridgeFailed,
    CallEvent,
    CampaignLoaded,
    DispositionChosen,
    Fate,
    LeadsReserved,
    Screening,
    WindowCount,
)
from dialer.ids import AgentId, CallId, LeadId
from dialer.leads import LeadState, Outcome
from dialer.team import Team
from tests.support.playbook import (
    SPRING,
    agent,
    answers,
    asks_break,
    at,
    bridge_fails,
    bridged,
    campaign,
    dialled,
    drain,
    ends,
    ends_break,
    ends_wrap_up,
    floor,
    forget,
    is_abandoned,
    is_adopted,
    is_lost,
    is_not_placed,
    is_refused,
    lead,
    leads,
    leg_returns,
    link_down,
    link_up,
    logs_in,
    new_team,
    of,
    pause,
    phone_drops,
    play,
    play_all,
    rings,
    says,
    screened,
    store_fails,
    store_works,
    talk_ends,
    tick,
    timer,
    waits,
)


def phase(team: Team, name: str) -> AgentPhase:
    return agent(team, name).phase


def state(team: Team, call: str) -> CallState:
    return team.calls[CallId(call)].state


def bridge(call: str, to: str, limit: float) -> BridgeToAgent:
    return BridgeToAgent(
        call_id=CallId(call), agent_id=AgentId(to), leg=f"PJSIP/{to}-00000001", limit_at=at(limit)
    )


def closed(commands: list[Command]) -> list[tuple[str, Outcome, LeadState]]:
    return [
        (close.call_id, close.outcome, close.lead_update.state)
        for close in of(CloseAttempt, commands)
    ]


def talking_team(*names: str) -> Team:
    """The first agent talks to the first lead, in call-1, since second 5."""
    team = floor(*names)
    play(team, leads(1, "rossi"), rings("call-1", 2), answers("call-1", 4), waits("call-1", 4.1))
    play(team, bridged("call-1", names[0], 5))
    return team


# --- the whole flow ---------------------------------------------------------------------------------------------------


def test_a_free_agent_gets_one_line() -> None:
    team = floor("anna")
    placed = play(team, leads(1, "rossi", "verdi"))
    assert dialled(placed) == ["rossi"]
    assert placed[-1] == StartTimer(key="guard:call-1", due_at=at(1 + 25 + 15))
    assert play(team, tick(1.25), tick(1.5)) == []


def test_answered_bridged_talked_wrapped_up_and_free_again() -> None:
    team = floor("anna")
    play(team, leads(1, "rossi"), rings("call-1", 3))
    assert play(team, answers("call-1", 9)) == [
        MarkAnswered(call_id=CallId("call-1"), answered_at=at(9)),
        CancelTimer(key="guard:call-1"),
    ]
    assert play(team, waits("call-1", 9.1)) == [bridge("call-1", "anna", 9 + 2.95)]
    assert phase(team, "anna") is AgentPhase.RESERVED
    assert play(team, bridged("call-1", "anna", 9.2)) == [
        MarkBridged(call_id=CallId("call-1"), bridged_at=at(9.2), agent_id=AgentId("anna"))
    ]
    assert phase(team, "anna") is AgentPhase.TALKING
    assert play(team, talk_ends("call-1", 99.2)) == [
        StartTimer(key="wrap:anna", due_at=at(99.2 + 15))
    ]
    assert play(team, leg_returns("anna", 99.3)) == []
    ended = play(team, ends("call-1", 99.4))
    assert closed(ended) == [("call-1", Outcome.TALKED, LeadState.DONE)]
    assert not agent(team, "anna").is_free
    play(team, timer("wrap:anna", 114.2))
    assert agent(team, "anna").is_free
    assert team.calls == {}


def test_the_attempt_is_closed_with_all_that_was_seen() -> None:
    team = talking_team("anna")
    (close,) = of(CloseAttempt, play(team, talk_ends("call-1", 65), ends("call-1", 66)))
    assert (close.ringing_at, close.answered_at, close.bridged_at) == (at(2), at(4), at(5))
    assert (close.ended_at, close.cause, close.agent_id) == (at(66), 16, "anna")


def test_the_agent_may_end_wrap_up_before_its_timer() -> None:
    team = talking_team("anna")
    play(team, talk_ends("call-1", 65), leg_returns("anna", 65.1))
    assert play(team, ends_wrap_up("anna", 70)) == [CancelTimer(key="wrap:anna")]
    assert agent(team, "anna").is_free


def test_the_next_lead_is_dialled_when_wrap_up_ends() -> None:
    team = talking_team("anna")
    play(team, leads(10, "verdi"), talk_ends("call-1", 65), leg_returns("anna", 65.1))
    assert dialled(play(team, ends("call-1", 65.2), tick(66))) == []
    assert dialled(play(team, timer("wrap:anna", 80))) == ["verdi"]


def test_an_agent_whose_leg_is_not_back_is_not_free() -> None:
    team = talking_team("anna")
    play(team, talk_ends("call-1", 65), ends_wrap_up("anna", 70))
    assert not agent(team, "anna").is_free
    play(team, leg_returns("anna", 71))
    assert agent(team, "anna").is_free


def test_a_call_that_ends_without_a_word_of_the_talk_leads_to_wrap_up_too() -> None:
    team = talking_team("anna")
    ended = play(team, ends("call-1", 65))
    assert ended[0] == StartTimer(key="wrap:anna", due_at=at(80))
    assert play(team, talk_ends("call-1", 65.1), leg_returns("anna", 65.2)) == []


def test_what_the_agent_says_of_the_call_is_recorded() -> None:
    team = talking_team("anna")
    assert play(team, says("anna", "call-1", "sale", 60)) == [
        RecordDisposition(
            call_id=CallId("call-1"),
            agent_id=AgentId("anna"),
            disposition="sale",
            callback_at=None,
            at=at(60),
        )
    ]


def test_an_agreed_callback_goes_with_the_disposition() -> None:
    team = talking_team("anna")
    event = DispositionChosen(
        agent_id=AgentId("anna"),
        call_id=CallId("call-1"),
        disposition="later",
        callback_at=at(86400),
        at=at(60),
    )
    (record,) = of(RecordDisposition, play(team, event))
    assert record.callback_at == at(86400)


# --- the queue --------------------------------------------------------------------------------------------------------


def test_when_a_bridge_fails_another_agent_is_tried() -> None:
    team = floor("anna", "bruno", calls_per_second=10)
    play(team, leads(1, "rossi"), answers("call-1", 4), waits("call-1", 4))
    failed = play(team, bridge_fails("call-1", "anna", 4.2))
    assert failed == [
        CheckCalls(call_ids=(CallId("call-1"),)),
        bridge("call-1", "bruno", 6.95),
    ]
    assert agent(team, "anna").is_free
    play(team, bridged("call-1", "bruno", 4.3))
    assert phase(team, "bruno") is AgentPhase.TALKING


def test_the_pair_whose_bridge_failed_is_not_tried_again() -> None:
    team = floor("anna")
    play(team, leads(1, "rossi"), answers("call-1", 4), waits("call-1", 4))
    failed = play(team, bridge_fails("call-1", "anna", 4.2), tick(4.5))
    assert of(BridgeToAgent, failed) == []
    assert state(team, "call-1") is CallState.WAITING


def test_a_failure_told_twice_does_not_undo_the_next_match() -> None:
    team = floor("anna", "bruno")
    play(team, leads(1, "rossi"), answers("call-1", 4), waits("call-1", 4))
    play(team, bridge_fails("call-1", "anna", 4.2))
    assert play(team, bridge_fails("call-1", "anna", 4.3)) == []
    assert phase(team, "bruno") is AgentPhase.RESERVED
    assert state(team, "call-1") is CallState.CONNECTING


def test_a_bridge_that_was_thought_failed_frees_the_agent_matched_next() -> None:
    team = floor("anna", "bruno")
    play(team, leads(1, "rossi"), answers("call-1", 4), waits("call-1", 4))
    play(team, bridge_fails("call-1", "anna", 4.2), bridged("call-1", "anna", 4.3))
    assert phase(team, "anna") is AgentPhase.TALKING
    assert agent(team, "bruno").is_free


def test_an_agent_who_dials_in_anew_while_being_joined_is_not_free_once_talking() -> None:
    team = floor("anna")
    play(team, leads(1, "rossi"), answers("call-1", 4), waits("call-1", 4))
    play(team, logs_in("anna", 4.1, leg=2), bridged("call-1", "anna", 4.2))
    assert phase(team, "anna") is AgentPhase.TALKING
    assert not agent(team, "anna").is_free


def test_an_agent_in_two_talks_is_illegal_and_changes_nothing() -> None:
    team = floor("anna", "bruno")
    play(team, leads(1, "rossi", "verdi"), tick(2))
    play(team, answers("call-1", 4), waits("call-1", 4), bridged("call-1", "anna", 4.1))
    play(team, answers("call-2", 5), waits("call-2", 5))
    impossible = bridged("call-2", "anna", 5.1)
    with pytest.raises(IllegalTransitionError):
        team.handle(impossible)
    assert state(team, "call-2") is CallState.CONNECTING
    assert agent(team, "anna").call_id == "call-1"
    assert phase(team, "bruno") is AgentPhase.RESERVED
    assert team.quarantine(impossible) == [CheckCalls(call_ids=(CallId("call-2"),))]


def test_the_agent_idle_longest_gets_the_person() -> None:
    team = floor("anna")
    team.add_agent(AgentId("bruno"), "Bruno")
    play(team, logs_in("bruno", 0.5), leads(1, "rossi"), answers("call-1", 4))
    assert play(team, waits("call-1", 4)) == [bridge("call-1", "anna", 6.95)]


def test_a_person_who_waits_goes_to_the_first_agent_who_comes_free() -> None:
    team = talking_team("anna")
    play(team, is_adopted("old", 10), talk_ends("call-1", 18), leg_returns("anna", 18.1))
    play(team, answers("old", 20))
    assert play(team, waits("old", 20)) == []
    assert of(BridgeToAgent, play(team, ends_wrap_up("anna", 21))) == [bridge("old", "anna", 22.95)]


def test_nobody_is_bridged_in_the_last_instants_of_the_limit() -> None:
    team = floor("anna")
    play(team, leads(1, "rossi"), answers("call-1", 4))
    assert play(team, waits("call-1", 6.93)) == []


# --- breaks and phones ------------------------------------------------------------------------------------------------


def test_a_break_asked_for_in_a_talk_begins_after_the_call() -> None:
    team = talking_team("anna")
    play(team, leads(10, "verdi"), asks_break("anna", 20))
    assert (agent(team, "anna").status, phase(team, "anna")) == (
        AgentStatus.ON_BREAK,
        AgentPhase.TALKING,
    )
    play(team, talk_ends("call-1", 65), leg_returns("anna", 65.1), ends("call-1", 65.2))
    assert dialled(play(team, timer("wrap:anna", 80), tick(81))) == []
    assert not agent(team, "anna").is_free
    assert dialled(play(team, ends_break("anna", 300), tick(300.25))) == ["verdi"]


def test_an_idle_agent_is_on_break_at_once() -> None:
    team = floor("anna")
    play(team, asks_break("anna", 1))
    assert dialled(play(team, leads(2, "rossi"), tick(3))) == []
    assert agent(team, "anna").pause_code == "coffee"


def test_a_phone_that_drops_in_mid_talk_leaves_the_call_to_tell_its_end() -> None:
    team = talking_team("anna")
    play(team, phone_drops("anna", 20))
    assert (agent(team, "anna").status, phase(team, "anna")) == (
        AgentStatus.LOGGED_OUT,
        AgentPhase.IDLE,
    )
    ended = play(team, talk_ends("call-1", 20.1), ends("call-1", 20.2))
    assert closed(ended) == [("call-1", Outcome.TALKED, LeadState.DONE)]
    play(team, logs_in("anna", 40, leg=2))
    assert agent(team, "anna").is_free


def test_an_old_leg_that_hangs_up_does_not_log_the_new_one_out() -> None:
    team = floor("anna")
    play(team, logs_in("anna", 5, leg=2), phone_drops("anna", 6, leg=1))
    assert agent(team, "anna").is_free
    play(team, phone_drops("anna", 7, leg=2))
    assert agent(team, "anna").status is AgentStatus.LOGGED_OUT


def test_a_stranger_who_logs_in_is_counted_and_ignored() -> None:
    team = floor("anna")
    assert play(team, logs_in("nobody", 1), phone_drops("nobody", 2)) == []
    assert team.stray == {"AgentLoggedIn": 1, "AgentLoggedOut": 1}


# --- the abandon budget ------------------------------------------------------------------------------------------------


def test_a_person_counts_as_answered_once_from_the_begin_of_the_talk() -> None:
    team = floor("anna")
    play(team, leads(1, "rossi"), answers("call-1", 4), waits("call-1", 4))
    play(team, bridged("call-1", "anna", 4.1))
    assert team.runs[SPRING].budget.counts == [WindowCount(answered=1)] * 2
    play(team, ends("call-1", 60))
    assert team.runs[SPRING].budget.counts == [WindowCount(answered=1)] * 2


def test_a_talk_that_the_dialplan_calls_abandoned_is_abandoned() -> None:
    team = floor("anna")
    play(team, leads(1, "rossi"), answers("call-1", 4), waits("call-1", 4))
    play(team, bridged("call-1", "anna", 4.1), is_abandoned("call-1", 6.95), ends("call-1", 7))
    assert team.runs[SPRING].budget.counts == [WindowCount(answered=1, abandoned=1)] * 2


# --- a trunk that carries nothing --------------------------------------------------------------------------------------


def test_after_three_calls_that_never_rang_the_trunk_is_only_probed() -> None:
    team = floor("anna")
    play(team, leads(1, *(f"lead{n}" for n in range(30))))
    seconds = 1.0
    for n in range(1, 4):
        play(team, ends(f"call-{n}", seconds, cause=34))
        seconds += 0.25
        play(team, tick(seconds))
    assert len(team.calls) == 0
    assert dialled(play(team, tick(seconds + 0.5))) == []
    assert len(dialled(play(team, tick(seconds + 1)))) == 1
    (probe,) = team.calls
    assert dialled(play(team, tick(seconds + 20))) == []  # one at a time
    commands = play(team, rings(probe, seconds + 21), ends(probe, seconds + 22, cause=17))
    assert len(dialled(commands)) == 1  # it carries again


# --- endings ----------------------------------------------------------------------------------------------------------


def test_an_abandoned_call_counts_and_blocks_the_lead_for_five_days() -> None:
    team = floor("anna")
    play(team, leads(1, "rossi"), answers("call-1", 4), asks_break("anna", 4.05))
    play(team, waits("call-1", 4.1), is_abandoned("call-1", 6.95))
    (close,) = of(CloseAttempt, play(team, ends("call-1", 7)))
    assert close.outcome is Outcome.ABANDONED
    assert close.lead_update.abandoned_at == at(7)
    assert close.lead_update.next_attempt_at == at(7) + timedelta(days=5)
    assert team.runs[SPRING].budget.counts == [WindowCount(answered=1, abandoned=1)] * 2


def test_an_abandonment_while_being_joined_frees_the_agent() -> None:
    team = floor("anna")
    play(team, leads(1, "rossi"), answers("call-1", 4), waits("call-1", 4))
    play(team, is_abandoned("call-1", 6.95))
    assert agent(team, "anna").is_free


def test_a_bridge_after_the_limit_is_hung_up() -> None:
    team = floor("anna")
    play(team, leads(1, "rossi"), answers("call-1", 4), waits("call-1", 4))
    play(team, is_abandoned("call-1", 6.95))
    assert [type(c).__name__ for c in play(team, bridged("call-1", "anna", 7))] == ["HangUp"]


def test_a_machine_is_tried_again_and_is_no_answer_of_a_person() -> None:
    team = floor("anna", screen=True)
    play(team, leads(1, "rossi"), answers("call-1", 4))
    ended = play(team, screened("call-1", Screening.MACHINE, 5), ends("call-1", 5.1))
    assert closed(ended) == [("call-1", Outcome.MACHINE, LeadState.RETRY)]
    assert team.runs[SPRING].budget.counts == [WindowCount(machines=1)] * 2


def test_a_person_of_whom_detection_is_unsure_is_bridged() -> None:
    team = floor("anna", screen=True)
    play(team, leads(1, "rossi"), answers("call-1", 4))
    play(team, screened("call-1", Screening.UNSURE, 5))
    assert play(team, waits("call-1", 5)) == [bridge("call-1", "anna", 6.95)]


def test_a_call_that_did_not_become_a_channel_is_closed_as_failed() -> None:
    team = floor("anna")
    play(team, leads(1, "rossi"))
    assert closed(play(team, is_refused("call-1", 1.1))) == [
        ("call-1", Outcome.FAILED, LeadState.RETRY)
    ]


def test_an_attempt_that_was_not_written_is_forgotten_without_a_close() -> None:
    team = floor("anna")
    play(team, leads(1, "rossi"))
    assert play(team, is_not_placed("call-1", 1.1)) == [CancelTimer(key="guard:call-1")]
    assert team.calls == {}
    assert team.runs[SPRING].denied.count("not_reserved", at(2)) == 1


def test_a_call_that_rings_cannot_be_told_as_not_placed() -> None:
    team = floor("anna")
    play(team, leads(1, "rossi"), rings("call-1", 2))
    with pytest.raises(IllegalTransitionError):
        team.handle(is_not_placed("call-1", 2.1))
    assert state(team, "call-1") is CallState.RINGING


@pytest.mark.parametrize(
    "event", [ends("call-7", 3), is_not_placed("call-7", 3), waits("call-7", 3)]
)
def test_an_event_of_an_unknown_call_is_counted_and_ignored(event: CallEvent) -> None:
    team = floor("anna")
    assert play(team, event) == []
    assert team.stray == {type(event).__name__: 1}
    assert team.quarantine(event) == []


def test_a_call_closes_once_however_often_its_end_is_told() -> None:
    team = floor("anna")
    play(team, leads(1, "rossi"))
    commands = play(team, ends("call-1", 5, 17), ends("call-1", 5, 17), is_refused("call-1", 5))
    assert closed(commands) == [("call-1", Outcome.BUSY, LeadState.RETRY)]


# --- the hopper -------------------------------------------------------------------------------------------------------


def test_leads_are_asked_for_once_until_the_answer_comes() -> None:
    team = floor()
    team.add_agent(AgentId("anna"), "Anna")
    asked = of(RequestLeads, play_all(team, logs_in("anna", 0), tick(1), tick(2)))
    assert asked == [RequestLeads(campaign_id=SPRING, count=80)]


def test_an_empty_answer_is_not_asked_again_at_once() -> None:
    team = floor("anna")
    assert play_all(team, leads(1), tick(2), tick(5.9)) == []
    assert len(of(RequestLeads, play_all(team, tick(6.1)))) == 1


def test_a_lead_outside_its_hours_goes_back_with_the_opening() -> None:
    team = floor("anna")
    tokyo = lead("sato", zone="Asia/Tokyo")
    event = LeadsReserved(campaign_id=SPRING, leads=(tokyo,), next_due_at=None, at=at(3600))
    (deferred,) = of(DeferLead, play(team, event))
    assert (deferred.lead_id, deferred.reason) == ("sato", "calling_hours")
    assert deferred.not_before == at(14 * 3600)  # 09:00 in Tokyo is midnight UTC


def test_a_lead_is_asked_about_again_when_it_is_taken() -> None:
    """In the hopper before 20:00 in Rome, to be dialled after it."""
    team = floor("anna")
    play(team, leads(1, "rossi"), answers("call-1", 4), waits("call-1", 4))
    play(team, bridged("call-1", "anna", 5))
    late = 9 * 3600
    play(team, leads(late - 60, "verdi"), talk_ends("call-1", late - 10), leg_returns("anna", late))
    commands = play(team, ends("call-1", late), timer("wrap:anna", late + 15))
    assert dialled(commands) == []
    assert [d.reason for d in of(DeferLead, commands)] == ["calling_hours"]


def test_a_number_put_on_the_do_not_call_list_leaves_the_hopper() -> None:
    team = talking_team("anna")
    play(team, leads(10, "verdi", "bianchi"), forget(11, "verdi"))
    play(team, talk_ends("call-1", 65), leg_returns("anna", 65.1), ends("call-1", 65.2))
    assert dialled(play(team, timer("wrap:anna", 80))) == ["bianchi"]


def test_a_paused_campaign_gives_its_hopper_back() -> None:
    team = talking_team("anna")
    play(team, leads(10, "verdi", "bianchi"))
    assert play(team, pause(11)) == [ReleaseLeads(lead_ids=(LeadId("verdi"), LeadId("bianchi")))]
    assert play_all(team, tick(12)) == []


def test_leads_that_arrive_after_the_pause_go_back_at_once() -> None:
    team = floor("anna")
    play(team, pause(1))
    assert play(team, leads(2, "rossi")) == [ReleaseLeads(lead_ids=(LeadId("rossi"),))]


def test_leads_that_lie_in_the_hopper_too_long_go_back() -> None:
    team = talking_team("anna")
    play(team, leads(10, "verdi"))
    assert play(team, tick(309)) == []
    assert play(team, tick(311)) == [ReleaseLeads(lead_ids=(LeadId("verdi"),))]


def test_a_lead_that_is_in_the_hopper_already_is_taken_in_once() -> None:
    team = talking_team("anna")
    play(team, leads(10, "verdi"), leads(11, "verdi"))
    assert len(team.runs[SPRING].hopper) == 1


# --- the world --------------------------------------------------------------------------------------------------------


def test_nothing_is_placed_while_the_link_is_down() -> None:
    team = floor("anna")
    play(team, link_down(0.5))
    assert dialled(play(team, leads(1, "rossi"), tick(2))) == []
    assert dialled(play(team, link_up(3), tick(3.25))) == ["rossi"]


def test_a_person_who_waits_is_bridged_when_the_link_is_back() -> None:
    team = floor("anna")
    play(team, leads(1, "rossi"), answers("call-1", 4), link_down(4.05))
    assert play(team, waits("call-1", 4.1)) == []
    assert play(team, link_up(5)) == [bridge("call-1", "anna", 6.95)]


def test_nothing_is_placed_while_the_store_does_not_write() -> None:
    team = floor("anna")
    play(team, store_fails(0.5))
    assert dialled(play(team, leads(1, "rossi"), tick(2))) == []
    assert dialled(play(team, store_works(3))) == ["rossi"]


def test_people_are_bridged_while_the_store_does_not_write() -> None:
    team = floor("anna")
    play(team, leads(1, "rossi"), answers("call-1", 4), store_fails(4.05))
    assert play(team, waits("call-1", 4.1)) == [bridge("call-1", "anna", 6.95)]


def test_a_team_that_drains_places_nothing_and_lets_talks_end() -> None:
    team = talking_team("anna")
    play(team, leads(10, "verdi"))
    assert play(team, drain(11)) == [ReleaseLeads(lead_ids=(LeadId("verdi"),))]
    assert phase(team, "anna") is AgentPhase.TALKING
    commands = play(team, talk_ends("call-1", 65), ends("call-1", 66), timer("wrap:anna", 80))
    assert closed(commands) == [("call-1", Outcome.TALKED, LeadState.DONE)]
    assert play(team, leads(81, "bianchi")) == [ReleaseLeads(lead_ids=(LeadId("bianchi"),))]
    assert dialled(play(team, leg_returns("anna", 81), tick(82))) == []


def test_a_stale_timer_does_nothing() -> None:
    team = talking_team("anna")
    assert play(team, timer("wrap:anna", 20), timer("guard:call-8", 20)) == []
    play(team, talk_ends("call-1", 65), leg_returns("anna", 65))
    assert play(team, timer("wrap:anna", 79.9)) == []
    assert phase(team, "anna") is AgentPhase.WRAP_UP
    assert play(team, timer("wrap:nobody", 81), timer("nonsense", 81)) == []


def test_a_call_that_does_not_tell_its_end_is_looked_up_until_it_is_told() -> None:
    team = floor("anna")
    play(team, leads(1, "rossi"), rings("call-1", 2))
    look = CheckCalls(call_ids=(CallId("call-1"),))
    assert play(team, timer("guard:call-1", 41)) == [
        look,
        StartTimer(key="guard:call-1", due_at=at(41 + 15)),
    ]
    play(team, answers("call-1", 42))
    assert play(team, timer("guard:call-1", 56)) == [look]


# --- after a restart --------------------------------------------------------------------------------------------------


def test_an_adopted_talk_keeps_its_agent_until_it_ends() -> None:
    team = floor("anna")
    adopted = play(team, is_adopted("old", 10, answered=-40, talking_since=-39, agent="anna"))
    assert adopted == [StartTimer(key="guard:old", due_at=at(25))]
    assert phase(team, "anna") is AgentPhase.TALKING
    assert not agent(team, "anna").is_free
    ended = play(team, talk_ends("old", 20), ends("old", 20.1))
    assert closed(ended) == [("old", Outcome.TALKED, LeadState.DONE)]
    assert phase(team, "anna") is AgentPhase.WRAP_UP


def test_an_adopted_call_that_rings_goes_on() -> None:
    team = floor("anna")
    play(team, is_adopted("old", 10), answers("old", 12))
    assert play(team, waits("old", 12)) == [bridge("old", "anna", 14.95)]


def test_an_adopted_call_that_the_dialplan_abandoned_is_counted() -> None:
    team = floor("anna")
    play(team, is_adopted("old", 10, answered=-40))
    ended = play(team, is_lost("old", 10, Fate.ABANDONED))
    assert closed(ended) == [("old", Outcome.ABANDONED, LeadState.RETRY)]
    assert team.runs[SPRING].budget.counts[0] == WindowCount(answered=1, abandoned=1)


def test_an_adopted_call_that_is_gone_is_lost_and_tried_another_day() -> None:
    team = floor("anna")
    ended = play(team, is_adopted("old", 10), is_lost("old", 10))
    assert closed(ended) == [("old", Outcome.LOST, LeadState.RETRY)]
    (close,) = of(CloseAttempt, ended)
    assert close.lead_update.next_attempt_at == at(10) + timedelta(hours=24)


def test_a_call_is_adopted_once() -> None:
    team = floor("anna")
    play(team, is_adopted("old", 10))
    assert play(team, is_adopted("old", 11, talking_since=0, agent="anna")) == []
    assert agent(team, "anna").is_free


def test_an_adopted_talk_does_not_take_an_agent_out_of_another_one() -> None:
    team = talking_team("anna")
    play(team, is_adopted("old", 10, answered=-40, talking_since=-39, agent="anna"))
    assert agent(team, "anna").call_id == "call-1"


CALM = (WindowCount(answered=1000, abandoned=0),) * 2
"""Far from any limit."""


# --- limits -----------------------------------------------------------------------------------------------------------


def test_a_ratio_of_three_places_three_lines_for_each_free_agent_as_the_rate_allows() -> None:
    team = floor("anna", mode=PacingMode.RATIO, dial_ratio=3.0, counts=CALM)
    names = [f"lead-{number}" for number in range(9)]
    assert len(dialled(play(team, leads(1, *names)))) == 3


def test_no_more_calls_than_lines() -> None:
    team = floor("anna", mode=PacingMode.RATIO, dial_ratio=9.0, lines=2, counts=CALM)
    names = [f"lead-{number}" for number in range(9)]
    assert len(dialled(play(team, leads(1, *names), tick(2), tick(3)))) == 2


def test_no_more_calls_than_the_rate_allows() -> None:
    team = floor("anna", mode=PacingMode.RATIO, dial_ratio=9.0, calls_per_second=2, counts=CALM)
    names = [f"lead-{number}" for number in range(9)]
    assert len(dialled(play(team, leads(10, *names)))) == 2
    assert len(dialled(play(team, tick(10.25)))) == 0
    assert len(dialled(play(team, tick(10.5)))) == 1


def test_events_told_late_do_not_lift_the_rate() -> None:
    """What happened on the exchange a moment ago comes after a tick of now: the time between must not be counted twice."""
    team = floor("anna", mode=PacingMode.RATIO, dial_ratio=9.0, calls_per_second=2, counts=CALM)
    names = [f"lead-{number}" for number in range(9)]
    assert len(dialled(play(team, leads(10, *names)))) == 2
    late = play(team, tick(10.4), ends("call-1", 10.0), tick(10.45), ends("call-2", 10.0))
    assert dialled(late) == []
    assert [order.at for order in of(PlaceCall, play(team, tick(10.6), tick(11.05)))] == [
        at(10.6),
        at(11.05),
    ]


def test_a_bridge_that_is_refused_because_the_person_hung_up_is_nothing_strange() -> None:
    team = floor("anna")
    play(team, leads(1, "rossi"), answers("call-1", 4), waits("call-1", 4), ends("call-1", 4.1))
    failed = BridgeFailed(
        call_id=CallId("call-1"), agent_id=AgentId("anna"), reason="No such channel", at=at(4.2)
    )
    assert play(team, failed) == []
    assert not team.stray
    assert team.agents[AgentId("anna")].is_free
    play(team, ends("call-9", 5))
    assert team.stray == {"CallEnded": 1}


def test_a_decision_is_of_the_present_though_its_event_is_of_a_moment_ago() -> None:
    team = floor("anna", mode=PacingMode.RATIO, dial_ratio=1.0, counts=CALM)
    play(team, leads(10, "rossi", "verdi"), tick(11))
    (order,) = of(PlaceCall, play(team, ends("call-1", 10.9)))
    assert order.at == at(11)


def test_over_its_budget_a_ratio_falls_to_one_line_for_each_free_agent() -> None:
    spent = (WindowCount(answered=100, abandoned=3),) * 2
    team = floor("anna", mode=PacingMode.RATIO, dial_ratio=3.0, counts=spent)
    names = [f"lead-{number}" for number in range(9)]
    assert len(dialled(play(team, leads(10, *names), tick(11)))) == 1


def test_a_new_policy_takes_effect_and_what_was_counted_stays() -> None:
    team = floor("anna", counts=CALM)
    changed: CampaignLoaded = campaign(seconds=1, max_attempts=1)
    play(team, changed)
    assert team.runs[SPRING].policy.max_attempts == 1
    assert team.runs[SPRING].budget.counts[0].answered == 1000


def test_a_finished_campaign_dials_nobody() -> None:
    team = floor("anna")
    play(team, campaign(CampaignState.FINISHED, seconds=1))
    assert dialled(play(team, tick(2))) == []


def test_a_team_without_agents_asks_for_nothing_and_places_nothing() -> None:
    team = new_team()
    assert play_all(team, campaign(), link_up(0), tick(1)) == []


def test_the_profiles_least_ring_time_lengthens_the_ring() -> None:
    team = floor("anna", ring_timeout=timedelta(seconds=25))
    (order,) = of(PlaceCall, play(team, leads(1, "rossi")))
    assert order.ring_timeout == timedelta(seconds=25)
    assert order.answer_rule.limit == timedelta(seconds=2.95)
