"""What a decision was made from, as metrics, in the terminal and on the wire."""

from prometheus_client import CollectorRegistry
from rich.console import Console

from dialer.adapters.metrics import TeamCollector
from dialer.adapters.wire_format import pack_live, unpack_live
from dialer.explain import details, explain
from dialer.live_ports import LiveTeam
from dialer.team import Team
from dialer.team_view import view
from dialer.terminal import picture
from dialer.texts import Language
from dialer.views import TeamView
from tests.support.playbook import at, floor, leads, play, tick


def dialling() -> TeamView:
    team: Team = floor("anna")
    play(team, leads(1, "rossi"), tick(2))
    return view(team, at(2))


def test_the_metrics_tell_each_window_and_what_was_expected() -> None:
    seen = dialling()
    (campaign,) = seen.campaigns
    registry = CollectorRegistry()
    registry.register(TeamCollector(lambda: [seen], lambda: {}))
    labels = {"team": seen.team_id, "campaign": campaign.campaign_id}
    assert campaign.decision is not None
    value = registry.get_sample_value
    assert value("dialer_pacing_expected_free", labels) == campaign.decision.expected_free
    assert value("dialer_pacing_expected_answers", labels) == campaign.decision.expected_answers
    assert len(campaign.windows) > 0
    for window in campaign.windows:
        name = window.name if window.days is None else f"{window.name}_{window.days:g}d"
        of = {**labels, "window": name}
        assert value("dialer_window_limit_ratio", of) == window.limit
        assert value("dialer_window_answered", of) == window.answered
        assert value("dialer_window_abandoned", of) == window.abandoned
        assert value("dialer_window_room", of) is not None


def test_the_terminal_shows_the_sentence() -> None:
    seen = dialling()
    (campaign,) = seen.campaigns
    assert campaign.decision is not None
    for language in Language:
        console = Console(width=400)
        with console.capture() as shown:
            console.print(picture(seen, language))
        assert explain(campaign.decision, language) in shown.get()


def test_another_server_shows_the_same_sentence() -> None:
    seen = dialling()
    sent = LiveTeam(view=seen, server="one", host="box", fence=1, sequence=1)
    read = unpack_live(pack_live(sent)).view
    here, there = seen.campaigns[0].decision, read.campaigns[0].decision
    assert here is not None
    assert there is not None
    assert explain(there, Language.EN) == explain(here, Language.EN)
    assert details(there) == details(here)
