"""What monitoring/ asks of the server: its alerts, its boards, and the metrics that both name."""

import json
import re
from dataclasses import dataclass
from pathlib import Path

from tests.support.compose import ROOT, read

MONITORING = ROOT / "monitoring"
RULES = MONITORING / "rules" / "dialer.yml"
RULE_TESTS = MONITORING / "tests" / "dialer_test.yml"
BOARDS = sorted((MONITORING / "grafana" / "dashboards").glob("*.json"))
RUNBOOK = ROOT / "docs" / "operations" / "runbook.md"

ADDED = frozenset({"instance", "job", "le", "alertstate"})
"""Labels that Prometheus itself, or a histogram, gives."""


@dataclass(frozen=True)
class Alert:
    name: str
    expr: str
    labels: dict[str, str]
    annotations: dict[str, str]


@dataclass(frozen=True)
class Panel:
    board: str
    title: str
    exprs: tuple[str, ...]


def alerts() -> list[Alert]:
    rules = [rule for group in read(RULES)["groups"] for rule in group["rules"]]
    return [
        Alert(rule["alert"], rule["expr"], rule["labels"], rule["annotations"]) for rule in rules
    ]


def panels() -> list[Panel]:
    found = []
    for path in BOARDS:
        board = json.loads(path.read_text(encoding="utf-8"))
        for panel in board["panels"]:
            exprs = tuple(target["expr"] for target in panel.get("targets", []))
            found.append(Panel(path.stem, panel["title"], exprs))
    return [panel for panel in found if panel.exprs]


def variable_queries() -> list[str]:
    boards = [json.loads(path.read_text(encoding="utf-8")) for path in BOARDS]
    return [one["definition"] for board in boards for one in board["templating"]["list"]]


def metrics_in(expr: str) -> set[str]:
    """The server's metrics in a PromQL expression."""
    return set(re.findall(r"\bdialer_\w+", re.sub(r'"[^"]*"', '""', expr)))


def labels_in(expr: str) -> set[str]:
    """Labels that are matched, grouped by or joined on."""
    bare = re.sub(r'"[^"]*"', '""', expr)
    matched = re.findall(r"(\w+)\s*(?:=~|!~|!=|=)\s*\"", bare)
    lists = re.findall(r"\b(?:by|on|without|ignoring)\s*\(([^)]*)\)", bare)
    return set(matched) | {label.strip() for one in lists for label in one.split(",")}


def sections(path: Path = RUNBOOK) -> dict[str, str]:
    """The runbook's sections of the second level that stand for alerts, and their text."""
    parts = re.split(r"(?m)^## ", path.read_text(encoding="utf-8"))[1:]
    named = {part.partition("\n")[0].strip(): part.partition("\n")[2] for part in parts}
    return {name: text for name, text in named.items() if re.fullmatch(r"Dialer\w+", name)}
