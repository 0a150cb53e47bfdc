"""Every module stands in a layer; the contracts themselves are checked by lint-imports."""

import configparser
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NOT_PURE = {
    "abandonment_commands",
    "ami",
    "ami_messages",
    "ami_node",
    "ami_stats",
    "bootstrap",
    "bootstrap_parts",
    "callback_commands",
    "callback_ports",
    "config",
    "config_campaign",
    "config_caps",
    "config_dispositions",
    "config_hints",
    "config_retry",
    "config_secrets",
    "config_table",
    "check_command",
    "consent_commands",
    "database_commands",
    "dnc_commands",
    "number_ports",
    "register_commands",
    "demo",
    "demo_command",
    "doctor_ami",
    "doctor_host",
    "doctor_run",
    "lead_commands",
    "lead_export",
    "lead_file",
    "lead_preview",
    "ledger_commands",
    "ledger_ports",
    "live_ports",
    "logs",
    "ports",
    "profiles_command",
    "replay_run",
    "serve",
    "terminal",
    "testbed",
    "testbed_ami",
    "testbed_render",
    "why_command",
}
"""Modules at the root of dialer/ that touch the world, run tasks, or read settings; all others are the rulebook."""


def contract(name: str) -> configparser.SectionProxy:
    parser = configparser.ConfigParser()
    parser.read(ROOT / ".importlinter", encoding="utf-8")
    return parser[f"importlinter:contract:{name}"]


def modules() -> set[str]:
    """Modules and packages directly under dialer/."""
    folder = ROOT / "dialer"
    files = {path.stem for path in folder.glob("*.py")} - {"__init__"}
    packages = {path.parent.name for path in folder.glob("*/__init__.py")}
    return files | packages


def test_every_module_stands_in_exactly_one_layer() -> None:
    layers = contract("layers")["layers"].replace("|", "\n").split()
    standing = [name.removeprefix("dialer.") for name in layers if name.startswith("dialer.")]
    assert len(standing) == len(set(standing))
    assert set(standing) == modules()


def test_every_module_of_the_rulebook_is_kept_pure() -> None:
    pure = {name.removeprefix("dialer.") for name in contract("pure")["source_modules"].split()}
    files = {path.stem for path in (ROOT / "dialer").glob("*.py")}
    assert pure == files - NOT_PURE - {"__init__", "__main__"}


@pytest.mark.parametrize(
    "word", ["datetime.now(", ".utcnow(", "time.time(", "time.monotonic(", "random.random("]
)
def test_the_rulebook_reads_no_clock_and_draws_no_chance(word: str) -> None:
    for name in contract("pure")["source_modules"].split():
        source = ROOT / "dialer" / f"{name.removeprefix('dialer.')}.py"
        assert word not in source.read_text(encoding="utf-8"), name
