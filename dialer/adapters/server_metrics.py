"""What the process itself shows when scraped: its clock, and what waits in it. Never a phone number in a label."""

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from dialer.ids import TeamId
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
