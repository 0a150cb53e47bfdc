"""What holds of the law whatever the profiles, the zone and the instant, both nights in which the clocks change included."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from dialer.adapters.profile_files import ProfileFiles
from dialer.calling_hours import intervals_of
from dialer.caps import counted_since, free_at
from dialer.compliance import (
    Allowed,
    ComplianceSnapshot,
    Consent,
    Denied,
    DncEntry,
    RegisterCheck,
    State,
    check,
    explain,
)
from dialer.profile_merge import Rules
from dialer.profiles import Cap, CapPer, Interval, Profile

BOOK = [each for each in ProfileFiles().all() if each.effective_to is None]
DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
ZONES = [
    ZoneInfo(name)
    for name in (
        *("Europe/Rome", "America/New_York", "America/Phoenix", "America/Havana", "Asia/Tokyo"),
        *("Australia/Lord_Howe", "Indian/Reunion", "Africa/Casablanca", "Pacific/Chatham"),
    )
]
NIGHTS = (
    datetime(2026, 3, 29, 1, tzinfo=UTC),  # Rome, forward
    datetime(2026, 10, 25, 1, tzinfo=UTC),  # Rome, back
    datetime(2026, 3, 8, 7, tzinfo=UTC),  # New York, forward
    datetime(2026, 11, 1, 6, tzinfo=UTC),  # New York, back
    datetime(2026, 10, 3, 15, 30, tzinfo=UTC),  # Lord Howe, half an hour
    datetime(2026, 11, 1, 5, tzinfo=UTC),  # Havana, back over midnight
    datetime(2026, 12, 8, 12, tzinfo=UTC),  # a holiday
)

quarter_hours = st.integers(0, 95).map(lambda n: time(n // 4, n % 4 * 15))
ends = st.integers(1, 96).map(lambda n: time.max if n == 96 else time(n // 4, n % 4 * 15))


@st.composite
def intervals(draw: st.DrawFn) -> tuple[Interval, ...]:
    start, end = draw(quarter_hours), draw(ends)
    return ((start, end),) if start < end else ()


@st.composite
def profiles(draw: st.DrawFn) -> Profile:
    """A shipped one, or one with hours of its own, by night too."""
    profile = draw(st.sampled_from(BOOK))
    if draw(st.booleans()):
        return profile
    week = tuple(draw(intervals()) for _ in range(7))
    return replace(profile, id=f"{profile.id}-AT-NIGHT", weekly=week)


instants = st.one_of(
    st.integers(0, 700 * 24 * 60).map(lambda n: datetime(2026, 1, 1, tzinfo=UTC) + n * MINUTE),
    st.builds(
        lambda night, minutes: night + timedelta(minutes=minutes),
        st.sampled_from(NIGHTS),
        st.integers(-300, 300),
    ),
)
zones = st.lists(st.sampled_from(ZONES), min_size=1, max_size=3).map(tuple)
rings = st.sampled_from([timedelta(), timedelta(seconds=25), timedelta(minutes=2)])


@st.composite
def facts(draw: st.DrawFn, now: datetime) -> ComplianceSnapshot:
    ago = st.none() | st.integers(0, 90 * 86_400).map(lambda s: now - timedelta(seconds=s))
    past = st.integers(0, 40 * 86_400).map(lambda s: now - timedelta(seconds=s))
    tried = st.lists(past, max_size=6).map(tuple)
    caller_ids = st.sampled_from([None, "", "+390612345678", "+33162000000", "+19005550100"])
    registries = st.sampled_from(["RPO", "TPS", "CTPS", "US-NATIONAL-DNC"])
    registers = st.lists(
        st.builds(RegisterCheck, registry=registries, checked_at=past, listed=st.booleans()),
        max_size=3,
    )
    consents = st.lists(
        st.builds(Consent, given_at=past, expires_at=ago, sector=st.sampled_from(["", "energy"])),
        max_size=2,
    )
    entries = st.lists(st.builds(DncEntry, expires_at=past), max_size=2)
    several = draw(zones)
    return ComplianceSnapshot(
        zone=several[0],
        zones=several,
        attempts=draw(st.integers(0, 3)),
        max_attempts=3,
        ring=draw(rings),
        sector=draw(st.sampled_from(["", "energy", "pensions"])),
        last_abandoned_at=draw(ago),
        last_machine_at=draw(ago),
        last_refused_at=draw(ago),
        agent_reserved=draw(st.booleans()),
        full_days=draw(st.booleans()),
        attempts_at=draw(st.none() | st.dictionaries(st.sampled_from(CapPer), tried)),
        dnc=tuple(draw(entries)),
        registers=draw(st.none() | registers.map(tuple)),
        consents=draw(st.none() | consents.map(tuple)),
        caller_id=draw(caller_ids),
    )


@given(st.lists(profiles(), min_size=1, max_size=3), zones, rings, instants)
def test_nothing_is_allowed_outside_the_hours_of_any_profile_in_any_zone(
    laws: list[Profile], where: tuple[ZoneInfo, ...], ring: timedelta, now: datetime
) -> None:
    known = ComplianceSnapshot(zone=where[0], zones=where, attempts=0, max_attempts=1, ring=ring)
    if isinstance(check(known, laws, now), Denied):
        return
    for at in (now, now + ring - timedelta(microseconds=1) if ring else now):
        for zone in where:
            local = at.astimezone(zone)
            for law in laws:
                hours = intervals_of(law, local.date())
                assert any(start <= local.time() <= end for start, end in hours), (law.name, local)


@given(st.data(), st.lists(profiles(), min_size=1, max_size=2), profiles(), instants)
def test_another_profile_never_allows_more(
    data: st.DataObject, laws: list[Profile], another: Profile, now: datetime
) -> None:
    known = data.draw(facts(now))
    place = data.draw(st.integers(0, len(laws)))
    more = [*laws[:place], another, *laws[place:]]
    if isinstance(check(known, more, now), Allowed):
        assert check(known, laws, now) == Allowed()


@given(st.data(), st.lists(profiles(), min_size=1, max_size=2), instants)
def test_not_before_is_the_very_instant(
    data: st.DataObject, laws: list[Profile], now: datetime
) -> None:
    """Just before it the same reason holds; at it, no more."""
    known = data.draw(facts(now))
    rules = Rules(laws)
    verdict = check(known, rules, now)
    if isinstance(verdict, Allowed) or verdict.not_before is None:
        return
    until = verdict.not_before
    assert until > now
    before = [r for r in explain(known, rules, until - timedelta(microseconds=1)) if r.reason]
    assert verdict.reason in [each.reason for each in before]
    after = [each.reason for each in explain(known, rules, until)]
    assert verdict.reason not in after


@given(st.data(), st.lists(profiles(), min_size=1, max_size=2), instants)
def test_the_explanation_and_the_verdict_are_one(
    data: st.DataObject, laws: list[Profile], now: datetime
) -> None:
    known = data.draw(facts(now))
    rules = Rules(laws)
    results = explain(known, rules, now)
    denied = [each for each in results if each.state is State.DENIED]
    verdict = check(known, rules, now)
    if isinstance(verdict, Allowed):
        assert not denied
    else:
        assert (denied[0].reason, denied[0].not_before) == (verdict.reason, verdict.not_before)
    names = {law.name for law in laws}
    assert all(set(each.profiles) <= names for each in results)


spans = st.builds(
    Cap,
    most=st.integers(1, 4),
    per=st.just(CapPer.CALLED_NUMBER),
    length=st.integers(1, 100).map(lambda hours: timedelta(hours=hours)),
) | st.builds(
    Cap, most=st.integers(1, 4), per=st.just(CapPer.CALLED_NUMBER), days=st.integers(1, 40)
)


@given(st.data(), spans, st.sampled_from(ZONES), instants)
def test_a_cap_holds_over_every_window_by_a_brute_recount(
    data: st.DataObject, cap: Cap, zone: ZoneInfo, now: datetime
) -> None:
    ago = st.integers(1, 41 * 86_400).map(lambda s: now - timedelta(seconds=s))
    attempts = data.draw(st.lists(ago, max_size=8))
    counted = [at for at in attempts if _counts(cap, at, now, zone)]
    until = free_at(cap, attempts, [zone], now)
    assert (until is None) == (len(counted) < cap.most)
    assert all(at > counted_since(cap, [zone], now) for at in counted)
    if until is not None:
        assert sum(_counts(cap, at, until, zone) for at in attempts) < cap.most
        just_before = until - timedelta(microseconds=1)
        assert sum(_counts(cap, at, just_before, zone) for at in attempts) >= cap.most


def _counts(cap: Cap, attempt: datetime, now: datetime, zone: ZoneInfo) -> bool:
    if cap.length is not None:
        return now - attempt < cap.length
    days = now.astimezone(zone).date() - attempt.astimezone(zone).date()
    return days < (cap.days or 0) * DAY
