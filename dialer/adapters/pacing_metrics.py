"""What the pacing decisions were made from, as gauges read at scrape time. Windows by their name: a handful per profile."""

from collections.abc import Iterable, Iterator

from prometheus_client.core import GaugeMetricFamily, Metric

from dialer.brake import WindowState
from dialer.explain import Explanation, WindowDetails, details
from dialer.views import CampaignView, TeamView


def pacing_metrics(views: Iterable[TeamView]) -> Iterator[Metric]:
    pairs = [(view.team_id, campaign) for view in views for campaign in view.campaigns]
    yield from _windows(pairs)
    made = [
        (team, campaign, details(campaign.decision) if campaign.decision else None)
        for team, campaign in pairs
    ]
    yield from _decisions([(team, one, told) for team, one, told in made if told is not None])


def _windows(pairs: Iterable[tuple[str, CampaignView]]) -> Iterator[Metric]:
    labels = ["team", "campaign", "window"]
    answered = GaugeMetricFamily(
        "dialer_window_answered", "Persons who answered, by legal window", labels=labels
    )
    abandoned = GaugeMetricFamily(
        "dialer_window_abandoned", "Of these, abandoned, by legal window", labels=labels
    )
    limit = GaugeMetricFamily(
        "dialer_window_limit_ratio",
        "Abandon ratio that the window may have now; 0: guard cautious, too few answers",
        labels=labels,
    )
    for team, campaign in pairs:
        for window in campaign.windows:
            names = [team, campaign.campaign_id, _label(window)]
            answered.add_metric(names, window.answered)
            abandoned.add_metric(names, window.abandoned)
            limit.add_metric(names, window.limit)
    yield from (answered, abandoned, limit)


def _decisions(made: list[tuple[str, CampaignView, Explanation]]) -> Iterator[Metric]:
    labels = ["team", "campaign"]
    allowed = GaugeMetricFamily(
        "dialer_pacing_theta_allowed_ratio",
        "Risk allowed to one more call, after the abandon limits",
        labels=labels,
    )
    free = GaugeMetricFamily(
        "dialer_pacing_expected_free", "Agents expected to be free within 10 s", labels=labels
    )
    answers = GaugeMetricFamily(
        "dialer_pacing_expected_answers", "Answers expected within 10 s", labels=labels
    )
    room = GaugeMetricFamily(
        "dialer_window_room",
        "Abandoned calls that may still happen, by legal window, at the latest decision",
        labels=[*labels, "window"],
    )
    for team, campaign, told in made:
        names = [team, campaign.campaign_id]
        free.add_metric(names, told.free.mean)
        answers.add_metric(names, told.answers.mean)
        if told.allowed_ratio is not None:
            allowed.add_metric(names, told.allowed_ratio)
        for window in told.windows:
            if window.room is not None:
                room.add_metric([*names, _label(window)], window.room)
    yield from (allowed, free, answers, room)


def _label(window: WindowState | WindowDetails) -> str:
    """A profile may have periods of several lengths."""
    return window.name if window.days is None else f"{window.name}_{window.days:g}d"
