"""What every bench writes beside its figures: when, of which commit, on what machine."""

import json
import os
import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"


def machine() -> dict[str, Any]:
    model = "unknown"
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        lines = [line for line in cpuinfo.read_text().splitlines() if "model name" in line]
        model = lines[0].partition(":")[2].strip() if lines else model
    return {
        "python": platform.python_version(),
        "cpu": model,
        "cores": os.cpu_count(),
        "system": platform.platform(),
    }


def commit() -> str:
    done = subprocess.run(
        ["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=False
    )
    return done.stdout.strip() or "unknown"


def write(name: str, figures: dict[str, Any], *, reduced: bool) -> Path:
    """bench/results/NAME.json (reduced runs: NAME-reduced.json, which is not committed)."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}{'-reduced' if reduced else ''}.json"
    stamp = {"at": datetime.now(UTC).isoformat(timespec="seconds"), "commit": commit()}
    path.write_text(json.dumps(stamp | {"machine": machine()} | figures, indent=1) + "\n")
    return path
