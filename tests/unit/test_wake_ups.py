"""Leads come due while a campaign waits: its team asks at the next tick; and also when the store was being asked just then."""

from dialer.campaign_run import ASK_AGAIN
from dialer.commands import RequestLeads
from dialer.events import LeadsDue
from dialer.ids import CampaignId
from dialer.team import Team
from tests.support.playbook import SPRING, at, floor, leads, of, play_all, tick

WAIT = ASK_AGAIN.total_seconds()


def due(seconds: float, campaign: str = SPRING) -> LeadsDue:
    return LeadsDue(campaign_id=CampaignId(campaign), at=at(seconds))


def asking() -> Team:
    """A floor whose hopper is empty and whose question is under way."""
    team = floor("1001")
    assert team.runs[SPRING].requested or of(RequestLeads, play_all(team, tick(1)))
    return team


def test_who_waits_asks_at_once_when_woken() -> None:
    team = asking()
    play_all(team, leads(2))
    assert of(RequestLeads, play_all(team, tick(2 + WAIT / 2))) == []
    play_all(team, due(3))
    assert len(of(RequestLeads, play_all(team, tick(3.25)))) == 1


def test_who_is_not_woken_asks_by_itself_later() -> None:
    team = asking()
    play_all(team, leads(2))
    assert of(RequestLeads, play_all(team, tick(2 + WAIT - 0.1))) == []
    assert len(of(RequestLeads, play_all(team, tick(2 + WAIT)))) == 1


def test_woken_while_the_store_is_asked_it_asks_again() -> None:
    """The answer under way may be older than the leads."""
    team = asking()
    assert of(RequestLeads, play_all(team, due(1.5), tick(1.75))) == []
    answer = play_all(team, leads(2))
    assert len(of(RequestLeads, [*answer, *play_all(team, tick(2.25))])) == 1
    play_all(team, leads(3))
    assert of(RequestLeads, play_all(team, tick(3.25))) == []  # once


def test_another_campaign_is_not_woken() -> None:
    team = asking()
    play_all(team, leads(2))
    assert of(RequestLeads, play_all(team, due(3, "autumn"), tick(3.25))) == []
