"""A team and its trunks: which one a call takes, what becomes of calls and leads when one fails."""

import pytest

from dialer.campaign_run import PASSED_OVER, HopperLead
from dialer.commands import CloseAttempt, DeferLead, PlaceCall, ReleaseLeads
from dialer.events import CallNotPlaced, CallRefused, Event, LeadsReserved, NotOpened
from dialer.ids import CallId, TrunkId
from dialer.leads import LeadState, Outcome
from dialer.team import Team
from dialer.trunk_board import NoTrunk, TrunkBoard
from dialer.trunks import NumberFormat, Trunk
from dialer.why import explain
from tests.support.playbook import (
    SPRING,
    answers,
    at,
    campaign,
    dialled,
    drain,
    ends,
    floor,
    is_adopted,
    is_lost,
    is_refused,
    lead,
    leads,
    of,
    play,
    rings,
    tick,
)

ROME = Trunk(trunk_id=TrunkId("rome"), country="IT")
BACKUP = Trunk(trunk_id=TrunkId("backup"), priority=2)


def team_of(*trunks: Trunk, agents: int = 1, **changes: object) -> Team:
    team = floor(*[f"agent{n}" for n in range(agents)], **changes)
    play(team, campaign(trunks=trunks, **changes))  # type: ignore[arg-type]
    return team


def by(team: Team, *events: Event) -> list[str]:
    """The trunks of the calls that these events bring about."""
    return [order.trunk for order in of(PlaceCall, play(team, *events))]


def close_of(team: Team, *events: Event) -> CloseAttempt:
    (close,) = of(CloseAttempt, play(team, *events))
    return close


def not_placed(call: str, reason: str, seconds: float) -> CallNotPlaced:
    return CallNotPlaced(call_id=CallId(call), reason=reason, at=at(seconds))


def reserved(seconds: float, name: str, phone: str) -> LeadsReserved:
    return LeadsReserved(
        campaign_id=SPRING, leads=(lead(name, phone=phone),), next_due_at=None, at=at(seconds)
    )


def reasons(team: Team, seconds: float) -> dict[str, int | None]:
    items = explain(team, team.runs[SPRING], at(seconds))
    return {item.code: item.count for item in items}


# --- the order --------------------------------------------------------------------------------------------------------


def test_the_order_says_what_asterisk_is_to_dial_and_as_whom() -> None:
    carrier = Trunk(
        trunk_id=TrunkId("carrier"),
        dial="PJSIP/{number}@carrier-1",
        number_format=NumberFormat.NATIONAL,
        country="IT",
        prefix="9",
        caller_ids=("+390212345678", "+390612345678"),
    )
    team = team_of(carrier)
    (order,) = of(PlaceCall, play(team, reserved(1, "rossi", "+390690000123")))
    assert (order.trunk, order.dial) == ("carrier", "PJSIP/90690000123@carrier-1")
    assert (order.phone, order.caller_id) == ("+390690000123", "+390612345678")


def test_the_campaigns_own_caller_id_goes_first() -> None:
    team = team_of(Trunk(trunk_id=TrunkId("t"), caller_ids=("+390612345678",)), caller_id="+390699")
    (order,) = of(PlaceCall, play(team, leads(1, "rossi")))
    assert order.caller_id == "+390699"


# --- fail-over --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cause", "seconds"),
    [(34, 2), (38, 2), (27, 2), (41, 2), (42, 2), (44, 2), (19, 26), (0, 26)],
)
def test_a_call_that_its_trunk_could_not_carry_goes_to_the_next_trunk_as_a_new_attempt(
    cause: int, seconds: float
) -> None:
    team = team_of(ROME, BACKUP)
    assert by(team, leads(1, "rossi")) == ["rome"]
    update = close_of(team, ends("call-1", seconds, cause)).lead_update
    assert (update.state, update.next_attempt_at) == (LeadState.RETRY, at(seconds))
    assert not update.counts_as_attempt
    assert not update.blames_number
    assert by(team, leads(27, "rossi")) == ["backup"]  # by way of the store and of compliance


def test_a_lead_that_moves_is_checked_again() -> None:
    team = team_of(ROME, BACKUP)
    play(team, leads(1, "rossi"), ends("call-1", 2, 34))
    night = at(12 * 3600)
    events = LeadsReserved(campaign_id=SPRING, leads=(lead("rossi"),), next_due_at=None, at=night)
    (put_off,) = of(DeferLead, play(team, events))
    assert put_off.reason == "calling_hours"


def test_an_endpoint_that_is_not_there_is_the_trunks_fault() -> None:
    team = team_of(ROME, BACKUP)
    play(team, leads(1, "rossi"))
    close = close_of(team, is_refused("call-1", 1.1))
    assert (close.outcome, close.lead_update.next_attempt_at) == (Outcome.FAILED, at(1.1))


def test_a_call_that_was_not_sent_is_nobodys_fault() -> None:
    team = team_of(ROME, BACKUP)
    play(team, leads(1, "rossi"))
    too_late = CallRefused(call_id=CallId("call-1"), reason="written_too_late", at=at(5))
    update = close_of(team, too_late).lead_update
    assert update.next_attempt_at == at(5 + 600)
    assert not update.blames_number
    assert team.trunks.of(ROME.trunk_id).failed == []


def test_a_call_that_rang_is_not_moved() -> None:
    """The network gave up on a telephone that was ringing: to dial at once would ring the person twice."""
    team = team_of(ROME, BACKUP)
    play(team, leads(1, "rossi"), rings("call-1", 2))
    update = close_of(team, ends("call-1", 9, 34)).lead_update
    assert update.next_attempt_at == at(9 + 600)


@pytest.mark.parametrize(
    ("cause", "outcome", "state"),
    [
        (21, Outcome.REJECTED, LeadState.DONE),  # SIP 603
        (1, Outcome.INVALID_NUMBER, LeadState.DONE),
        (17, Outcome.BUSY, LeadState.RETRY),
        (19, Outcome.NO_ANSWER, LeadState.RETRY),  # SIP 480, at once: the telephone is off
    ],
)
def test_a_verdict_of_the_far_end_moves_nothing(
    cause: int, outcome: Outcome, state: LeadState
) -> None:
    team = team_of(ROME, BACKUP)
    play(team, leads(1, "rossi"))
    close = close_of(team, ends("call-1", 2, cause))
    assert (close.outcome, close.lead_update.state) == (outcome, state)
    assert close.lead_update.counts_as_attempt
    assert close.lead_update.next_attempt_at != at(2)


def test_a_lead_that_every_trunk_failed_waits_and_then_may_take_any() -> None:
    team = team_of(ROME, BACKUP)
    play(team, leads(1, "rossi"), ends("call-1", 2, 34), leads(3, "rossi"))
    update = close_of(team, ends("call-2", 4, 34)).lead_update
    assert (update.state, update.next_attempt_at) == (LeadState.RETRY, at(4 + 600))
    assert by(team, leads(5, "rossi")) == ["rome"]


def test_faults_of_a_dead_trunk_never_end_a_lead() -> None:
    team = team_of(ROME)
    for number, name in enumerate(("rossi", "verdi", "bianchi"), start=1):
        play(team, leads(number, name), ends(f"call-{number}", number + 0.5, 34))
    worn = lead("neri", never_rang=19, attempts=5)
    play(
        team,
        LeadsReserved(campaign_id=SPRING, leads=(worn,), next_due_at=None, at=at(60)),
    )
    update = close_of(team, ends("call-4", 61, 34)).lead_update
    assert update.state is LeadState.RETRY
    assert not update.blames_number


def test_a_number_that_no_trunk_carries_though_they_carry_others_ends_at_last() -> None:
    team = team_of(ROME)
    play(team, leads(1, "rossi"), rings("call-1", 2), ends("call-1", 3, 17))
    worn = lead("neri", never_rang=19)
    play(team, LeadsReserved(campaign_id=SPRING, leads=(worn,), next_due_at=None, at=at(4)))
    update = close_of(team, ends("call-2", 5, 34)).lead_update
    assert (update.state, update.blames_number) == (LeadState.DONE, True)


def test_when_a_trunk_is_down_calls_go_by_the_next_and_why_says_it() -> None:
    team = team_of(ROME, BACKUP)
    for number, name in enumerate(("rossi", "verdi", "bianchi"), start=1):
        assert by(team, leads(number / 10, name)) == ["rome"]
        play(team, ends(f"call-{number}", number / 10 + 0.05, 34))
    assert by(team, leads(0.5, "neri")) == ["backup"]
    assert reasons(team, 0.6)["trunk_failing"] == 3
    play(team, ends("call-4", 0.7, 17))
    assert by(team, leads(2, "gialli")) == ["rome"]  # the probe
    play(team, answers("call-5", 3))
    assert "trunk_failing" not in reasons(team, 3)


def test_with_no_trunk_left_nothing_is_dialled_and_no_lead_is_lost() -> None:
    team = team_of(ROME)
    for number, name in enumerate(("rossi", "verdi", "bianchi"), start=1):
        play(team, leads(number / 10, name), ends(f"call-{number}", number / 10 + 0.05, 34))
    assert play(team, leads(0.5, "neri", "viola")) == []
    assert [entry.lead.lead_id for entry in team.runs[SPRING].hopper] == ["neri", "viola"]
    assert "trunk_failing" in reasons(team, 0.6)


def test_an_adopted_call_that_ends_unseen_tells_nothing_of_its_trunk() -> None:
    team = team_of(ROME)
    play(team, is_adopted("old-1", 1), is_lost("old-1", 2))
    assert team.trunks.of(ROME.trunk_id).failed == []


# --- limits and what they leave out -----------------------------------------------------------------------------------


def test_lines_bind_over_all_calls_of_the_team_and_why_says_it() -> None:
    narrow = Trunk(trunk_id=TrunkId("narrow"), lines=2)
    team = team_of(narrow, agents=5)
    assert len(dialled(play(team, leads(1, *"abcdef"), tick(2)))) == 2
    assert "trunk_lines" in reasons(team, 2)
    assert len(dialled(play(team, ends("call-1", 3, 17)))) == 1


def test_an_adopted_call_holds_a_line() -> None:
    narrow = Trunk(trunk_id=TrunkId("dialer-trunk"), lines=1)
    team = team_of(narrow, agents=2)
    assert dialled(play(team, is_adopted("old-1", 1), leads(2, "rossi"))) == []
    assert dialled(play(team, is_lost("old-1", 3), tick(4))) == ["rossi"]


def test_the_rate_binds_and_why_says_it() -> None:
    slow = Trunk(trunk_id=TrunkId("slow"), calls_per_second=2)
    team = team_of(slow, agents=6)
    assert len(dialled(play(team, leads(1, *"abcdef"), tick(1.5), tick(1.9)))) == 2
    assert "trunk_rate" in reasons(team, 1.9)
    assert len(dialled(play(team, tick(2)))) == 2


@pytest.mark.parametrize("reason", [NotOpened.TRUNK_LINES, NotOpened.TRUNK_RATE])
def test_a_call_that_the_store_leaves_out_is_the_next_one_after_a_moment(
    reason: NotOpened,
) -> None:
    team = team_of(ROME, agents=1)
    assert dialled(play(team, leads(1, "rossi", "verdi"))) == ["rossi"]
    assert dialled(play(team, not_placed("call-1", reason, 1.01), tick(1.1))) == []
    assert dialled(play(team, tick(2.1))) == ["rossi"]
    assert of(CloseAttempt, play(team, tick(2.2))) == []


def test_a_call_that_is_left_out_while_the_server_stops_gives_its_lead_back() -> None:
    team = team_of(ROME)
    play(team, leads(1, "rossi"), drain(1.1))
    commands = play(team, not_placed("call-1", NotOpened.TRUNK_LINES, 1.2))
    assert of(ReleaseLeads, commands) == [ReleaseLeads(lead_ids=("rossi",))]  # type: ignore[arg-type]


# --- numbers that no trunk serves -------------------------------------------------------------------------------------


def test_a_number_that_no_trunk_serves_is_put_off_and_keeps_nobody_waiting() -> None:
    team = team_of(ROME)
    commands = play(team, reserved(1, "smith", "+442079460000"), leads(1, "rossi"))
    (put_off,) = of(DeferLead, commands)
    assert (put_off.lead_id, put_off.reason) == ("smith", "no_trunk_serves")
    assert put_off.not_before == at(1 + 3600)
    assert dialled(commands) == ["rossi"]
    play(team, ends("call-1", 2, 17))
    assert reasons(team, 3)["no_trunk_serves"] == 1


def test_leads_whose_trunk_is_full_do_not_keep_the_others_waiting() -> None:
    italy = Trunk(trunk_id=TrunkId("it"), country="IT")
    britain = Trunk(trunk_id=TrunkId("uk"), country="GB", lines=1)
    team = team_of(italy, britain, agents=5)
    assert by(team, reserved(1, "smith", "+442079460000")) == ["uk"]
    (put_off,) = of(DeferLead, play(team, reserved(1, "jones", "+442079460001")))
    assert (put_off.lead_id, put_off.reason) == ("jones", "trunks_full")
    assert put_off.not_before == at(1 + 30)
    assert by(team, leads(1.5, "rossi")) == ["it"]
    assert reasons(team, 2)["trunks_full"] == 1
    assert "trunks_full" not in reasons(team, 32)


def test_leads_for_another_server_do_not_fill_the_hopper() -> None:
    """Their trunk is there, but nobody works there: few may wait, many go back for a while."""
    here = Trunk(trunk_id=TrunkId("here"), prefixes=("+39",), nodes=("roma",))
    there = Trunk(trunk_id=TrunkId("there"), prefixes=("+44",), nodes=("milano",))
    board, run = TrunkBoard(), team_of(here, there).runs[SPRING]
    none = board.choose(run.trunks, "+442079460000", taken={}, now=at(1), node="roma")
    assert isinstance(none, NoTrunk)
    abroad = [HopperLead(lead(f"smith{n}"), at(0)) for n in range(PASSED_OVER)]
    assert run.pass_over([(entry, none) for entry in abroad[:3]], at(1)) == []
    assert list(run.hopper) == abroad[:3]
    run.hopper.clear()
    put_off = of(DeferLead, run.pass_over([(entry, none) for entry in abroad], at(1)))
    assert {each.reason for each in put_off} == {"trunk_elsewhere"}
    assert (len(put_off), len(run.hopper)) == (PASSED_OVER, 0)
