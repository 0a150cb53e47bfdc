"""The vectors of tests/data/law, which a reviewer extends without code: one JSON object each.

hours.json: `profile` (one id or several), `local` on the clock of `tz` (or `utc`), `ring_s`, and whether a call may be `allowed`.
facts.json: `facts` of the number (instants on the clock of the first `tz`), and each instant `asked`: the reason and `not_before`
of the denial, or neither; `earliest`: when the call may be made at last, asked at the first instant.
"""

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from dialer.adapters.profile_files import ProfileFiles
from dialer.compliance import (
    Allowed,
    ComplianceSnapshot,
    Consent,
    Denied,
    DncEntry,
    DncScope,
    Reason,
    RegisterCheck,
    check,
    earliest,
    explain,
)
from dialer.compliance_facts import Verdict
from dialer.profiles import CapPer, Profile

DATA = Path(__file__).parents[1] / "data" / "law"
BOOK = ProfileFiles()


def vectors(name: str) -> list[Any]:
    found: list[Any] = json.loads((DATA / name).read_text(encoding="utf-8"))
    return found


def several(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value]


def profiles(vector: Any) -> tuple[Profile, ...]:
    return tuple(BOOK.get(name) for name in several(vector["profile"]))


def zones(vector: Any) -> tuple[ZoneInfo, ...]:
    return tuple(ZoneInfo(name) for name in several(vector["tz"]))


def hours_id(vector: Any) -> str:
    when = vector.get("local") or vector["utc"]
    return f"{'+'.join(several(vector['profile']))} {when} {'/'.join(several(vector['tz']))}"


@pytest.mark.parametrize("vector", vectors("hours.json"), ids=hours_id)
def test_calling_hours(vector: Any) -> None:
    zone = zones(vector)[0]
    told = vector.get("utc") or vector["local"]
    now = datetime.fromisoformat(told)
    now = now if now.tzinfo else now.replace(tzinfo=zone)
    facts = ComplianceSnapshot(
        zone=zone,
        zones=zones(vector),
        attempts=0,
        max_attempts=1,
        ring=timedelta(seconds=vector.get("ring_s", 0)),
    )
    verdict = check(facts, profiles(vector), now.astimezone(UTC))
    assert isinstance(verdict, Allowed) == vector["allowed"], vector.get("note")
    if isinstance(verdict, Denied):
        assert verdict.reason is Reason.CALLING_HOURS


@pytest.mark.parametrize("vector", vectors("facts.json"), ids=lambda vector: vector["case"])
def test_what_is_known_of_a_number(vector: Any) -> None:
    zone, laws = zones(vector)[0], profiles(vector)
    facts = facts_of(vector)
    for asked in vector["asked"]:
        verdict = check(facts, laws, instant(asked["at"], zone))
        assert verdict == expected(asked, zone), asked
        results = explain(facts, laws, instant(asked["at"], zone))
        assert (asked.get("denied") is None) == all(each.reason is None for each in results)
    if "earliest" in vector:
        first = instant(vector["asked"][0]["at"], zone)
        assert earliest(facts, laws, first) == instant(vector["earliest"], zone)


def expected(asked: Any, zone: ZoneInfo) -> Verdict:
    if "denied" not in asked:
        return Allowed()
    until = asked["not_before"]
    return Denied(Reason(asked["denied"]), instant(until, zone) if until else None)


def instant(local: str, zone: ZoneInfo) -> datetime:
    return datetime.fromisoformat(local).replace(tzinfo=zone).astimezone(UTC)


def facts_of(vector: Any) -> ComplianceSnapshot:
    zone = zones(vector)[0]
    told = {"attempts": 0, "max_attempts": 6, **vector["facts"]}
    for name in told:
        if name.endswith("_at") and isinstance(told[name], str):
            told[name] = instant(told[name], zone)
    if "attempts_at" in told:
        tried = told["attempts_at"].items()
        told["attempts_at"] = {
            CapPer(per): tuple(instant(at, zone) for at in ats) for per, ats in tried
        }
    for name, make in (("registers", _register), ("consents", _consent), ("dnc", _entry)):
        if name in told:
            told[name] = tuple(make(dict(each), zone) for each in told[name])
    return ComplianceSnapshot(zone=zone, zones=zones(vector), **told)


def _register(told: dict[str, Any], zone: ZoneInfo) -> RegisterCheck:
    when = told.pop("checked_at")
    checked_at = date.fromisoformat(when) if len(when) == 10 else instant(when, zone)
    return RegisterCheck(checked_at=checked_at, **told)


def _consent(told: dict[str, Any], zone: ZoneInfo) -> Consent:
    return Consent(
        **{
            name: instant(value, zone) if name.endswith("_at") else value
            for name, value in told.items()
        }
    )


def _entry(told: dict[str, Any], zone: ZoneInfo) -> DncEntry:
    until = told.pop("expires_at", None)
    scope = DncScope(told.pop("scope", DncScope.GLOBAL))
    return DncEntry(scope=scope, expires_at=instant(until, zone) if until else None, **told)
