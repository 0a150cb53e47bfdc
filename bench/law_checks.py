"""What one compliance check costs: microseconds of CPU per call, merged rules and days kept, as the team asks it.

    python -m bench.law_checks [--checks 200000] [--reduced]

Bar: under 50 microseconds for every case.
"""

import argparse
import sys
import time
from datetime import UTC, datetime, timedelta
from itertools import cycle, islice
from zoneinfo import ZoneInfo

from bench import report
from dialer.adapters.profile_files import ProfileFiles
from dialer.compliance import Allowed, ComplianceSnapshot, Consent, RegisterCheck, check
from dialer.profiles import CapPer

BAR_US = 50.0
NOW = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
ROME, PARIS, REUNION = (ZoneInfo(n) for n in ("Europe/Rome", "Europe/Paris", "Indian/Reunion"))
NUMBERS = [f"+3906123{n:05}" for n in range(2000)]
TRIED = tuple(NOW - timedelta(days=days) for days in (3, 5, 9))

PLAIN = ComplianceSnapshot(zone=ROME, attempts=1, max_attempts=6, ring=timedelta(seconds=25))
FULL = ComplianceSnapshot(
    zone=PARIS,
    zones=(PARIS, REUNION),
    attempts=1,
    max_attempts=6,
    ring=timedelta(seconds=25),
    last_abandoned_at=NOW - timedelta(days=9),
    last_refused_at=NOW - timedelta(days=90),
    agent_reserved=True,
    attempts_at={CapPer.CALLED_PERSON: TRIED, CapPer.CALLED_NUMBER: TRIED},
    registers=tuple(
        RegisterCheck(registry=name, checked_at=NOW - timedelta(days=2), listed=False)
        for name in ("RPO", "US-NATIONAL-DNC")
    ),
    consents=(Consent(given_at=NOW - timedelta(days=30)),),
)
CASES = {
    "one profile, the facts of a lead": ("IT-GARANTE", "IT", PLAIN),
    "three profiles, two zones, all facts": ("IT-GARANTE", "FR", FULL),
}


def measure(base: str, country: str, facts: ComplianceSnapshot, checks: int) -> float:
    """Microseconds of CPU of one check, the choice of the rules included."""
    law = ProfileFiles().law(base, centre="US")
    assert check(facts, law.of_place(country, "", NOW), NOW) == Allowed()
    began = time.process_time()
    for minute in islice(cycle(range(60)), checks):
        now = NOW + timedelta(minutes=minute)
        check(facts, law.of_place(country, "", now), now)
    return (time.process_time() - began) / checks * 1e6


def measure_numbers(checks: int) -> float:
    """As the first case, the country told from the number."""
    law = ProfileFiles().law("IT-GARANTE")
    for number in NUMBERS:
        law.of_call(number, "", NOW)
    began = time.process_time()
    for number in islice(cycle(NUMBERS), checks):
        check(PLAIN, law.of_call(number, "", NOW), NOW)
    return (time.process_time() - began) / checks * 1e6


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checks", type=int, default=200_000)
    parser.add_argument("--reduced", action="store_true", help="a tenth of the checks")
    options = parser.parse_args()
    checks = options.checks // 10 if options.reduced else options.checks
    found = {name: measure(*case, checks) for name, case in CASES.items()}
    found["one profile, by the number"] = measure_numbers(checks)
    for name, cost in found.items():
        print(f"{name:<40} {cost:6.1f} us")
    figures = {"checks": checks, "microseconds": {k: round(v, 2) for k, v in found.items()}}
    print(report.write("law_checks", figures, reduced=options.reduced))
    return 0 if max(found.values()) < BAR_US else 1


if __name__ == "__main__":
    sys.exit(main())
