"""Profiles are data: what is shipped loads; what the rules cannot honour is refused by field."""

import json
from datetime import UTC, date, datetime, time, timedelta
from importlib import resources
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from dialer.adapters.profile_files import ProfileFiles, holidays_of
from dialer.errors import InvalidInputError, NotFoundError
from dialer.profiles import (
    AbandonWindow,
    NoAgentAction,
    WindowType,
    parse,
    window_end,
    window_start,
)
from tests.support.playbook import ITALY

NEVER: frozenset[date] = frozenset()


def italian() -> dict[str, Any]:
    file = resources.files("dialer") / "profile_data" / "it-garante.json"
    data: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return data


def test_the_shipped_profiles_load() -> None:
    assert [profile.id for profile in ProfileFiles().all()] == ["DEMO", "IT-GARANTE", "US-FED"]


def test_a_profile_that_is_not_there_is_refused_with_those_that_are() -> None:
    with pytest.raises(NotFoundError, match="DEMO, IT-GARANTE, US-FED"):
        ProfileFiles().get("XX")


def test_italy() -> None:
    italy = ProfileFiles().get("IT-GARANTE")
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
    assert italy.name.startswith("IT-GARANTE@")


def test_a_calendar_month_is_of_the_profiles_zone() -> None:
    data = italian()
    data["abandon"]["windows"][0]["type"] = "calendar_month"
    profile = parse(data, NEVER)
    month, now = profile.windows[0], datetime(2026, 12, 31, 23, 30, tzinfo=UTC)  # 00:30 in Rome
    assert window_start(month, profile, None, now) == datetime(2026, 12, 31, 23, tzinfo=UTC)
    assert window_end(month, profile, None, now) == datetime(2027, 1, 31, 23, tzinfo=UTC)


def test_a_window_of_fixed_length_names_it() -> None:
    data = italian()
    data["abandon"]["windows"][0]["type"] = "campaign_period"
    with pytest.raises(InvalidInputError, match="length_s"):
        parse(data, NEVER)


def test_the_united_states() -> None:
    us = ProfileFiles().get("US-FED")
    assert us.windows == (
        AbandonWindow(type=WindowType.CAMPAIGN_PERIOD, limit_ppm=30_000, length=timedelta(days=30)),
    )
    assert (us.limit, us.action) == (timedelta(seconds=2), NoAgentAction.MESSAGE)
    assert us.min_ring == timedelta(seconds=15)
    assert (us.holidays_blocked, us.abandon_block) == (False, timedelta())


@pytest.mark.parametrize("day", [date(2026, 10, 4), date(2026, 12, 8), date(2026, 4, 6)])
def test_italian_holidays(day: date) -> None:
    assert day in holidays_of("IT")


def test_4_october_was_no_holiday_before_2026() -> None:
    assert date(2025, 10, 4) not in holidays_of("IT")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("inherits", ["IT"]),
        ("no_agent.action", "play_music"),
        ("amd.redial_agent_guaranteed_within_s", 86400),
        ("redial.caps", [{"max": 3, "window_s": 86400}]),
        ("redial.after_refusal_block_days", 60),
        ("hours.tz_basis", "caller"),
        ("hours.holidays", "sometimes"),
    ],
)
def test_what_the_rules_do_not_honour_is_refused_by_field(field: str, value: object) -> None:
    data = italian()
    *sections, name = field.split(".")
    section = data
    for part in sections:
        section = section[part]
    section[name] = value
    with pytest.raises(InvalidInputError) as error:
        parse(data, NEVER)
    assert error.value.field == field


@pytest.mark.parametrize(
    ("name", "value"),
    [("scope", "call_centre"), ("scope", "list"), ("type", "rolling"), ("type", "week")],
)
def test_a_window_that_the_rules_do_not_count_is_refused_by_field(name: str, value: str) -> None:
    data = italian()
    data["abandon"]["windows"][0][name] = value
    with pytest.raises(InvalidInputError) as error:
        parse(data, NEVER)
    assert error.value.field == f"abandon.windows.{name}"


@pytest.mark.parametrize("section", ["abandon", "connect", "no_agent", "redial", "hours", "ring"])
def test_a_profile_without_a_section_is_refused_by_its_id(section: str) -> None:
    data = italian()
    del data[section]
    with pytest.raises(InvalidInputError, match="IT-GARANTE"):
        parse(data, NEVER)


def test_the_limit_is_the_earliest_of_what_the_law_names() -> None:
    data = italian()
    data["connect"] = {"allowance_ms": 2500, "hard_drop_ms": None, "reference": "greeting_end"}
    data["no_agent"]["message_start_ms"] = 2000
    assert parse(data, NEVER).limit == timedelta(seconds=2)


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


def test_a_cautious_campaigns_target_and_sample_are_read_and_required() -> None:
    data = italian()
    found = parse(data, NEVER)
    assert (found.target_ratio, found.min_sample) == (0.015, 200)
    del data["abandon"]["min_sample_answered"]
    with pytest.raises(InvalidInputError, match="min_sample_answered"):
        parse(data, NEVER)
