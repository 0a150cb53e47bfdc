"""`make bench`: every bench at full size, one after the other.

Resumable: a bench whose result is there already, for this commit and machine, is not run again (`--again` runs all).
Exits non-zero when a bar is missed or a bench could not be run.
"""

import json
import subprocess
import sys

from bench import report

BENCHES = (
    "ami",
    "connect",
    "import_leads",
    "pacing",
    "pacing_team",
    "pacing_log",
    "truth",
    "world_speed",
    "law_checks",
    "faults",
    "soak",
)


def is_done(name: str) -> bool:
    path = report.RESULTS / f"{name}.json"
    if not path.is_file():
        return False
    found = json.loads(path.read_text())
    return found.get("commit") == report.commit() and found.get("ok", True) is True


def main() -> int:
    again = "--again" in sys.argv
    failed = []
    for name in BENCHES:
        if is_done(name) and not again:
            print(f"== {name}: done for this commit")
            continue
        print(f"== {name}", flush=True)
        if subprocess.run([sys.executable, "-m", f"bench.{name}"], check=False).returncode:
            failed.append(name)
    print("bars missed: " + ", ".join(failed) if failed else "all bars hold")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
