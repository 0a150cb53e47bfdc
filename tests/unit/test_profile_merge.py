"""Profiles that hold at the same time: the strictest value of each, and whose it is; and which profiles those are."""

from dataclasses import fields, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from dialer.adapters.profile_files import ProfileFiles, holidays_of
from dialer.law import Law
from dialer.profile_merge import MERGES, Rules, merged, rules_of
from dialer.profiles import (
    AbandonWindow,
    Cap,
    CapPer,
    ConsentBasis,
    NoAgentAction,
    Profile,
    Purpose,
    Status,
    WindowType,
)
from tests.support.playbook import ITALY

BOOK = ProfileFiles()
NOVEMBER = datetime(2026, 11, 24, 10, tzinfo=UTC)
SPRING = datetime(2026, 3, 3, 10, tzinfo=UTC)
ROME_NUMBER, NEW_YORK_NUMBER, ZURICH_NUMBER = "+390612345678", "+12125550100", "+41441234567"
PARIS_NUMBER, REUNION_NUMBER = "+33140000000", "+262262901234"
PENSACOLA_NUMBER, SAN_JUAN_NUMBER = "+18502345678", "+17872345678"


def both(field: str, one: Any, other: Any) -> Any:
    pair = [replace(ITALY, id="ONE", **{field: one}), replace(ITALY, id="OTHER", **{field: other})]
    first, second = (getattr(merged(order), field) for order in (pair, pair[::-1]))
    assert first == second, "the order makes no difference"
    return first


# --- values -----------------------------------------------------------------------------------------------------------


def test_every_field_of_a_profile_has_its_rule() -> None:
    apart = {"windows", "windows_beyond", "holidays"}
    assert set(MERGES) | apart == {field.name for field in fields(Profile)}


@pytest.mark.parametrize(
    ("field", "one", "other", "wanted"),
    [
        ("limit", timedelta(seconds=2), timedelta(seconds=3), timedelta(seconds=2)),
        ("target_ratio", 0.01, 0.02, 0.01),
        ("scrub_max_age", None, timedelta(days=15), timedelta(days=15)),
        ("scrub_max_age", timedelta(days=31), timedelta(days=15), timedelta(days=15)),
        ("min_ring", timedelta(seconds=15), timedelta(), timedelta(seconds=15)),
        ("abandon_block", timedelta(days=3), timedelta(days=5), timedelta(days=5)),
        ("refusal_block_days", None, 60, 60),
        ("call_records_keep_days", 730, 1826, 1826),
        ("key_press_opt_out", True, False, True),
        ("abandon_then_guaranteed_agent", True, False, True),
        ("abandon_agent_exempt", True, False, False),
        ("machine_hangup_allowed", True, False, False),
        ("withhold_allowed", True, False, False),
        ("foreign_trunk_blocked", True, False, True),
        ("consent_basis", ConsentBasis.OPT_OUT, ConsentBasis.MIXED, ConsentBasis.MIXED),
        ("consent_basis", ConsentBasis.OPT_IN, ConsentBasis.MIXED, ConsentBasis.OPT_IN),
        ("status", Status.PRIMARY_TEXT, Status.UNVERIFIED, Status.UNVERIFIED),
        ("effective_to", None, date(2026, 8, 10), date(2026, 8, 10)),
        (
            "purposes",
            frozenset({Purpose.SURVEY, Purpose.DEBT}),
            frozenset({Purpose.SURVEY}),
            frozenset({Purpose.SURVEY}),
        ),
        ("caller_id_allowed", None, ("+3301",), ("+3301",)),
        ("caller_id_allowed", ("+33",), ("+3301", "+39"), ("+3301",)),
        ("caller_id_allowed", ("+33",), ("+39",), ()),
    ],
)
def test_the_strictest_value_wins(field: str, one: object, other: object, wanted: object) -> None:
    assert both(field, one, other) == wanted


def test_lists_of_duties_are_joined() -> None:
    caps = [Cap(most=n, per=CapPer.CALLED_PERSON, days=30) for n in (3, 4)]
    joined = merged([replace(ITALY, caps=(caps[0],)), replace(ITALY, caps=tuple(caps))])
    assert joined.caps == tuple(caps)


def test_hours_are_what_all_have_in_common() -> None:
    other = replace(ITALY, weekly=((((time(8), time(12)), (time(14), time(21)))),) * 7)
    week = merged([ITALY, other]).weekly
    assert week[0] == ((time(9), time(12)), (time(14), time(20)))
    assert week[5] == ((time(10), time(12)), (time(14), time(19)))
    assert week[6] == ()


def test_what_cannot_be_merged_is_the_first_ones() -> None:
    france = replace(ITALY, action=NoAgentAction.MESSAGE, caller_id_assigned_to="client")
    germany = replace(ITALY, action=NoAgentAction.HANG_UP, caller_id_assigned_to="caller")
    assert merged([france, germany]).caller_id_assigned_to == "client"
    assert merged([germany, france]).action is NoAgentAction.HANG_UP


def test_every_window_of_every_profile_is_kept_with_its_zone() -> None:
    day = AbandonWindow(type=WindowType.CALENDAR_DAY, limit_ppm=30_000, length=None)
    london = ZoneInfo("Europe/London")
    abroad = replace(ITALY, id="GB", zone=london, windows=(day,))
    assert merged([ITALY, abroad]).windows == (*ITALY.windows, replace(day, zone=london))
    assert merged([ITALY, replace(ITALY, id="AGAIN")]).windows == ITALY.windows


def test_a_profile_alone_is_itself() -> None:
    assert merged([ITALY]) is ITALY
    assert rules_of(ITALY) is rules_of(ITALY)
    assert rules_of(replace(ITALY, id="B")).values.id == "B"


def test_each_value_says_from_which_profile_it_comes() -> None:
    rules = Rules([BOOK.get("GB-OFCOM"), BOOK.get("IT-GARANTE")])
    assert rules.origin("abandon_block") == ("IT-GARANTE@2026.11.0",)
    assert rules.origin("min_ring") == ("GB-OFCOM@2026.11.0",)
    assert rules.origin("registries") == ("GB-OFCOM@2026.11.0", "IT-GARANTE@2026.11.0")
    assert rules.name == "GB-OFCOM+IT-GARANTE@2026.11.0"


def test_the_name_of_many_fits_into_a_record_and_tells_them_apart() -> None:
    books = [
        Rules([replace(ITALY, id=f"{letter * 30}-{n}", version=f"1.{n}") for n in range(4)])
        for letter in "AB"
    ]
    names = [each.name for each in books]
    assert [len(name) for name in names] == [64, 64]
    assert names[0] != names[1]
    assert Rules([replace(ITALY, id="A" * 90)]).name != Rules([replace(ITALY, id="A" * 91)]).name


# --- which profiles ---------------------------------------------------------------------------------------------------


def names(law: Law, phone: str, region: str = "", now: datetime = NOVEMBER) -> list[str]:
    return [each.id for each in law.of_call(phone, region, now).profiles]


def test_at_home_the_campaigns_own_profile_holds() -> None:
    assert names(BOOK.law("IT-GARANTE"), ROME_NUMBER) == ["IT-GARANTE"]
    assert names(BOOK.law("US-FED"), NEW_YORK_NUMBER) == ["US-FED"]
    assert names(BOOK.law("IT-GARANTE"), "") == ["IT-GARANTE"]


@pytest.mark.parametrize(
    ("phone", "region", "wanted"),
    [
        (NEW_YORK_NUMBER, "", ["US-FED", "IT-GARANTE"]),
        (NEW_YORK_NUMBER, "FL", ["US-FED", "US-FL", "IT-GARANTE"]),
        (NEW_YORK_NUMBER, "NY", ["US-FED", "IT-GARANTE"]),
        (PARIS_NUMBER, "", ["FR-2026", "IT-GARANTE"]),
        (PENSACOLA_NUMBER, "", ["US-FED", "US-FL", "IT-GARANTE"]),  # presumed by the area code
        (PENSACOLA_NUMBER, "NY", ["US-FED", "IT-GARANTE"]),  # known better
        (REUNION_NUMBER, "", ["FR-2026", "IT-GARANTE"]),
        (SAN_JUAN_NUMBER, "", ["US-FED", "IT-GARANTE"]),
        (ZURICH_NUMBER, "", ["GENERIC-STRICT", "IT-GARANTE"]),
    ],
)
def test_abroad_the_called_persons_law_comes_first(
    phone: str, region: str, wanted: list[str]
) -> None:
    assert names(BOOK.law("IT-GARANTE"), phone, region) == wanted


def test_the_law_is_that_of_the_day() -> None:
    assert names(BOOK.law("IT-GARANTE"), PARIS_NUMBER, now=SPRING) == ["FR-2023", "IT-GARANTE"]
    energy = BOOK.law("IT-GARANTE", sector="energy")
    assert names(energy, ROME_NUMBER, now=SPRING) == ["IT-GARANTE"]
    assert names(energy, ROME_NUMBER) == ["IT-GARANTE", "IT-ENERGY"]
    assert energy.of_campaign(NOVEMBER).values.consent_basis is ConsentBasis.OPT_IN


def test_the_centres_country_has_a_say_in_every_call() -> None:
    law = BOOK.law("US-FED", centre="IT")
    assert names(law, NEW_YORK_NUMBER) == ["US-FED", "IT-GARANTE"]
    assert names(BOOK.law("IT-GARANTE", centre="IT"), ROME_NUMBER) == ["IT-GARANTE"]


def test_under_the_demonstrations_profile_no_other_holds() -> None:
    assert names(BOOK.law("DEMO", centre="US", sector="energy"), PARIS_NUMBER) == ["DEMO"]


def test_holidays_are_those_of_the_called_persons_country_and_region() -> None:
    law = BOOK.law("GENERIC-STRICT")
    swiss = law.of_place("CH", "", NOVEMBER).values.holidays
    assert date(2026, 8, 1) in swiss
    germany = BOOK.law("DE-UWG")
    epiphany = date(2026, 1, 6)
    assert epiphany in germany.of_place("DE", "BY", NOVEMBER).values.holidays
    assert epiphany not in germany.of_place("DE", "", NOVEMBER).values.holidays
    alabama = BOOK.law("US-FED").of_place("US", "AL", NOVEMBER)
    assert holidays_of("US-AL") <= alabama.values.holidays


def test_rules_of_a_place_are_made_once_a_day() -> None:
    law = BOOK.law("IT-GARANTE")
    first = law.of_call(PARIS_NUMBER, "", NOVEMBER)
    assert law.of_call(PARIS_NUMBER, "", NOVEMBER + timedelta(hours=1)) is first
    assert law.of_call(PARIS_NUMBER, "", NOVEMBER + timedelta(days=1)) is not first
