"""What a campaign breaks of its profile, fault by fault; from outside: tests/api/test_campaign_faults.py."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from dialer.adapters.profile_files import ProfileFiles
from dialer.campaign_faults import Fault, FaultCode, campaign_faults
from dialer.compliance_facts import Reason
from dialer.compliance_rules import RULES
from dialer.compliance_texts import FAULT_TEXTS, REASON_TEXTS, RULE_TEXTS
from dialer.ids import TrunkId
from dialer.profile_merge import Rules
from dialer.profiles import NoAgentAction, Profile, Status
from dialer.texts import TEXTS
from dialer.trunks import Trunk
from tests.support.playbook import ITALY, START, policy

BOOK = ProfileFiles()


def codes(profile: Profile, *trunks: Trunk, now: datetime = START, **changes: Any) -> list[str]:
    found = faults(profile, *trunks, now=now, **changes)
    return [each.code for each in found]


def faults(
    profile: Profile, *trunks: Trunk, now: datetime = START, **changes: Any
) -> tuple[Fault, ...]:
    return campaign_faults(
        policy(**changes), Rules([profile]), trunks, now=now, sectors=BOOK.sectors
    )


@pytest.mark.parametrize(
    "name", ["IT-GARANTE", "US-FED", "GB-OFCOM", "CA-CRTC", "DE-UWG", "AU-ACMA", "DEMO", "FR-2026"]
)
def test_a_campaign_with_defaults_starts_under_every_profile_in_force(name: str) -> None:
    assert codes(BOOK.get(name)) == []
    assert codes(BOOK.get(name), screen=True) == []


def test_the_last_day_of_a_profile_is_a_day_of_its_place() -> None:
    france = BOOK.get("FR-2023")
    last = datetime(2026, 8, 10, 21, 59, tzinfo=UTC)  # a minute to midnight in Paris
    assert codes(france, now=last) == []
    (fault,) = faults(france, now=last + timedelta(minutes=1))
    assert fault == Fault(
        code=FaultCode.PROFILE_EXPIRED,
        field="profile",
        wanted="2026-08-10",
        profiles=("FR-2023@2026.11.0",),
    )


@pytest.mark.parametrize(("ring", "wanted"), [(15, []), (14.9, ["ring_too_short"])])
def test_the_least_ringing(ring: float, wanted: list[str]) -> None:
    assert codes(BOOK.get("GB-OFCOM"), ring_timeout=timedelta(seconds=ring)) == wanted


@pytest.mark.parametrize(
    ("target", "wanted"), [(0.03, []), (0.0301, ["abandon_target_over_limit"])]
)
def test_a_target_over_the_laws_limit(target: float, wanted: list[str]) -> None:
    assert codes(ITALY, abandon_target=target) == wanted


def test_where_the_law_has_no_limit_any_target_will_do() -> None:
    assert codes(BOOK.get("FR-2026"), abandon_target=0.2) == []


def test_a_message_is_needed_where_the_law_wants_one() -> None:
    assert codes(BOOK.get("US-FED"), message="") == ["message_missing"]
    assert codes(BOOK.get("IT-GARANTE"), message="") == []
    assert codes(BOOK.get("IT-GARANTE"), noise="") == ["noise_missing"]


def test_a_message_that_cannot_begin_in_time() -> None:
    speaking = replace(ITALY, action=NoAgentAction.MESSAGE)
    assert codes(replace(speaking, message_start=timedelta(seconds=2))) == ["message_too_late"]
    assert codes(replace(speaking, limit=timedelta(milliseconds=50))) == ["message_too_late"]
    assert codes(replace(speaking, message_start=timedelta(seconds=3))) == []


@pytest.mark.parametrize(("limit", "wanted"), [(1.8, []), (1.7, ["screen_does_not_fit"])])
def test_detection_must_fit_into_the_limit(limit: float, wanted: list[str]) -> None:
    assert codes(replace(ITALY, limit=timedelta(seconds=limit)), screen=True) == wanted


def test_detection_where_nobody_may_be_hung_up_on() -> None:
    assert codes(BOOK.get("GENERIC-STRICT"), screen=True) == ["screen_forbidden"]


def test_the_campaigns_caller_id_goes_before_the_trunks() -> None:
    france = BOOK.get("FR-2026")
    mobile = Trunk(trunk_id=TrunkId("one"), caller_ids=("+33612345678",))
    assert [(each.code, each.field) for each in faults(france, mobile)] == [
        ("caller_id_prefix", "trunks")
    ]
    assert codes(france, mobile, caller_id="+33162345678") == []
    assert codes(france, caller_id="+33212345678") == ["caller_id_prefix"]
    assert codes(BOOK.get("US-FED"), caller_id="+19005550100") == ["caller_id_prefix"]


def test_a_fault_names_the_profiles_that_it_comes_from_and_never_a_number() -> None:
    (fault,) = faults(BOOK.get("US-FED"), caller_id="+19005550100")
    assert fault.profiles == ("US-FED@2026.11.0",)
    assert "9005550100" not in str(fault)


def test_a_purpose_and_a_sector_need_a_profile_that_knows_them() -> None:
    assert codes(BOOK.get("IT-GARANTE"), purpose="research") == ["purpose_without_profile"]
    assert codes(BOOK.get("GENERIC-STRICT"), purpose="research") == []
    assert codes(ITALY, sector="enregy") == ["sector_without_profile"]
    assert codes(ITALY, sector="energy") == []


def test_a_profile_that_is_to_come() -> None:
    later = replace(ITALY, effective_from=date(2026, 11, 25))
    assert codes(later) == ["profile_not_yet"]
    assert codes(later, now=START + timedelta(days=1)) == []


def test_everything_that_can_be_said_has_its_text() -> None:
    assert {f"law.fault.{code}" for code in FaultCode} <= set(FAULT_TEXTS)
    assert {f"law.reason.{reason}" for reason in Reason} == set(REASON_TEXTS)
    assert {f"law.rule.{rule.name}" for rule in RULES} <= set(RULE_TEXTS)
    assert {f"why.{reason}" for reason in Reason} <= set(TEXTS)
    assert {f"law.status.{status}" for status in Status} <= set(TEXTS)
