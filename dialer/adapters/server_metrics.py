"""What the process itself shows when scraped: its clock, and what waits in it. Never a phone number in a label."""

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from dialer.callback_ports import CallbackCounts
from dialer.ids import CampaignId, TeamId
from dialer.ports import Clock


class Backlog(NamedTuple):
    """What waits for one team: events to be handled, writes for the database."""

    events: int
    writes: int


class ServerCollector(Collector):
    """Read at scrape time; `backlogs` has the teams that this server runs."""

    def __init__(self, clock: Clock, backlogs: Callable[[], Mapping[TeamId, Backlog]]) -> None:
        self._clock = clock
        self._backlogs = backlogs

    def collect(self) -> Iterator[Metric]:
        yield GaugeMetricFamily(
            "dialer_clock_seconds",
            "What the server's clock says, in seconds since 1970",
            value=self._clock.now().timestamp(),
        )
        events = GaugeMetricFamily(
            "dialer_event_backlog", "Events that wait to be handled", labels=["team"]
        )
        writes = GaugeMetricFamily(
            "dialer_store_backlog", "Writes that wait for the database", labels=["team"]
        )
        for team_id, backlog in self._backlogs().items():
            events.add_metric([team_id], backlog.events)
            writes.add_metric([team_id], backlog.writes)
        yield from (events, writes)


class CallbackCollector(Collector):
    """Callbacks that wait, of the campaigns whose teams this server runs; as old as the last look at the store."""

    def __init__(self, counts: Callable[[], Mapping[CampaignId, CallbackCounts]]) -> None:
        self._counts = counts

    def collect(self) -> Iterator[Metric]:
        waiting = GaugeMetricFamily(
            "dialer_callbacks_waiting", "Callbacks that were agreed and wait", labels=["campaign"]
        )
        overdue = GaugeMetricFamily(
            "dialer_callbacks_overdue", "Of these, those whose time is past", labels=["campaign"]
        )
        for campaign_id, counts in self._counts().items():
            waiting.add_metric([campaign_id], counts.waiting)
            overdue.add_metric([campaign_id], counts.overdue)
        yield from (waiting, overdue)
