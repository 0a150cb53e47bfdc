"""A team with callbacks that are due: before all others, each with an agent held, its own first, and never ahead of the law."""

from datetime import timedelta

import pytest

from dialer.callbacks import Booking, CallbackKind, booked
from dialer.campaign import CampaignState, PacingMode
from dialer.commands import (
    Command,
    DeferLead,
    EscalateCallback,
    PlaceCall,
    ReleaseLeads,
    RequestCallbacks,
)
from dialer.events import CallbacksExpected, CallbacksReserved
from dialer.ids import MAIN_CLIENT, AgentId, CallbackId, LeadId
from dialer.leads import Lead
from dialer.why import explain
from tests.support.playbook import (
    SPRING,
    accepts,
    agent,
    answers,
    asks_break,
    at,
    bridged,
    campaign,
    dialled,
    ends,
    ends_break,
    ends_wrap_up,
    floor,
    lead,
    leads,
    leg_returns,
    of,
    play,
    play_all,
    tick,
    waits,
)

GRACE = timedelta(minutes=15)
LATE = GRACE.total_seconds()


def promised(name: str, whose: str | None = None, due: float = 0, **changes: object) -> Lead:
    agreed = Booking(
        kind=CallbackKind.RECALL,
        due_at=at(due),
        agent_id=AgentId(whose) if whose else None,
        grace=GRACE,
        most_tries=3,
    )
    callback = booked(
        agreed,
        callback_id=CallbackId(f"talk-with-{name}"),
        client_id=MAIN_CLIENT,
        campaign_id=SPRING,
        lead_id=LeadId(name),
        by=AgentId("anna"),
        at=at(-3600),
    )
    return lead(name, callback=callback, next_attempt_at=at(due), **changes)


def found(seconds: float, *leads: Lead, next_at: float | None = None) -> CallbacksReserved:
    later = None if next_at is None else at(next_at)
    return CallbacksReserved(campaign_id=SPRING, leads=leads, next_at=later, at=at(seconds))


def expected(seconds: float, next_at: float) -> CallbacksExpected:
    return CallbacksExpected(campaign_id=SPRING, next_at=at(next_at), at=at(seconds))


def pairs(commands: list[Command]) -> dict[str, str | None]:
    return {call.lead_id: call.agent_id for call in of(PlaceCall, commands)}


def asked(commands: list[Command]) -> int:
    return len(of(RequestCallbacks, commands))


class TestAsking:
    def test_nobody_asks_where_no_callback_is_known(self) -> None:
        team = floor("anna")
        assert asked(play_all(team, leads(0, "rossi"), *(tick(n) for n in range(60)))) == 0

    def test_the_store_is_asked_when_one_is_due_and_not_again_before_it_answers(self) -> None:
        team = floor("anna")
        assert asked(play_all(team, expected(0, 10), tick(9))) == 0
        assert asked(play_all(team, tick(10), tick(11), expected(11, 10), tick(12))) == 1
        assert asked(play_all(team, found(12), tick(13), tick(60))) == 0
        assert asked(play_all(team, expected(60, 60), tick(60))) == 1

    def test_what_is_with_a_call_of_its_lead_is_asked_for_without_haste(self) -> None:
        team = floor("anna")
        play_all(team, expected(0, 0), tick(0), found(0, next_at=0))
        assert asked(play_all(team, tick(1), tick(4))) == 0
        assert asked(play_all(team, tick(5))) == 1

    @pytest.mark.parametrize("mode", [PacingMode.MANUAL])
    def test_not_in_a_mode_that_dials_nobody_by_itself(self, mode: PacingMode) -> None:
        team = floor("anna", mode=mode)
        assert asked(play_all(team, expected(0, 0), tick(0), tick(60))) == 0


class TestDialling:
    @pytest.mark.parametrize(
        "mode", [PacingMode.PROGRESSIVE, PacingMode.PREDICTIVE, PacingMode.ASSURED]
    )
    def test_the_earliest_promise_goes_before_all_others(self, mode: PacingMode) -> None:
        team = floor("anna", mode=mode)
        play(team, asks_break("anna", 0), leads(0, "rossi", "bianchi"))
        play(team, found(0, promised("verdi", due=0), promised("neri", due=-60)))
        commands = play(team, ends_break("anna", 1), tick(1), tick(2))
        assert pairs(commands) == {"neri": "anna"}

    def test_its_own_agent_is_held_though_another_is_free_for_longer(self) -> None:
        team = floor("anna", "bruno")
        commands = play(team, found(0, promised("verdi", "bruno")), tick(0))
        assert pairs(commands) == {"verdi": "bruno"}
        assert not agent(team, "bruno").is_free
        assert agent(team, "anna").is_free

    def test_it_waits_for_its_own_agent_while_others_are_dialled(self) -> None:
        team = floor("anna", "bruno")
        play(team, asks_break("bruno", 0))
        commands = play(team, found(0, promised("verdi", "bruno")), leads(1, "rossi"), tick(1))
        assert dialled(commands) == ["rossi"]
        commands = play(team, ends_break("bruno", 60), tick(60))
        assert pairs(commands) == {"verdi": "bruno"}

    def test_after_the_talk_its_agent_gets_it(self) -> None:
        team = floor("anna")
        play(team, leads(0, "rossi"), tick(0), answers("call-1", 5))
        play(team, waits("call-1", 5.5), bridged("call-1", "anna", 6))
        assert dialled(play(team, found(10, promised("verdi", "anna")), tick(10))) == []
        commands = play(team, ends("call-1", 20), leg_returns("anna", 20), ends_wrap_up("anna", 30))
        assert pairs(commands) == {"verdi": "anna"}

    def test_when_its_agent_does_not_come_in_time_it_is_anybodys(self) -> None:
        team = floor("anna", "bruno")
        play(team, asks_break("bruno", 0))
        waiting = promised("verdi", "bruno", due=-LATE + 60)
        assert dialled(play(team, found(0, waiting), tick(1), tick(59))) == []
        commands = play(team, tick(60))
        assert [each.callback_id for each in of(EscalateCallback, commands)] == ["talk-with-verdi"]
        assert pairs(commands) == {"verdi": "anna"}
        assert of(EscalateCallback, play(team, tick(61))) == []

    def test_predictive_keeps_agents_for_the_others_but_an_own_agent_is_always_held(self) -> None:
        names = tuple(f"agent-{n}" for n in range(8))
        team = floor(*names, mode=PacingMode.PREDICTIVE, calls_per_second=100.0)
        anyones = [promised(f"lead-{n}") for n in range(8)]
        assert len(pairs(play(team, found(0, *anyones), tick(1)))) == 2  # a quarter
        own = [promised(f"own-{n}", f"agent-{n}") for n in range(2, 6)]
        commands = play(team, found(2, *own), tick(2))
        assert pairs(commands) == {f"own-{n}": f"agent-{n}" for n in range(2, 6)}

    def test_no_more_than_the_lines_that_there_are(self) -> None:
        team = floor("anna", "bruno", lines=1)
        due = [promised("verdi", "anna"), promised("neri", "bruno", due=-1)]
        assert pairs(play(team, found(0, *due), tick(0), tick(1))) == {"neri": "bruno"}

    def test_a_preview_shows_it_first(self) -> None:
        team = floor("anna", mode=PacingMode.PREVIEW)
        play(team, found(0, promised("verdi", "anna")), leads(0, "rossi"))
        assert pairs(play(team, accepts("anna", 2))) == {"verdi": "anna"}


class TestNeverAheadOfTheLaw:
    def test_outside_the_hours_of_its_zone_it_is_put_off(self) -> None:
        team = floor("anna")
        tokyo = promised("sato", "anna", zone="Asia/Tokyo")  # it is 20:00 there at +3600
        commands = play(team, found(3601, tokyo), tick(3602))
        assert pairs(commands) == {}
        assert [each.reason for each in of(DeferLead, commands)] == ["calling_hours"]

    def test_hours_that_end_while_it_waits_for_its_agent(self) -> None:
        team = floor("anna", "bruno")
        play(team, asks_break("anna", 0))
        waiting = promised("sato", "anna", due=3500, zone="Asia/Tokyo")
        play(team, found(3500, waiting))
        commands = play(team, tick(3601), ends_break("anna", 3602), tick(3602))
        assert pairs(commands) == {}
        assert [each.reason for each in of(DeferLead, commands)] == ["calling_hours"]


class TestGivingBack:
    def test_a_pause_gives_them_back_and_a_start_asks_again(self) -> None:
        team = floor("anna")
        play(team, asks_break("anna", 0), found(0, promised("verdi", "anna")))
        paused = play(team, campaign(CampaignState.PAUSED, seconds=1))
        assert of(ReleaseLeads, paused)[0].lead_ids == ("verdi",)
        play(team, campaign(seconds=2), ends_break("anna", 2))
        assert asked(play_all(team, tick(3))) == 1

    def test_what_lies_here_for_too_long_goes_back_and_is_asked_for_again(self) -> None:
        team = floor("anna", "bruno")
        play(team, asks_break("anna", 0), found(0, promised("verdi", "anna")))
        commands = play_all(team, tick(299))
        assert of(ReleaseLeads, commands) == []
        commands = play_all(team, tick(301))
        assert of(ReleaseLeads, commands)[0].lead_ids == ("verdi",)
        assert asked(commands) == 1


def test_why_names_those_that_are_due() -> None:
    team = floor("anna", "bruno")
    play(team, asks_break("anna", 0), asks_break("bruno", 0))
    escalated = promised("neri", "bruno", due=-2 * LATE)
    play(team, found(0, promised("verdi", "anna"), escalated))
    items = {item.code: item for item in explain(team, team.runs[SPRING], at(1))}
    assert (items["callback_agent"].count, items["callback_agent"].until) == (1, at(LATE))
    assert items["callbacks_due"].count == 1
