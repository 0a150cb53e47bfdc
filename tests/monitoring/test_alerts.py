"""Alerts, boards and runbook agree with each other and with what the server exports."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from prometheus_client import Metric
from pydantic import SecretStr

from dialer.bootstrap import Dialer
from dialer.config import DatabaseSettings, FixedSettings, RedisSettings
from tests.support import monitoring
from tests.support.monitoring import ADDED, Alert, Panel

ALERTS = monitoring.alerts()
PANELS = monitoring.panels()
each_alert = pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert.name)
each_panel = pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel.title)

SUFFIXES = {"counter": ("_total",), "histogram": ("_bucket", "_count", "_sum"), "gauge": ("",)}


@pytest.fixture
async def exported(tmp_path: Path) -> AsyncIterator[dict[str, set[str]]]:
    """Every series name that the server can export, and its labels."""
    url = f"sqlite:///{tmp_path / 'dialer.sqlite3'}"
    nowhere = RedisSettings(url=SecretStr("redis://127.0.0.1:1"))
    settings = FixedSettings(database=DatabaseSettings(url=url), redis=nowhere)
    dialer = await Dialer.open(settings)
    try:
        yield {
            metric.name + suffix: labels_of(dialer, metric)
            for metric in dialer.registry.collect()
            for suffix in SUFFIXES.get(metric.type, ())
        }
    finally:
        await dialer.stop()


def labels_of(dialer: Dialer, metric: Metric) -> set[str]:
    """As given by the family itself, or by the counter or histogram behind it."""
    own = getattr(metric, "_labelnames", None)
    if own is not None:
        return set(own)
    names = dialer.registry._names_to_collectors
    return set(names[metric.name]._labelnames)  # type: ignore[attr-defined]


# --- what is asked is exported ------------------------------------------------------------------------------------------


@each_alert
async def test_an_alert_looks_at_what_the_server_exports(
    alert: Alert, exported: dict[str, set[str]]
) -> None:
    check(alert.expr, exported)


@each_panel
async def test_a_panel_shows_what_the_server_exports(
    panel: Panel, exported: dict[str, set[str]]
) -> None:
    for expr in panel.exprs:
        check(expr, exported)


async def test_the_boards_choices_come_from_what_the_server_exports(
    exported: dict[str, set[str]],
) -> None:
    for query in monitoring.variable_queries():
        check(query, exported)


def check(expr: str, exported: dict[str, set[str]]) -> None:
    names = monitoring.metrics_in(expr)
    assert names or "up{" in expr or "ALERTS{" in expr
    assert names <= exported.keys()
    labels = set().union(*(exported[name] for name in names))
    assert monitoring.labels_in(expr) <= labels | ADDED


async def test_a_metric_that_nobody_exports_would_be_found(exported: dict[str, set[str]]) -> None:
    with pytest.raises(AssertionError):
        check("rate(dialer_attempts[5m])", exported)
    with pytest.raises(AssertionError):
        check('dialer_agents{campaign="x"}', exported)


async def test_no_label_can_hold_a_phone_number(exported: dict[str, set[str]]) -> None:
    assert not set().union(*exported.values()) & {"phone", "number", "lead", "caller_id", "channel"}


# --- alerts and runbook -------------------------------------------------------------------------------------------------


def test_every_alert_has_its_section_in_the_runbook_and_no_section_is_without_an_alert() -> None:
    assert list(monitoring.sections()) == [alert.name for alert in ALERTS]


@each_alert
def test_an_alert_says_whom_it_wakes_and_where_its_section_is(alert: Alert) -> None:
    assert alert.labels["severity"] in {"page", "ticket"}
    assert alert.annotations["runbook"] == f"docs/operations/runbook.md#{alert.name.lower()}"
    assert alert.annotations["summary"]


@each_alert
def test_a_section_says_what_it_means_for_people_and_what_to_do(alert: Alert) -> None:
    text = monitoring.sections()[alert.name]
    for word in ("**Means.**", "**People meanwhile.**", "**Look first.**", "**Do.**", "**Wake.**"):
        assert text.count(word) == 1, word
    woken = text.partition("**Wake.**")[2].split()[0].strip(".,:;")
    assert woken == ("Yes" if alert.labels["severity"] == "page" else "No")


@each_alert
def test_an_alert_is_tried_as_it_fires(alert: Alert) -> None:
    """test_promtool.py runs these."""
    cases = [
        case
        for test in monitoring.read(monitoring.RULE_TESTS)["tests"]
        for case in test["alert_rule_test"]
        if case["alertname"] == alert.name
    ]
    assert any(case["exp_alerts"] for case in cases)


def test_every_board_has_a_name_of_its_own_and_asks_the_provisioned_source() -> None:
    (source,) = monitoring.read(
        monitoring.MONITORING / "grafana/provisioning/datasources/prometheus.yml"
    )["datasources"]
    boards = [json.loads(path.read_text(encoding="utf-8")) for path in monitoring.BOARDS]
    assert len({board["uid"] for board in boards}) == len(boards) > 0
    for board in boards:
        asked = [target for panel in board["panels"] for target in panel.get("targets", [])]
        assert {target["datasource"]["uid"] for target in asked} == {source["uid"]}
