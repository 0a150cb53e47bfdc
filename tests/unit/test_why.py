"""Why a campaign does not dial, in order; and the picture of a team."""

import ast
from dataclasses import replace
from pathlib import Path

import pytest

import dialer.why
from dialer.campaign import PacingMode
from dialer.campaign_run import Denials
from dialer.compliance import Reason
from dialer.events import LeadsReserved, WindowCount
from dialer.ids import AgentId
from dialer.pacing import Binding
from dialer.team import Team
from dialer.team_view import view
from dialer.texts import TEXTS
from dialer.why import explain
from tests.support.playbook import (
    SPRING,
    answers,
    asks_break,
    at,
    bridged,
    campaign,
    drain,
    floor,
    lead,
    leads,
    link_down,
    new_team,
    pause,
    phone_drops,
    play,
    rings,
    store_fails,
    talk_ends,
    tick,
    waits,
)


def why(team: Team, seconds: float = 10) -> list[str]:
    return [item.code for item in explain(team, team.runs[SPRING], at(seconds))]


def codes_in_the_source() -> set[str]:
    tree = ast.parse(Path(dialer.why.__file__).read_text(encoding="utf-8"))
    words = {
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    return {word for word in words if f"why.{word}" in TEXTS} | {
        keyword.value.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "WhyItem"
        for keyword in node.keywords
        if keyword.arg == "code"
        and isinstance(keyword.value, ast.Constant)
        and isinstance(keyword.value.value, str)
    }


def test_every_code_has_its_texts() -> None:
    codes = codes_in_the_source() | set(Reason)
    assert len(codes) >= 18
    assert {f"why.{code}" for code in codes} <= set(TEXTS)


def test_every_text_of_a_reason_has_its_code() -> None:
    told = {key.removeprefix("why.") for key in TEXTS if key.startswith("why.")}
    assert told - {"nothing"} <= codes_in_the_source() | set(Reason)


def test_what_limits_the_pace_is_told_unless_the_agents_tell_it() -> None:
    assert set(dialer.why._BY_BINDING) == set(Binding) - {Binding.NO_AGENTS, Binding.TRUNKS_DOWN}


def test_a_team_that_dials_says_that_its_agents_have_their_lines() -> None:
    team = floor("anna")
    play(team, leads(1, "rossi"), tick(2))
    assert why(team) == ["free_agents_served"]


def test_what_must_be_mended_first_comes_first() -> None:
    team = new_team()
    play(team, campaign(), pause(1), store_fails(1), drain(1))
    assert why(team) == ["campaign_paused", "telephony_down", "store_down", "draining", "no_agents"]


def test_a_lost_link_says_its_reason() -> None:
    team = floor("anna")
    play(team, link_down(1), tick(2))
    (item,) = explain(team, team.runs[SPRING], at(2))[:1]
    assert (item.code, item.detail) == ("telephony_down", "connection reset")


def test_all_on_break() -> None:
    team = floor("anna", "bruno")
    play(team, asks_break("anna", 1), asks_break("bruno", 1), tick(2))
    items = explain(team, team.runs[SPRING], at(2))
    assert [(i.code, i.count) for i in items if i.code.startswith("agents")] == [
        ("agents_on_break", 2)
    ]


def test_nobody_logged_in() -> None:
    team = floor("anna")
    play(team, phone_drops("anna", 1), tick(2))
    assert "no_agents" in why(team)


def test_all_busy() -> None:
    team = floor("anna")
    play(team, leads(1, "rossi"), answers("call-1", 2), waits("call-1", 2))
    play(team, bridged("call-1", "anna", 2.1), tick(3))
    assert "agents_busy" in why(team)


def test_no_lead_is_due_until_the_next_one() -> None:
    team = floor("anna")
    play(team, LeadsReserved(campaign_id=SPRING, leads=(), next_due_at=at(900), at=at(1)))
    (item,) = [i for i in explain(team, team.runs[SPRING], at(2)) if i.code == "no_leads_due"]
    assert item.until == at(900)


def test_leads_outside_their_hours_say_until_when() -> None:
    team = floor("anna")
    tokyo = lead("sato", zone="Asia/Tokyo")
    play(team, LeadsReserved(campaign_id=SPRING, leads=(tokyo,), next_due_at=None, at=at(3600)))
    (item,) = [i for i in explain(team, team.runs[SPRING], at(3601)) if i.code == "calling_hours"]
    assert (item.count, item.until) == (1, at(14 * 3600))


@pytest.mark.parametrize(
    ("code", "facts"),
    [
        ("abandon_block", {"last_abandoned_at": at(-3600)}),
        ("attempts_used", {"attempts": 6}),
    ],
)
def test_leads_that_are_held_back_are_counted(code: str, facts: dict[str, object]) -> None:
    team = floor("anna")
    held = lead("rossi", **facts)
    play(team, LeadsReserved(campaign_id=SPRING, leads=(held,), next_due_at=None, at=at(1)))
    team.runs[SPRING].requested = False
    items = explain(team, team.runs[SPRING], at(2))
    assert (code, 1) in [(item.code, item.count) for item in items]


def test_leads_that_need_an_agent_of_their_own_are_counted_while_nobody_is_free() -> None:
    team = floor("anna")
    play(team, asks_break("anna", 0.5))
    held = [lead(f"lead-{n}", last_abandoned_at=at(-30 * 86400)) for n in range(25)]
    play(team, LeadsReserved(campaign_id=SPRING, leads=tuple(held), next_due_at=None, at=at(1)))
    team.runs[SPRING].requested = False
    items = {item.code: item.count for item in explain(team, team.runs[SPRING], at(2))}
    assert items["guaranteed_agent"] == 25


def test_agents_who_are_held_for_a_call_that_rings() -> None:
    team = floor("anna", "bruno", mode=PacingMode.ASSURED)
    play(team, leads(1, "rossi", "verdi"), rings("call-1", 2))
    items = [(item.code, item.count) for item in explain(team, team.runs[SPRING], at(2))]
    assert ("agents_held", 2) in items
    assert "agents_busy" not in dict(items)
    play(team, answers("call-1", 3), waits("call-1", 3), bridged("call-1", "anna", 3.1))
    items = [(item.code, item.count) for item in explain(team, team.runs[SPRING], at(4))]
    assert items[:2] == [("agents_busy", 1), ("agents_held", 1)]


def test_a_spent_budget_says_its_ratio_and_its_limit() -> None:
    spent = (WindowCount(answered=100, abandoned=3), WindowCount(answered=1000, abandoned=0))
    team = floor("anna", mode=PacingMode.PREDICTIVE, counts=spent)
    play(team, leads(1, "rossi"), tick(2), tick(3))
    (item,) = [i for i in explain(team, team.runs[SPRING], at(3)) if i.code == "abandon_budget"]
    assert item.detail == "3.00% / 3.00%"


def test_early_in_a_campaign_the_budget_says_how_many_answers_it_waits_for() -> None:
    early = (WindowCount(answered=4), WindowCount(answered=4))
    team = floor("anna", mode=PacingMode.PREDICTIVE, counts=early)
    play(team, leads(1, "rossi"), tick(2), tick(3))
    found = {item.code: item.count for item in explain(team, team.runs[SPRING], at(3))}
    assert found["abandon_budget_start"] == 30
    assert "abandon_budget" not in found


def test_leads_whose_hours_have_opened_are_held_back_no_more() -> None:
    team = floor("anna")
    tokyo = lead("sato", zone="Asia/Tokyo")
    play(team, LeadsReserved(campaign_id=SPRING, leads=(tokyo,), next_due_at=None, at=at(3600)))
    assert team.runs[SPRING].denied.count("calling_hours", at(3601)) == 1
    assert team.runs[SPRING].denied.count("calling_hours", at(14 * 3600)) == 0


def test_what_holds_leads_back_is_forgotten_in_time_also_where_nobody_asks() -> None:
    denials = Denials()
    for second in range(100):
        denials.note("calling_hours", at(second + 10), at(second))
    assert len(denials) == 10


# --- the picture ------------------------------------------------------------------------------------------------------


def test_the_picture_of_a_team_in_a_talk() -> None:
    team = floor("anna", "bruno")
    play(team, leads(1, "rossi", "verdi"), answers("call-1", 2), waits("call-1", 2))
    play(team, bridged("call-1", "anna", 2.5), tick(12.5))
    picture = view(team, at(12.5))
    assert picture.calls == {"talking": 1, "dialing": 1}
    assert [(a.agent_id, a.phase) for a in picture.agents] == [
        ("anna", "talking"),
        ("bruno", "idle"),
    ]
    assert picture.lines_per_free_agent == 1.0
    assert picture.talk_share == pytest.approx(10 / 25)
    assert picture.answered_to_bridged_ms == (pytest.approx(500),)
    (spring,) = picture.campaigns
    assert (spring.talking, spring.dialing, spring.waiting) == (1, 1, 0)


def test_the_counts_shown_are_of_the_window_whose_ratio_is_shown() -> None:
    counts = (WindowCount(answered=1000, abandoned=20), WindowCount(answered=100, abandoned=3))
    (spring,) = view(floor("anna", counts=counts), at(1)).campaigns
    assert (spring.answered, spring.abandoned) == (100, 3)
    assert (spring.abandon_ratio, spring.abandon_limit) == (0.03, 0.04)


def test_a_team_of_nobody_has_no_shares() -> None:
    team = new_team()
    team.add_agent(AgentId("anna"), "Anna")
    picture = view(team, at(1))
    assert (picture.talk_share, picture.lines_per_free_agent) == (None, None)


def test_talk_is_shared_over_the_time_off_break() -> None:
    team = floor("anna")
    play(team, leads(1, "rossi"), answers("call-1", 0), waits("call-1", 0))
    play(team, bridged("call-1", "anna", 10), talk_ends("call-1", 40), asks_break("anna", 50))
    play(team, tick(1000))
    assert view(team, at(1000)).talk_share == pytest.approx(30 / 50)


def test_a_campaign_that_a_restore_holds_says_so_and_since_when() -> None:
    team = floor("anna")
    play(team, pause(1))
    run = team.runs[SPRING]
    run.campaign = replace(run.campaign, held_at=at(0))
    (held, *_) = explain(team, run, at(2))
    assert held.code == "campaign_held"
    assert held.detail == f"{at(0):%Y-%m-%d %H:%M} UTC"
