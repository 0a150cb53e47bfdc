"""May this number be rung now? The vectors are instants on the called person's clock."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from dialer.adapters.profile_files import ProfileFiles
from dialer.calling_hours import CallingHours, block_end, closing
from dialer.compliance import (
    Allowed,
    ComplianceSnapshot,
    Denied,
    Reason,
    answer_rule,
    check,
    snapshot_of,
)
from dialer.profiles import CapPer, NoAgentAction, Profile
from tests.support.playbook import ITALY, ROME, START, lead, policy

SHIPPED = ProfileFiles()
FACTS = ComplianceSnapshot(zone=ROME, attempts=0, max_attempts=6)


def instant(local: str, zone: str = "Europe/Rome") -> datetime:
    return datetime.fromisoformat(local).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


def opening(local: str, profile: Profile = ITALY) -> datetime | None:
    return CallingHours((profile,)).opening([ROME], instant(local))


def shipped(name: str) -> Profile:
    return SHIPPED.get(name)


@pytest.mark.parametrize(
    ("profile", "local", "zone", "allowed"),
    [
        ("IT-GARANTE", "2026-11-27T08:59:59", "Europe/Rome", False),
        ("IT-GARANTE", "2026-11-27T09:00:00", "Europe/Rome", True),
        ("IT-GARANTE", "2026-11-27T19:59:59", "Europe/Rome", True),
        ("IT-GARANTE", "2026-11-27T20:00:00", "Europe/Rome", False),  # Friday, half-open
        ("IT-GARANTE", "2026-11-28T09:30:00", "Europe/Rome", False),  # Saturday opens at 10
        ("IT-GARANTE", "2026-11-28T18:59:59", "Europe/Rome", True),
        ("IT-GARANTE", "2026-11-28T19:00:00", "Europe/Rome", False),
        ("IT-GARANTE", "2026-11-29T12:00:00", "Europe/Rome", False),  # Sunday
        ("IT-GARANTE", "2026-12-07T09:30:00", "Europe/Rome", False),  # eve of 8 December: 10-19
        ("IT-GARANTE", "2026-12-07T10:00:00", "Europe/Rome", True),
        ("IT-GARANTE", "2026-12-07T19:30:00", "Europe/Rome", False),
        ("IT-GARANTE", "2026-12-08T11:00:00", "Europe/Rome", False),  # holiday
        ("IT-GARANTE", "2026-10-04T11:00:00", "Europe/Rome", False),  # holiday again from 2026
        ("IT-GARANTE", "2026-10-03T09:30:00", "Europe/Rome", False),  # its eve, a Saturday
        ("IT-GARANTE", "2026-11-27T08:30:00", "Europe/London", False),  # London's own clock
        ("US-FED", "2026-11-29T20:30:00", "America/New_York", True),
        ("US-FED", "2026-11-29T21:00:00", "America/New_York", False),
        ("US-FED", "2026-11-29T07:59:59", "America/Los_Angeles", False),
        ("US-FED", "2026-11-29T08:00:00", "America/Los_Angeles", True),
        ("US-FED", "2026-12-25T12:00:00", "America/New_York", True),  # holidays are as weekdays
        ("US-FED", "2026-11-27T07:30:00", "America/Chicago", False),
    ],
)
def test_calling_hours_are_the_called_persons(
    profile: str, local: str, zone: str, allowed: bool
) -> None:
    facts = replace(FACTS, zone=ZoneInfo(zone))
    verdict = check(facts, shipped(profile), instant(local, zone))
    assert isinstance(verdict, Allowed) == allowed
    if isinstance(verdict, Denied):
        assert verdict.reason is Reason.CALLING_HOURS


@pytest.mark.parametrize(
    ("local", "opens"),
    [
        ("2026-11-27T08:00:00", "2026-11-27T09:00:00"),
        ("2026-11-27T20:00:00", "2026-11-28T10:00:00"),  # Friday evening to Saturday
        ("2026-11-28T19:00:00", "2026-11-30T09:00:00"),  # over Sunday
        ("2026-12-07T19:00:00", "2026-12-09T09:00:00"),  # over 8 December
        ("2026-10-24T19:00:00", "2026-10-26T09:00:00"),  # over the night of 25 October
        ("2026-03-28T19:00:00", "2026-03-30T09:00:00"),  # over the night of 29 March
        ("2026-12-24T19:00:00", "2026-12-28T09:00:00"),  # Christmas, St Stephen's, Sunday
    ],
)
def test_a_denied_lead_is_told_when_the_hours_open(local: str, opens: str) -> None:
    verdict = check(FACTS, shipped("IT-GARANTE"), instant(local))
    assert verdict == Denied(Reason.CALLING_HOURS, instant(opens))


def test_hours_that_never_open_within_the_look_ahead_are_told_as_never() -> None:
    closed = replace(ITALY, weekly=((),) * 7)
    assert check(FACTS, closed, START) == Denied(Reason.CALLING_HOURS, None)


# --- the nights in which the clocks change ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("utc", "allowed"),
    [
        ("2026-10-24T23:59:00", False),  # 01:59 summer time
        ("2026-10-25T00:00:00", False),  # 02:00 summer time
        ("2026-10-25T00:30:00", False),  # 02:30, the first time: the hours may not have begun yet
        ("2026-10-25T01:00:00", True),  # 02:00 winter time
        ("2026-10-25T01:30:00", True),  # 02:30, the second time
        ("2026-10-25T02:00:00", False),  # 03:00 winter time
    ],
)
def test_in_the_long_night_hours_begin_with_the_second_of_two_readings(
    utc: str, allowed: bool
) -> None:
    at_night = _open_from_two_to_three()
    now = datetime.fromisoformat(utc).replace(tzinfo=UTC)
    assert isinstance(check(FACTS, at_night, now), Allowed) == allowed


def test_in_the_short_night_the_hour_that_does_not_exist_never_opens() -> None:
    at_night = _open_from_two_to_three()
    for minute in range(0, 180, 5):
        now = datetime(2026, 3, 29, 0, 0, tzinfo=UTC) + timedelta(minutes=minute)
        local = now.astimezone(ROME)
        assert local.hour != 2
        assert isinstance(check(FACTS, at_night, now), Denied), local


def _open_from_two_to_three() -> Profile:
    hours = ((time(2), time(3)),)
    return replace(ITALY, weekly=(hours,) * 7)


def test_opening_time_is_the_wall_clocks_on_both_sides_of_the_change() -> None:
    assert opening("2026-10-24T20:00") == instant("2026-10-26T09:00")
    assert instant("2026-10-26T09:00").hour == 8
    assert opening("2026-03-27T20:00") == instant("2026-03-28T10:00")
    assert opening("2026-03-28T20:00") == instant("2026-03-30T09:00")
    assert instant("2026-03-30T09:00").hour == 7


# --- after an abandoned call ------------------------------------------------------------------------------------------


def test_five_days_over_the_end_of_summer_time_are_five_days_on_the_wall() -> None:
    dropped = instant("2026-10-23T15:00")
    end = block_end(dropped, timedelta(days=5), ROME)
    assert end == instant("2026-10-28T15:00")
    assert end - dropped == timedelta(hours=121)


def test_five_days_over_the_start_of_summer_time_are_a_full_120_hours() -> None:
    dropped = instant("2026-03-27T15:00")
    end = block_end(dropped, timedelta(days=5), ROME)
    assert end == instant("2026-04-01T16:00")
    assert end - dropped == timedelta(hours=120)


def test_inside_the_block_the_lead_is_denied_until_its_end() -> None:
    facts = replace(FACTS, last_abandoned_at=instant("2026-10-23T15:00"))
    verdict = check(facts, ITALY, instant("2026-10-28T14:30"))
    assert verdict == Denied(Reason.ABANDON_BLOCK, instant("2026-10-28T15:00"))


def test_after_the_block_only_a_reserved_agent_may_ring() -> None:
    facts = replace(FACTS, last_abandoned_at=instant("2026-10-23T15:00"))
    after = instant("2026-10-28T15:00")
    assert check(facts, ITALY, after) == Denied(Reason.GUARANTEED_AGENT, None)
    assert check(replace(facts, agent_reserved=True), ITALY, after) == Allowed()


def test_a_reserved_agent_does_not_lift_the_block() -> None:
    facts = replace(FACTS, last_abandoned_at=instant("2026-10-23T15:00"), agent_reserved=True)
    verdict = check(facts, ITALY, instant("2026-10-26T15:00"))
    assert isinstance(verdict, Denied)
    assert verdict.reason is Reason.ABANDON_BLOCK


def test_where_the_law_has_no_block_an_abandoned_lead_may_be_rung() -> None:
    facts = replace(FACTS, zone=ZoneInfo("America/New_York"), last_abandoned_at=START)
    assert check(facts, shipped("US-FED"), START + timedelta(hours=6)) == Allowed()


# --- the other reasons, and their order -------------------------------------------------------------------------------


def test_the_do_not_call_list_comes_first_and_is_for_ever() -> None:
    facts = replace(FACTS, do_not_call=True, attempts=9)
    assert check(facts, ITALY, START) == Denied(Reason.DO_NOT_CALL, None)


@pytest.mark.parametrize(("attempts", "allowed"), [(5, True), (6, False), (7, False)])
def test_attempts_that_are_used_up_are_for_ever(attempts: int, allowed: bool) -> None:
    verdict = check(replace(FACTS, attempts=attempts), ITALY, START)
    assert verdict == (Allowed() if allowed else Denied(Reason.ATTEMPTS_USED, None))


def test_the_facts_of_a_lead_are_read_from_the_lead_and_the_policy() -> None:
    someone = lead("rossi", attempts=2, zone="Asia/Tokyo", last_abandoned_at=START)
    rung = policy(max_attempts=3, ring_timeout=timedelta(seconds=20), sector="energy")
    assert snapshot_of(someone, rung) == ComplianceSnapshot(
        zone=ZoneInfo("Asia/Tokyo"),
        attempts=2,
        max_attempts=3,
        ring=timedelta(seconds=20),
        sector="energy",
        last_abandoned_at=START,
        attempts_at={CapPer.CALLED_NUMBER: ()},
    )


def test_the_dialplans_limit_is_under_the_laws() -> None:
    rule = answer_rule(shipped("IT-GARANTE"), policy(screen=True))
    assert (rule.limit, rule.action, rule.screen) == (
        timedelta(seconds=2.95),
        NoAgentAction.HANG_UP,
        True,
    )
    rule = answer_rule(shipped("US-FED"), policy(message="dialer/message-en"))
    assert (rule.limit, rule.action) == (timedelta(seconds=1.95), NoAgentAction.MESSAGE)
    assert rule.message == "dialer/message-en"


def test_an_eve_that_is_a_sunday_stays_closed() -> None:
    eve = replace(ITALY, holidays=frozenset({date(2026, 11, 30)}))
    assert opening("2026-11-29T12:00", eve) == instant("2026-12-01T09:00")


# --- when the hours of today end --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("now", "closes"),
    [
        ("2026-11-24T00:00:00", "2026-11-24T20:00:00"),  # before they open
        ("2026-11-24T11:00:00", "2026-11-24T20:00:00"),
        ("2026-11-24T19:59:59", "2026-11-24T20:00:00"),
        ("2026-11-28T12:00:00", "2026-11-28T19:00:00"),  # Saturday
        ("2026-12-07T12:00:00", "2026-12-07T19:00:00"),  # the eve of a holiday
    ],
)
def test_the_hours_of_today_close_by_the_profiles_clock(now: str, closes: str) -> None:
    assert closing(ITALY, instant(now)) == instant(closes)


@pytest.mark.parametrize(
    "now",
    [
        "2026-11-24T20:00:00",  # half-open: at eight it is over
        "2026-11-24T23:59:59",
        "2026-11-29T12:00:00",  # Sunday
        "2026-12-08T12:00:00",  # a holiday
    ],
)
def test_when_they_are_over_or_there_are_none_nothing_closes(now: str) -> None:
    assert closing(ITALY, instant(now)) is None


def test_a_break_at_noon_is_not_the_end_of_the_day() -> None:
    hours = ((time(9), time(13)), (time(14), time(18)))
    profile = replace(ITALY, weekly=(hours,) * 7)
    for now in ("2026-11-24T10:00:00", "2026-11-24T13:30:00", "2026-11-24T15:00:00"):
        assert closing(profile, instant(now)) == instant("2026-11-24T18:00:00")
    assert closing(profile, instant("2026-11-24T18:00:00")) is None


@pytest.mark.parametrize(
    ("midnight", "hours"),
    [
        (
            "2026-10-25T00:00:00",
            20 + 1,
        ),  # the clocks are put back: eight in the evening is 21 hours on
        ("2026-03-29T00:00:00", 20 - 1),  # and put forward
        ("2026-07-05T00:00:00", 20),
    ],
)
def test_the_hours_close_on_the_wall_after_both_nights_of_changed_clocks(
    midnight: str, hours: int
) -> None:
    every_day = replace(ITALY, weekly=(((time(9), time(20)),),) * 7)
    now = instant(midnight)
    assert closing(every_day, now) == now + timedelta(hours=hours)
    assert closing(every_day, now + timedelta(hours=hours)) is None


def test_it_is_the_profiles_day_not_the_clocks() -> None:
    """At eleven in the evening of UTC it is already tomorrow in Rome."""
    assert closing(ITALY, datetime(2026, 11, 24, 23, 30, tzinfo=UTC)) == instant(
        "2026-11-25T20:00:00"
    )
