"""`kill -9` of the server in mid-campaign: the dialplan goes on alone, and after the restart nobody is rung twice."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from asterisk_conf.numbering import FarEndBehaviour, FarEndKind, decode
from dialer.adapters.sql.store import open_stores
from dialer.adapters.system_clock import SystemClock
from dialer.campaign import CampaignState
from dialer.config import CampaignSettings
from dialer.leads import LeadState, Outcome
from dialer.ports import Attempt, Stores
from dialer.testbed import AsteriskPair, CdrRow
from tests.asterisk.test_end_to_end import LIMIT_SECONDS, leads_of
from tests.support.live_server import (
    CAMPAIGN,
    NO_LIMIT,
    campaign,
    kill,
    server_process,
    settings,
    until,
)

pytestmark = pytest.mark.asterisk

CODES = ["2101", "2102"]
KINDS = [
    (12, FarEndBehaviour(FarEndKind.PERSON, 2.0, 10)),
    (12, FarEndBehaviour(FarEndKind.PERSON, 4.0, 5)),
    (6, FarEndBehaviour(FarEndKind.RINGS_OUT)),
]


async def attempts_of(stores: Stores) -> list[tuple[str, Attempt]]:
    """(number, attempt) of every attempt in the store."""
    found = []
    for lead in await stores.leads.page(CAMPAIGN, after=None, limit=500, state=None):
        found += [(lead.phone, each) for each in await stores.attempts.of_lead(lead.lead_id)]
    return found


async def wait_for(stores: Stores, what: str, seconds: float, condition: object) -> None:
    deadline = time.monotonic() + seconds
    while True:
        attempts = [attempt for _, attempt in await attempts_of(stores)]
        if condition(attempts):  # type: ignore[operator]
            return
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        await asyncio.sleep(0.1)


def in_full_swing(attempts: list[Attempt]) -> bool:
    """Both agents talk, and others still ring."""
    talking = sum(each.bridged_at is not None and each.ended_at is None for each in attempts)
    ringing = sum(each.answered_at is None and each.ended_at is None for each in attempts)
    return talking == len(CODES) and ringing >= 3


def rows_by_number(rows: list[CdrRow]) -> dict[str, list[CdrRow]]:
    found: dict[str, list[CdrRow]] = {}
    for row in rows:
        if row.number.startswith("+"):
            found.setdefault(row.number, []).append(row)
    return found


@pytest.mark.timeout(300)
async def test_nobody_is_in_silence_while_the_server_is_dead_nor_rung_twice_after_it_is_back(
    asterisk_pair: AsteriskPair, tmp_path: Path
) -> None:
    value = settings(asterisk_pair, tmp_path, CODES, _campaign())
    before = len(asterisk_pair.far_end.cdr())
    stores = await open_stores(value.database.url)
    try:
        await stores.campaigns.save(value.campaigns[0].policy())
        await stores.leads.add(leads_of(KINDS), at=SystemClock().now())
        with server_process(value, tmp_path) as pid:
            await asyncio.to_thread(asterisk_pair.login_agents, CODES)
            await stores.campaigns.set_state(CAMPAIGN, CampaignState.RUNNING)
            await wait_for(stores, "talks and ringing calls", 40, in_full_swing)
            kill(pid)
        at_death = await attempts_of(stores)
        open_numbers = {n for n, attempt in at_death if attempt.ended_at is None}
        assert len(open_numbers) >= 5
        await until(
            lambda: open_numbers <= set(rows_by_number(asterisk_pair.far_end.cdr()[before:])),
            40,
            "the calls that were up to end without a server",
        )
        _check_released(asterisk_pair.far_end.cdr()[before:], at_death)
        with server_process(value, tmp_path):
            await wait_for(
                stores,
                "every lead tried",
                120,
                lambda a: len(a) >= 30 and all(x.ended_at for x in a),
            )
            leads = await stores.leads.page(CAMPAIGN, after=None, limit=500, state=None)
        final = await attempts_of(stores)
    finally:
        await stores.close()
    _check_once_each(asterisk_pair.far_end.cdr()[before:], final)
    _check_outcomes(final, {number for number, _ in at_death if number in open_numbers})
    assert {lead.state for lead in leads} <= {LeadState.DONE, LeadState.RETRY}


def _campaign() -> CampaignSettings:
    return campaign(mode="ratio", dial_ratio=8.0, wrap_up_seconds=1, running=True, profile=NO_LIMIT)


def _check_released(rows: list[CdrRow], at_death: list[tuple[str, Attempt]]) -> None:
    """Answered without an agent: cut at the limit by the dialplan. In a talk: it went on as long as the person wished."""
    talking = {n for n, attempt in at_death if attempt.bridged_at and not attempt.ended_at}
    for number, (row,) in rows_by_number(rows).items():
        if row.answer_at is None:
            continue
        if number in talking:
            wished = decode(number).talk_seconds
            assert wished is not None
            assert -0.1 < row.talk_seconds - wished < 5
        elif number in {n for n, attempt in at_death if attempt.ended_at is None}:
            assert row.talk_seconds <= LIMIT_SECONDS + 0.05


def _check_once_each(rows: list[CdrRow], attempts: list[tuple[str, Attempt]]) -> None:
    """The far end was rung exactly once for each stored attempt."""
    rung = {number: len(found) for number, found in rows_by_number(rows).items()}
    stored: dict[str, int] = {}
    for number, _ in attempts:
        stored[number] = stored.get(number, 0) + 1
    assert rung == stored


def _check_outcomes(attempts: list[tuple[str, Attempt]], open_at_death: set[str]) -> None:
    """What ended while nobody watched got its class from the exchange or from what had been written."""
    outcomes = {number: attempt.outcome for number, attempt in attempts}
    for number in open_at_death:
        bridged = any(n == number and attempt.bridged_at for n, attempt in attempts)
        behaviour = decode(number)
        if bridged:
            assert outcomes[number] is Outcome.TALKED
        elif behaviour.kind is FarEndKind.PERSON:
            assert outcomes[number] is Outcome.ABANDONED
