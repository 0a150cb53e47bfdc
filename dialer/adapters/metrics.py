"""The Metrics port on prometheus-client, and a collector that reads the teams when scraped. Never a phone number in a label."""

from collections.abc import Callable, Iterable, Iterator, Mapping

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from dialer.adapters.pacing_metrics import pacing_metrics
from dialer.ami_stats import AmiStats
from dialer.campaign import CampaignState
from dialer.events import Event
from dialer.ids import CampaignId, NodeId, TeamId
from dialer.leads import Outcome
from dialer.live_ports import WireStats
from dialer.views import TeamView

_FAST = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 3.0)


class PrometheusMetrics:
    def __init__(self, registry: CollectorRegistry) -> None:
        self._handled = Histogram(
            "dialer_event_seconds",
            "Time to apply one event and begin its commands",
            ("team",),
            buckets=_FAST,
            registry=registry,
        )
        self._decided = Histogram(
            "dialer_decision_cpu_seconds",
            "CPU time of one pacing decision of a team (a tick, without its commands)",
            ("team",),
            buckets=_FAST,
            registry=registry,
        )
        self._quarantined = Counter(
            "dialer_illegal_transitions_total",
            "Events that the tables do not allow",
            ("team", "state", "event"),
            registry=registry,
        )
        self._attempts = Counter(
            "dialer_attempts_total", "Attempts closed", ("campaign", "outcome"), registry=registry
        )
        self._bridged = Histogram(
            "dialer_answered_to_bridged_seconds",
            "From the person's answer to both legs in one bridge",
            ("campaign",),
            buckets=_FAST,
            registry=registry,
        )
        self._writes = Histogram(
            "dialer_store_write_seconds",
            "Writes to the store",
            ("what", "ok"),
            buckets=_FAST,
            registry=registry,
        )

        self._logged = Counter(
            "dialer_pacing_log_bytes_total", "Pacing log on the disk", ("team",), registry=registry
        )
        self._log_stopped = Counter(
            "dialer_pacing_log_stopped_total",
            "Times that the pacing log could not be written on",
            ("team",),
            registry=registry,
        )

    def event_handled(self, team_id: TeamId, event: Event, seconds: float) -> None:
        self._handled.labels(team_id).observe(seconds)

    def decided(self, team_id: TeamId, cpu_seconds: float) -> None:
        self._decided.labels(team_id).observe(cpu_seconds)

    def call_quarantined(self, team_id: TeamId, state: str, event: str) -> None:
        self._quarantined.labels(team_id, state, event).inc()

    def attempt_closed(self, campaign_id: CampaignId, outcome: Outcome) -> None:
        self._attempts.labels(campaign_id, outcome.value).inc()

    def answered_to_bridged(self, campaign_id: CampaignId, seconds: float) -> None:
        self._bridged.labels(campaign_id).observe(seconds)

    def store_write(self, what: str, seconds: float, ok: bool) -> None:
        self._writes.labels(what, str(ok).lower()).observe(seconds)

    def pacing_logged(self, team_id: TeamId, size: int) -> None:
        self._logged.labels(team_id).inc(size)

    def pacing_log_stopped(self, team_id: TeamId) -> None:
        self._log_stopped.labels(team_id).inc()


class NoMetrics:
    """The Metrics port for whoever does not measure."""

    def event_handled(self, team_id: TeamId, event: Event, seconds: float) -> None: ...

    def decided(self, team_id: TeamId, cpu_seconds: float) -> None: ...

    def call_quarantined(self, team_id: TeamId, state: str, event: str) -> None: ...

    def attempt_closed(self, campaign_id: CampaignId, outcome: Outcome) -> None: ...

    def answered_to_bridged(self, campaign_id: CampaignId, seconds: float) -> None: ...

    def store_write(self, what: str, seconds: float, ok: bool) -> None: ...

    def pacing_logged(self, team_id: TeamId, size: int) -> None: ...

    def pacing_log_stopped(self, team_id: TeamId) -> None: ...


class TeamCollector(Collector):
    """Gauges of the teams and counters of the AMI links, read at scrape time."""

    def __init__(
        self, views: Callable[[], Iterable[TeamView]], ami: Callable[[], Mapping[NodeId, AmiStats]]
    ) -> None:
        self._views = views
        self._ami = ami

    def collect(self) -> Iterator[Metric]:
        views = list(self._views())
        yield from _team_metrics(views)
        yield from _campaign_metrics(views)
        yield from _ami_metrics(self._ami())


def _team_metrics(views: list[TeamView]) -> Iterator[Metric]:
    up = GaugeMetricFamily(
        "dialer_telephony_up", "1: link up and reconciled", labels=["team", "node"]
    )
    store = GaugeMetricFamily("dialer_store_up", "1: the database takes writes", labels=["team"])
    agents = GaugeMetricFamily("dialer_agents", "Agents", labels=["team", "status", "phase"])
    calls = GaugeMetricFamily("dialer_calls", "Calls", labels=["team", "state"])
    for view in views:
        for node in view.nodes:
            up.add_metric([view.team_id, node.node], float(node.up))
        store.add_metric([view.team_id], float(view.store_up))
        for state, count in view.calls.items():
            calls.add_metric([view.team_id, state.value], count)
        seen: dict[tuple[str, str], int] = {}
        for agent in view.agents:
            key = (agent.status.value, agent.phase.value)
            seen[key] = seen.get(key, 0) + 1
        for (status, phase), count in seen.items():
            agents.add_metric([view.team_id, status, phase], count)
    yield from (up, store, agents, calls)


def _campaign_metrics(views: list[TeamView]) -> Iterator[Metric]:
    labels = ["team", "campaign"]
    gauges = {
        "abandon_ratio": GaugeMetricFamily(
            "dialer_abandon_ratio", "Abandoned / persons answered, nearest window", labels=labels
        ),
        "abandon_limit": GaugeMetricFamily(
            "dialer_abandon_limit_ratio", "Its legal limit", labels=labels
        ),
        "answered": GaugeMetricFamily(
            "dialer_abandon_window_answered", "Persons who answered in that window", labels=labels
        ),
        "abandoned": GaugeMetricFamily(
            "dialer_abandon_window_abandoned", "Of these, abandoned", labels=labels
        ),
        "theta": GaugeMetricFamily(
            "dialer_pacing_theta_ratio", "Risk allowed to one more call", labels=labels
        ),
        "braked": GaugeMetricFamily(
            "dialer_pacing_braked", "1: held back by the abandon budget", labels=labels
        ),
        "hopper": GaugeMetricFamily("dialer_hopper_leads", "Leads in the hopper", labels=labels),
    }
    for view in views:
        for campaign in view.campaigns:
            for name, gauge in gauges.items():
                value = float(getattr(campaign, name))
                gauge.add_metric([view.team_id, campaign.campaign_id], value)
    yield from gauges.values()
    yield from _dialling_metrics(views)
    yield from pacing_metrics(views)


def _dialling_metrics(views: list[TeamView]) -> Iterator[Metric]:
    """Whether a campaign should dial, and what holds it back."""
    running = GaugeMetricFamily(
        "dialer_campaign_running", "1: it should dial", labels=["team", "campaign"]
    )
    why = GaugeMetricFamily(
        "dialer_campaign_held_back",
        "1: this reason holds it back, as GET /campaigns/{id}/why tells",
        labels=["team", "campaign", "reason"],
    )
    trunks = GaugeMetricFamily(
        "dialer_campaign_trunks",
        "Trunks of the campaign that work (up) and that have failed (down)",
        labels=["team", "campaign", "state"],
    )
    for view in views:
        for campaign in view.campaigns:
            labels = [view.team_id, campaign.campaign_id]
            trunks.add_metric([*labels, "up"], campaign.trunks_up)
            trunks.add_metric([*labels, "down"], campaign.trunks_down)
            running.add_metric(labels, float(campaign.state is CampaignState.RUNNING))
            for reason in dict.fromkeys(item.code for item in campaign.why):
                why.add_metric([*labels, reason], 1.0)
    yield from (running, why, trunks)


def _ami_metrics(by_node: Mapping[NodeId, AmiStats]) -> Iterator[Metric]:
    events = CounterMetricFamily(
        "dialer_ami_events", "AMI events received", labels=["node", "event"]
    )
    lost = CounterMetricFamily(
        "dialer_ami_reconnects", "AMI links lost and made again", labels=["node"]
    )
    for node, stats in by_node.items():
        lost.add_metric([node], stats.reconnects)
        for name, count in stats.events.items():
            events.add_metric([node, name], count)
    yield from (events, lost)


class WireCollector(Collector):
    """Whether Redis is there, and what did not get through; read at scrape time."""

    def __init__(self, stats: Callable[[], WireStats]) -> None:
        self._stats = stats

    def collect(self) -> Iterator[Metric]:
        stats = self._stats()
        yield GaugeMetricFamily("dialer_redis_up", "1: Redis answers", value=float(stats.up))
        yield CounterMetricFamily(
            "dialer_redis_dropped", "Messages that Redis did not take", value=stats.dropped
        )
        yield CounterMetricFamily(
            "dialer_redis_garbled", "Messages that could not be read", value=stats.garbled
        )
