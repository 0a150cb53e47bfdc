"""compose.yaml as its programs see it, and the programs that look at it."""

import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

ROOT = Path(__file__).parents[2]
COMPOSE = ROOT / "compose.yaml"
EXAMPLE = ROOT / ".env.example"

GIVEN = {
    "AMI_SECRET": "ami0secret",
    "PHONE_SECRET": "phone0secret",
    "DATABASE_PASSWORD": "database0password",
    "POSTGRES_PASSWORD": "superuser0password",
    "REDIS_PASSWORD": "redis0password",
    "GRAFANA_PASSWORD": "grafana0password",
    "TRUNK_HOST": "192.0.2.10",
}
"""What somebody fills in who copies .env.example and changes nothing else."""

_VARIABLE = re.compile(r"(?<!\$)\$\{([A-Z_]+):([-?])([^}]*)\}")


def read(path: Path) -> Any:
    """A YAML file."""
    return YAML(typ="safe").load(path)


def needs(text: str) -> set[str]:
    """The variables without which compose refuses to start."""
    return {name for name, kind, _ in _VARIABLE.findall(text) if kind == "?"}


def variables(text: str) -> set[str]:
    return {name for name, _, _ in _VARIABLE.findall(text)}


def services(given: Mapping[str, str] = GIVEN) -> dict[str, dict[str, Any]]:
    """The services, with the variables in their places. KeyError: one that must be given is not."""

    def value(found: re.Match[str]) -> str:
        name, kind, word = found.groups()
        return given[name] if kind == "?" else given.get(name) or word

    text = _VARIABLE.sub(value, COMPOSE.read_text(encoding="utf-8")).replace("$$", "$")
    found: dict[str, dict[str, Any]] = YAML(typ="safe").load(text)["services"]
    for service in found.values():
        environment = service.get("environment", {})
        environment.update({k: "" if v is None else str(v) for k, v in environment.items()})
    return found


def program(name: str, package: str) -> str:
    """Its path. Skips the test where it is not installed; with CI=true that is a failure."""
    path = shutil.which(name)
    if path is None:
        missing = f"{name} is not installed (Debian: apt-get install {package})"
        pytest.fail(missing) if os.environ.get("CI") == "true" else pytest.skip(missing)
    return path
