"""What runs here, as far as the last bits of a decision depend on it."""

import hashlib
import platform
from datetime import datetime
from functools import cache
from importlib import metadata
from pathlib import Path

import numpy as np

from dialer.ids import TeamId
from dialer.pacing_log import LogHeader

RULES = (
    "answer_curve",
    "brake",
    "hazards",
    "pacing",
    "pacing_board",
    "pacing_question",
    "pacing_risk",
    "release_curve",
    "screen_curve",
    "starts",
)
"""The modules that decide: with other ones a log may be replayed to other decisions."""


def log_header(team_id: TeamId, at: datetime) -> LogHeader:
    return LogHeader(
        product=product(),
        rules=rules(),
        numpy=np.__version__,
        machine=platform.machine(),
        team=team_id,
        started_at=at.timestamp(),
    )


@cache
def product() -> str:
    """The version; "unknown" where the sources run without having been installed."""
    try:
        return metadata.version("dialer")
    except metadata.PackageNotFoundError:
        return "unknown"


@cache
def rules() -> str:
    folder = Path(__file__).parents[1]
    sources = b"".join((folder / f"{name}.py").read_bytes() for name in RULES)
    return hashlib.sha256(sources).hexdigest()[:12]
