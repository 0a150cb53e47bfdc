"""Profiles are data: what is shipped loads whole; what is wrong in a file is refused by field."""

import hashlib
import json
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from dialer.adapters.profile_files import ProfileFiles, holidays_of, released, shipped_folder
from dialer.adapters.profile_schema import checked, profile_of
from dialer.errors import InvalidInputError, NotFoundError
from dialer.profiles import (
    AbandonWindow,
    Cap,
    CapPer,
    ConsentBasis,
    NoAgentAction,
    Profile,
    Purpose,
    Scope,
    WindowType,
    window_end,
    window_start,
)
from tests.support.playbook import ITALY

BOOK = ProfileFiles()


def italian(**changes: Any) -> dict[str, Any]:
    data: dict[str, Any] = json.loads((shipped_folder() / "it-garante-2026.11.0.json").read_text())
    return {**data, "id": "MINE", **changes}


def changed(field: str, value: object) -> dict[str, Any]:
    """The Italian file with one field, named by its path, set to another value."""
    data = italian()
    *sections, name = field.split(".")
    section = data
    for part in sections:
        section = section[part]
    section[name] = value
    return data


def parse(data: dict[str, Any]) -> Profile:
    return profile_of(checked(data), frozenset())


def folder_with(folder: Path, *files: dict[str, Any]) -> Path:
    for index, data in enumerate(files):
        (folder / f"{index}.json").write_text(json.dumps(data))
    return folder


# --- what is shipped --------------------------------------------------------------------------------------------------


def test_the_shipped_profiles_load() -> None:
    whole = {each.id for each in BOOK.all() if not each.jurisdiction.startswith("US-")}
    assert whole == {
        *("DEMO", "IT-GARANTE", "IT-ENERGY", "US-FED", "GB-OFCOM", "CA-CRTC"),
        *("FR-2023", "FR-2026", "DE-UWG", "AU-ACMA", "GENERIC-STRICT"),
    }
    states = {each.id for each in BOOK.all()} - whole
    wanted = "AL CT FL IL KY LA MA MD ME MI MN MS NM NV OK PA RI TX WA"
    assert states == {f"US-{state}" for state in wanted.split()}


def test_a_released_profile_never_changes_unnoticed() -> None:
    """A change is a new version: a new file, whose line is added with `sha256sum`."""
    found = {
        file.name: hashlib.sha256(file.read_bytes()).hexdigest()
        for file in shipped_folder().iterdir()
        if file.name.endswith(".json")
    }
    assert found == released()


@pytest.mark.parametrize("profile", BOOK.all(), ids=lambda profile: profile.name)
def test_a_shipped_profile_says_how_it_was_checked_and_from_what(profile: Profile) -> None:
    assert profile.sources
    assert profile.notes
    file = shipped_folder() / f"{profile.id.lower()}-{profile.version}.json"
    assert json.loads(file.read_text())["id"] == profile.id


def test_a_profile_that_is_not_there_is_refused_with_those_that_are() -> None:
    with pytest.raises(NotFoundError, match="AU-ACMA, CA-CRTC, DE-UWG"):
        BOOK.get("XX")


def test_italy() -> None:
    italy = BOOK.get("IT-GARANTE")
    assert italy.windows == (
        AbandonWindow(type=WindowType.CAMPAIGN_TOTAL, limit_ppm=30_000, length=None),
        AbandonWindow(type=WindowType.CALENDAR_DAY, limit_ppm=40_000, length=None),
    )
    assert (italy.limit, italy.action) == (timedelta(seconds=3), NoAgentAction.HANG_UP)
    assert (italy.abandon_block, italy.abandon_then_guaranteed_agent) == (timedelta(days=5), True)
    assert italy.weekly[5] == ((time(10), time(19)),)
    assert italy.weekly[6] == ()
    assert italy.pre_holiday == ((time(10), time(19)),)
    assert italy.strictest_limit == 0.03
    assert (italy.registries, italy.scrub_max_age) == (("RPO",), timedelta(days=15))
    assert italy.name == "IT-GARANTE@2026.11.0"
    assert BOOK.get(italy.name) is italy


def test_the_united_states() -> None:
    us = BOOK.get("US-FED")
    assert us.windows == (
        AbandonWindow(type=WindowType.CAMPAIGN_PERIOD, limit_ppm=30_000, length=timedelta(days=30)),
    )
    assert (us.limit, us.action) == (timedelta(seconds=2), NoAgentAction.MESSAGE)
    assert us.min_ring == timedelta(seconds=15)
    assert (us.holidays_blocked, us.abandon_block) == (False, timedelta())
    assert us.caller_id_forbidden == ("+1900",)


def test_a_state_is_the_federal_law_but_for_what_it_replaces() -> None:
    florida, federal = BOOK.get("US-FL"), BOOK.get("US-FED")
    assert florida.weekly == (((time(8), time(20)),),) * 7
    assert florida.caps == (
        Cap(most=3, per=CapPer.CALLED_PERSON_AND_SUBJECT, length=timedelta(days=1)),
    )
    assert (florida.limit, florida.windows) == (federal.limit, federal.windows)
    assert (florida.registries, florida.min_ring) == (federal.registries, federal.min_ring)
    assert florida.notes != federal.notes


def test_france_since_august_2026_has_opt_in_and_the_old_hours() -> None:
    old, new = BOOK.get("FR-2023"), BOOK.get("FR-2026")
    assert (old.consent_basis, new.consent_basis) == (ConsentBasis.OPT_OUT, ConsentBasis.OPT_IN)
    assert (old.registries, new.registries) == (("BLOCTEL",), ())
    assert (new.weekly, new.refusal_block_days) == (old.weekly, 60)
    last = date(2026, 8, 10)
    assert old.in_force(last)
    assert not new.in_force(last)
    assert new.in_force(last + timedelta(days=1))
    assert not old.in_force(last + timedelta(days=1))


def test_energy_in_italy_needs_consent_since_19_june_2026() -> None:
    energy = BOOK.get("IT-ENERGY")
    assert (energy.sector, energy.consent_basis) == ("energy", ConsentBasis.OPT_IN)
    assert energy.effective_from == date(2026, 6, 19)
    assert energy.weekly == BOOK.get("IT-GARANTE").weekly


def test_windows_that_a_team_cannot_count_alone_stand_apart() -> None:
    britain = BOOK.get("GB-OFCOM")
    assert [each.scope for each in britain.windows] == [Scope.CAMPAIGN]
    assert [each.scope for each in britain.windows_beyond] == [Scope.CALL_CENTRE]
    strict = BOOK.get("GENERIC-STRICT")
    assert [each.type for each in strict.windows_beyond] == [WindowType.ROLLING]
    assert strict.purposes == frozenset(Purpose)


@pytest.mark.parametrize("day", [date(2026, 10, 4), date(2026, 12, 8), date(2026, 4, 6)])
def test_italian_holidays(day: date) -> None:
    assert day in holidays_of("IT")


def test_4_october_was_no_holiday_before_2026() -> None:
    assert date(2025, 10, 4) not in holidays_of("IT")


def test_a_regional_calendar_has_the_national_holidays_too() -> None:
    bavaria = holidays_of("DE-BY")
    assert date(2026, 1, 6) in bavaria
    assert date(2026, 1, 6) not in holidays_of("DE")
    assert holidays_of("DE") < bavaria
    assert holidays_of("DE-XX") == holidays_of("DE")
    assert holidays_of("XX") == frozenset()


# --- files of one's own -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "value", "named"),
    [
        ("no_agent.action", "play_music", "no_agent.action"),
        ("amd.hangup_on_machine_allowed", 1, "amd.hangup_on_machine_allowed"),
        ("abandon.target_ratio", 1.5, "abandon.target_ratio"),
        ("redial.caps", [{"max": 0, "window_s": 60, "counts": "attempts", "per": "x"}], "caps.0"),
        (
            "redial.caps",
            [{"max": 3, "counts": "attempts", "per": "called_number"}],
            "either this or window_days",
        ),
        ("hours.tz_basis", "caller", "hours.tz_basis"),
        ("hours.holidays", "sometimes", "hours.holidays"),
        ("hours.weekly", {"mon": []}, "hours.weekly.tue"),
        ("hours.weekly.mon", [["9:00", "20:00"]], "hours.weekly.mon.0.0"),
        ("hours.pre_holiday", [["10:00", "25:00"]], "hours.pre_holiday.0.1"),
        ("caller_id.forbidden_prefixes", ["0039"], "caller_id.forbidden_prefixes.0"),
        ("effective_from", "28/09/2024", "effective_from"),
        ("zone", "Europe/Roma", "zone"),
        ("status", "fine", "status"),
        ("version", "1", "version"),
        ("surprise", True, "surprise"),
        ("connect.surprise", True, "connect.surprise"),
    ],
)
def test_a_wrong_value_is_refused_by_field(field: str, value: object, named: str) -> None:
    with pytest.raises(InvalidInputError) as error:
        checked(changed(field, value))
    assert error.value.field == "profile MINE"
    assert named in error.value.problem


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("scope", "planet", "scope"),
        ("type", "weekly", "type"),
        ("type", "rolling", "is needed"),
        ("length_s", 3600, "must be null"),
    ],
)
def test_a_wrong_window_is_refused_by_field(name: str, value: object, problem: str) -> None:
    data = italian()
    data["abandon"]["windows"][0][name] = value
    with pytest.raises(InvalidInputError, match=problem) as error:
        checked(data)
    assert "abandon.windows.0" in error.value.problem


@pytest.mark.parametrize(
    "section",
    ["abandon", "connect", "no_agent", "redial", "hours", "ring", "dnc", "consent", "caller_id"],
)
def test_a_profile_without_a_section_is_refused_by_its_id(section: str) -> None:
    data = italian()
    del data[section]
    with pytest.raises(InvalidInputError, match=f"MINE.*{section}"):
        checked(data)


def test_the_limit_is_the_earliest_of_what_the_law_names() -> None:
    data = italian()
    data["connect"] = {"allowance_ms": 2500, "hard_drop_ms": None, "reference": "greeting_end"}
    data["no_agent"]["message_start_ms"] = 2000
    assert parse(data).limit == timedelta(seconds=2)


def test_midnight_may_be_the_end_of_the_day() -> None:
    assert parse(changed("hours.weekly.sun", [["22:00", "24:00"]])).weekly[6] == (
        (time(22), time.max),
    )


def test_objects_are_joined_with_the_parents_and_lists_and_weeks_replaced(tmp_path: Path) -> None:
    week = {key: [["09:00", "12:00"]] for key in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")}
    child = {
        "id": "MINE",
        "version": "1.0.0",
        "inherits": ["US-FL@2026.11.0"],
        "status": "unverified",
        "hours": {"weekly": week},
        "dnc": {"registries": ["OWN"]},
    }
    found = ProfileFiles(folder_with(tmp_path, child)).get("MINE")
    florida = BOOK.get("US-FL")
    assert found.weekly == (((time(9), time(12)),),) * 7
    assert (found.registries, found.scrub_max_age) == (("OWN",), florida.scrub_max_age)
    assert (found.caps, found.holiday_calendar) == (florida.caps, florida.holiday_calendar)


@pytest.mark.parametrize(
    ("parents", "problem"),
    [(["ATLANTIS"], "there is no ATLANTIS@2026.11.0"), (["OTHER"], "inherits this one")],
)
def test_parents_must_be_there_and_not_go_round(
    tmp_path: Path, parents: list[str], problem: str
) -> None:
    other = italian(id="OTHER", inherits=["MINE"])
    with pytest.raises(InvalidInputError, match=problem):
        ProfileFiles(folder_with(tmp_path, italian(inherits=parents), other))


def test_the_latest_version_is_the_one_meant_and_every_one_is_kept(tmp_path: Path) -> None:
    versions = [italian(version=version) for version in ("2026.9.0", "2026.10.0")]
    book = ProfileFiles(folder_with(tmp_path, *versions))
    assert book.get("MINE").version == "2026.10.0"
    assert book.get("MINE@2026.9.0").version == "2026.9.0"


@pytest.mark.parametrize("profile_id", ["IT-GARANTE", "MINE"])
def test_a_profile_of_ones_own_may_not_take_the_place_of_another(
    tmp_path: Path, profile_id: str
) -> None:
    files = [italian(id=profile_id, version="2027.1.0")] * 2
    with pytest.raises(InvalidInputError, match=f"{profile_id}.*is there twice"):
        ProfileFiles(folder_with(tmp_path, *files))


@pytest.mark.parametrize(("content", "problem"), [("{", "is not JSON"), ("[]", "JSON object")])
def test_a_file_that_is_no_profile_is_refused_by_name(
    tmp_path: Path, content: str, problem: str
) -> None:
    (tmp_path / "mine.json").write_text(content)
    with pytest.raises(InvalidInputError, match=f"mine.json: .*{problem}"):
        ProfileFiles(tmp_path)


# --- windows ----------------------------------------------------------------------------------------------------------

DAY = AbandonWindow(type=WindowType.CALENDAR_DAY, limit_ppm=40_000, length=None)
MONTH = AbandonWindow(type=WindowType.CAMPAIGN_PERIOD, limit_ppm=30_000, length=timedelta(days=30))
ROME = ZoneInfo("Europe/Rome")


@pytest.mark.parametrize(
    ("now", "start"),
    [
        ("2026-11-24T22:59:59+00:00", "2026-11-23T23:00:00+00:00"),
        ("2026-11-24T23:00:00+00:00", "2026-11-24T23:00:00+00:00"),
        ("2026-10-25T12:00:00+00:00", "2026-10-24T22:00:00+00:00"),  # a day of 25 hours
        ("2026-10-25T22:59:59+00:00", "2026-10-24T22:00:00+00:00"),
        ("2026-03-29T21:59:59+00:00", "2026-03-28T23:00:00+00:00"),  # a day of 23 hours
    ],
)
def test_a_calendar_day_begins_at_midnight_in_rome(now: str, start: str) -> None:
    found = window_start(DAY, ITALY, None, datetime.fromisoformat(now))
    assert found == datetime.fromisoformat(start)


def test_periods_follow_each_other_from_the_campaigns_start() -> None:
    started = datetime(2026, 1, 10, 8, tzinfo=UTC)
    month = timedelta(days=30)
    assert window_start(MONTH, ITALY, started, started) == started
    assert window_start(MONTH, ITALY, started, started + month - timedelta(seconds=1)) == started
    assert window_start(MONTH, ITALY, started, started + month) == started + month
    assert window_start(MONTH, ITALY, started, started + 2.5 * month) == started + 2 * month
    assert window_start(MONTH, ITALY, None, started) is None


@pytest.mark.parametrize(
    ("now", "end", "hours"),
    [
        ("2026-11-24T22:59:59+00:00", "2026-11-24T23:00:00+00:00", 24),
        ("2026-11-24T23:00:00+00:00", "2026-11-25T23:00:00+00:00", 24),
        ("2026-10-25T00:30:00+00:00", "2026-10-25T23:00:00+00:00", 25),  # 2:30 for the first time
        ("2026-10-25T01:30:00+00:00", "2026-10-25T23:00:00+00:00", 25),  # and for the second
        ("2026-03-29T12:00:00+00:00", "2026-03-29T22:00:00+00:00", 23),
        ("2026-03-28T22:59:59+00:00", "2026-03-28T23:00:00+00:00", 24),  # the night before
    ],
)
def test_a_calendar_day_ends_where_the_next_begins(now: str, end: str, hours: int) -> None:
    moment, wanted = datetime.fromisoformat(now), datetime.fromisoformat(end)
    assert window_end(DAY, ITALY, None, moment) == wanted
    assert window_start(DAY, ITALY, None, wanted) == wanted
    start = window_start(DAY, ITALY, None, moment)
    assert start is not None
    assert wanted - start.astimezone(UTC) == timedelta(hours=hours)


def test_a_period_ends_thirty_days_on_whatever_the_clocks_did() -> None:
    """From 10 October to 9 November the clocks are put back; thirty days are 720 hours all the same."""
    started = datetime(2026, 10, 10, 8, tzinfo=UTC)
    month = timedelta(days=30)
    assert window_end(MONTH, ITALY, started, started) == started + month
    assert window_end(MONTH, ITALY, started, started + 2.5 * month) == started + 3 * month
    assert window_end(MONTH, ITALY, None, started) is None


def test_the_whole_campaign_has_no_end() -> None:
    total = AbandonWindow(type=WindowType.CAMPAIGN_TOTAL, limit_ppm=30_000, length=None)
    now = datetime(2026, 10, 10, 8, tzinfo=UTC)
    assert window_end(total, ITALY, now, now) is None


def test_a_calendar_month_begins_and_ends_on_the_first_in_rome() -> None:
    month = AbandonWindow(type=WindowType.CALENDAR_MONTH, limit_ppm=50_000, length=None)
    now = datetime(2026, 12, 31, 23, 30, tzinfo=UTC)  # half past midnight in Rome
    assert window_start(month, ITALY, None, now) == datetime(2026, 12, 31, 23, tzinfo=UTC)
    assert window_end(month, ITALY, None, now) == datetime(2027, 1, 31, 23, tzinfo=UTC)


def test_a_rolling_window_goes_with_the_clock_and_never_ends() -> None:
    day = AbandonWindow(type=WindowType.ROLLING, limit_ppm=10_000, length=timedelta(days=1))
    now = datetime(2026, 12, 31, 23, 30, tzinfo=UTC)
    assert window_start(day, ITALY, None, now) == now - timedelta(days=1)
    assert window_end(day, ITALY, None, now) is None


def test_a_window_may_have_a_zone_of_its_own() -> None:
    day = AbandonWindow(
        type=WindowType.CALENDAR_DAY, limit_ppm=30_000, length=None, zone=ZoneInfo("Asia/Tokyo")
    )
    now = datetime(2026, 11, 24, 16, tzinfo=UTC)  # one in the morning of the 25th in Tokyo
    assert window_start(day, ITALY, None, now) == datetime(2026, 11, 24, 15, tzinfo=UTC)


def test_a_cautious_campaigns_target_and_sample_are_read_and_required() -> None:
    found = parse(italian())
    assert (found.target_ratio, found.min_sample) == (0.015, 200)
    data = italian()
    del data["abandon"]["min_sample_answered"]
    with pytest.raises(InvalidInputError, match="min_sample_answered"):
        parse(data)
