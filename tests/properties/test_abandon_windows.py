"""Counts over windows equal a brute-force recount, for random histories with late facts, in the memory store and in SQLite."""

import asyncio
from collections import Counter
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from fractions import Fraction
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from dialer.abandonment import EventClass
from dialer.adapters.memory import memory_stores
from dialer.adapters.profile_files import ProfileFiles
from dialer.adapters.sql.store import open_stores
from dialer.campaign import Campaign, CampaignState
from dialer.engine.abandonment_reports import abandonment_report
from dialer.events import Screening
from dialer.leads import LeadState, Outcome
from dialer.ports import Stores
from dialer.profiles import WindowType
from tests.contract.world import NOON, SPRING, World, call_to, closing, policy

BOOK = ProfileFiles(None)
PROFILES = ("IT-GARANTE", "US-FED", "GB-OFCOM", "CA-CRTC")


@dataclass(frozen=True, slots=True)
class Past:
    """One call: when it began, after NOON; what it came to, after what wait; what was said of it later."""

    hours: int
    outcome: Outcome
    wait_ms: int
    answered: bool
    message: bool
    screened: bool
    heard_machine: bool
    said_machine: bool


SOME = (
    *(Outcome.TALKED, Outcome.ABANDONED, Outcome.HUNG_UP, Outcome.MACHINE),
    *(Outcome.LOST, Outcome.NO_ANSWER, Outcome.BUSY),
)

pasts = st.builds(
    Past,
    hours=st.integers(0, 24 * 70),
    outcome=st.sampled_from(SOME),
    wait_ms=st.sampled_from([0, 500, 1999, 2000, 2001, 2999, 3000, 3001, 9000]),
    answered=st.booleans(),
    message=st.booleans(),
    screened=st.booleans(),
    heard_machine=st.booleans(),
    said_machine=st.booleans(),
)


def class_by_hand(past: Past, allowance_ms: int, credit: bool) -> str | None:
    """The table of classes, written once more, in the letters of the formulas."""
    over, sure = past.wait_ms > allowance_ms, past.outcome is not Outcome.LOST
    if past.outcome is Outcome.TALKED:
        return "G" if past.said_machine else "L" if over else "C"
    if past.outcome is Outcome.ABANDONED:
        if credit and not past.screened:
            return "D"
        return "M" if past.message else "S"
    if past.outcome is Outcome.HUNG_UP:
        return "H" if over else "E"
    if past.outcome is Outcome.MACHINE:
        return "T"
    if not sure and past.answered:
        machine = past.said_machine or past.heard_machine
        return "T" if machine else "S"
    return None


LETTERS = {
    **{"C": EventClass.CONNECTED, "L": EventClass.LATE, "M": EventClass.MESSAGE},
    **{"S": EventClass.SILENT, "H": EventClass.GAVE_UP, "E": EventClass.LEFT_EARLY},
    **{"T": EventClass.MACHINE, "G": EventClass.MACHINE_BRIDGED},
    "D": EventClass.UNSCREENED_DROP,
}


async def lived(stores: Stores, history: list[Past]) -> list[datetime]:
    """Every call of the history, opened, ended and spoken of; the instants that count, call by call."""
    world = World(stores)
    await stores.campaigns.save(policy(SPRING))
    instants = []
    for index, past in enumerate(history):
        began = NOON + past.hours * timedelta(hours=1)
        call = call_to(await world.reserved(index), at=began)
        await world.open([call])
        sure = past.answered or past.outcome is not Outcome.LOST
        answers = sure and past.outcome not in (Outcome.NO_ANSWER, Outcome.BUSY)
        answered_at = began + timedelta(seconds=5) if answers else None
        waited = (answered_at or began) + timedelta(milliseconds=past.wait_ms)
        talk = past.outcome is Outcome.TALKED
        ended_at = waited + timedelta(minutes=1) if talk else waited
        close = closing(call, past.outcome, LeadState.DONE, None, ended_at, answered_at)
        heard = Screening.MACHINE if past.heard_machine else None
        close = replace(close, bridged_at=waited if talk else None, message=past.message)
        await stores.attempts.close(replace(close, screened=past.screened, screening=heard))
        if past.said_machine:
            await world.dispose(call, "machine")
        instants.append(answered_at or ended_at)
    return instants


async def agree(stores: Stores, history: list[Past], asked_after: int) -> None:
    instants = await lived(stores, history)
    at = NOON + asked_after * timedelta(hours=1)
    campaign = Campaign(policy=policy(SPRING), state=CampaignState.RUNNING)
    started_at = min((NOON + p.hours * timedelta(hours=1) for p in history), default=None)
    for name in PROFILES:
        profile = BOOK.get(name)
        report = await abandonment_report(stores, campaign, profile, at)
        for each in report.windows:
            since, until = bounds(
                each.window.type, each.window.length, profile.zone, started_at, at
            )
            allowed = profile.formula.allowance // timedelta(milliseconds=1)
            expected: Counter[EventClass] = Counter()
            for past, instant in zip(history, instants, strict=True):
                letter = class_by_hand(past, allowed, profile.formula.machine_credit)
                inside = (since is None or instant >= since) and (until is None or instant < until)
                if letter is not None and inside:
                    expected[LETTERS[letter]] += 1
            assert each.counts == expected, (name, each.window.name)
            false = profile.formula.amd_fp_default * expected[EventClass.MACHINE]
            assert each.ratio.false_machines == false
            assert (each.ratio.ratio is None) == (each.ratio.answered == Fraction(0))


def bounds(
    kind: WindowType,
    length: timedelta | None,
    zone: object,
    started_at: datetime | None,
    at: datetime,
) -> tuple[datetime | None, datetime | None]:
    """By walking, not by division."""
    if kind is WindowType.CAMPAIGN_TOTAL or (kind is WindowType.CAMPAIGN_PERIOD and not started_at):
        return None, None
    if kind is WindowType.CAMPAIGN_PERIOD:
        assert started_at is not None
        assert length is not None
        since = started_at
        while since + length <= at:
            since += length
        while since > at:
            since -= length
        return since, since + length
    local = at.astimezone(zone)  # type: ignore[arg-type]
    since = local.replace(hour=0, minute=0, second=0, microsecond=0)
    until = since + timedelta(days=1)
    if kind is WindowType.CALENDAR_MONTH:
        since = since.replace(day=1)
        month = since.month % 12 + 1
        until = since.replace(month=month, year=since.year + (month == 1))
    return since, until


@settings(deadline=None, max_examples=30)
@given(st.lists(pasts, max_size=12), st.integers(0, 24 * 70))
def test_in_memory(history: list[Past], asked_after: int) -> None:
    asyncio.run(agree(memory_stores(random=Random(1)), history, asked_after))


@settings(deadline=None, max_examples=4)
@given(st.lists(pasts, min_size=3, max_size=12), st.integers(0, 24 * 70))
def test_in_sqlite(history: list[Past], asked_after: int) -> None:
    async def run() -> None:
        with TemporaryDirectory() as folder:
            stores = await open_stores(f"sqlite:///{Path(folder) / 'dialer.db'}", random=Random(1))
            try:
                await agree(stores, history, asked_after)
            finally:
                await stores.close()

    asyncio.run(run())
