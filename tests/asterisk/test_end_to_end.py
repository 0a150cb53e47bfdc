"""A lead list through a real Asterisk: what the store says against what the far end's own records say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from asterisk_conf.numbering import FarEndBehaviour, FarEndKind, decode, encode
from dialer.calls import CallState
from dialer.ids import ONLY_NODE
from dialer.leads import Lead, LeadState, NewLead, Outcome
from dialer.testbed import AsteriskPair, CdrRow
from tests.support.live_server import CAMPAIGN, LiveServer, live_server, until

pytestmark = pytest.mark.asterisk

K = FarEndKind
CODES = [str(2001 + n) for n in range(10)]
LIMIT_SECONDS = 3.0

KINDS: list[tuple[int, FarEndBehaviour]] = [
    (80, FarEndBehaviour(K.PERSON, 1.0, 3)),
    (40, FarEndBehaviour(K.GREETS_THEN_SILENT, 2.5, 2)),
    (20, FarEndBehaviour(K.SILENT_PERSON, 0.5, 3)),
    (10, FarEndBehaviour(K.PERSON, 0.0, None)),
    (10, FarEndBehaviour(K.HANGS_UP_WAITING, talk_seconds=0.5)),
    (10, FarEndBehaviour(K.HANGS_UP_WAITING, talk_seconds=1.2)),
    (30, FarEndBehaviour(K.VOICEMAIL, 1.0, 10)),
    (10, FarEndBehaviour(K.FAX, 1.0, 10)),
    (30, FarEndBehaviour(K.RINGS_OUT)),
    (20, FarEndBehaviour(K.REFUSES, sip_code=486)),
    (10, FarEndBehaviour(K.REFUSES, sip_code=404)),
    (10, FarEndBehaviour(K.REFUSES, sip_code=503)),
    (10, FarEndBehaviour(K.REFUSES, sip_code=603)),
    (5, FarEndBehaviour(K.NO_REPLY)),
    (5, FarEndBehaviour(K.UNALLOCATED)),
]

REFUSALS = {
    486: Outcome.BUSY,
    404: Outcome.INVALID_NUMBER,
    503: Outcome.CONGESTION,
    603: Outcome.REJECTED,
}
PERSONS = (K.PERSON, K.GREETS_THEN_SILENT, K.SILENT_PERSON)


def expected(number: str) -> set[Outcome]:
    """What the stored outcome may be. A person is talked to or, with no agent in time, abandoned: the far end's record
    tells which (see `check_person`)."""
    behaviour = decode(number)
    match behaviour.kind:
        case K.PERSON | K.GREETS_THEN_SILENT | K.SILENT_PERSON:
            return {Outcome.TALKED, Outcome.ABANDONED}
        case K.HANGS_UP_WAITING:
            return {Outcome.HUNG_UP, Outcome.TALKED, Outcome.ABANDONED}
        case K.VOICEMAIL | K.FAX:
            return {Outcome.MACHINE}
        case K.RINGS_OUT:
            return {Outcome.NO_ANSWER}
        case K.REFUSES:
            assert behaviour.sip_code is not None
            return {REFUSALS[behaviour.sip_code]}
        case K.NO_REPLY:
            return {Outcome.UNREACHABLE}
        case K.UNALLOCATED:
            return {Outcome.INVALID_NUMBER}


def leads_of(kinds: Sequence[tuple[int, FarEndBehaviour]]) -> list[NewLead]:
    """Interleaved, so that every kind is dialled all along."""
    columns: list[tuple[float, str]] = []
    serial = 0
    for count, behaviour in kinds:
        for n in range(count):
            number = encode(
                FarEndBehaviour(
                    behaviour.kind,
                    behaviour.ring_seconds,
                    behaviour.talk_seconds,
                    behaviour.sip_code,
                    serial,
                )
            )
            columns.append((n / count, number))
            serial += 1
    return [NewLead(campaign_id=CAMPAIGN, phone=number) for _, number in sorted(columns)]


async def finish(server: LiveServer, count: int, seconds: float) -> None:
    """Hang up the people who never would, until every lead has its outcome."""

    def done() -> bool:
        for call_id, call in server.dialer.switchboard.runner(
            server.view().team_id
        ).team.calls.items():
            endless = call.order.phone and decode(call.order.phone).talk_seconds is None
            if call.state is CallState.TALKING and endless:
                hang_ups.add(call_id)
        return server.closed() >= count

    hang_ups: set[str] = set()
    loop_done = False
    while not loop_done:
        try:
            await until(lambda: done() or bool(hang_ups), seconds, f"{count} outcomes")
        finally:
            for call_id in list(hang_ups):
                await server.dialer.exchanges[ONLY_NODE].hang_up(call_id)
            hang_ups.clear()
        loop_done = server.closed() >= count


async def stored(server: LiveServer) -> list[Lead]:
    leads: list[Lead] = []
    after = None
    while page := await server.dialer.stores.leads.page(
        CAMPAIGN, after=after, limit=200, state=None
    ):
        leads += page
        after = page[-1].lead_id
    return leads


def check_person(lead: Lead, row: CdrRow, behaviour: FarEndBehaviour) -> None:
    """The far end's record of a person who answered agrees with the stored outcome: none was left in silence."""
    assert row.answer_at is not None
    up = row.talk_seconds
    if lead.last_outcome is Outcome.ABANDONED:
        assert up <= LIMIT_SECONDS + 0.05, f"cut after {up:.2f} s"
    elif lead.last_outcome is Outcome.HUNG_UP:
        assert up <= LIMIT_SECONDS
    elif behaviour.talk_seconds is not None:  # it hangs up itself, a little late on a busy machine
        assert -0.1 < up - behaviour.talk_seconds < 5, f"talked {up:.2f} s"


@pytest.mark.timeout(420)
async def test_three_hundred_leads_of_every_kind_end_as_the_far_end_recorded(
    asterisk_pair: AsteriskPair, tmp_path: Path
) -> None:
    leads = leads_of(KINDS)
    assert len(leads) == 300
    before = len(asterisk_pair.far_end.cdr())
    async with live_server(asterisk_pair, tmp_path, CODES, leads, screen=True) as server:
        await server.log_in(CODES)
        await server.start()
        await finish(server, len(leads), 300)
        await until(lambda: not server.view().calls, 10, "every channel gone")
        await server.settle()
        after = await stored(server)
        outcomes = await server.dialer.stores.attempts.outcomes(CAMPAIGN)
        await server.log_out()
    rows: dict[str, list[CdrRow]] = {}
    for row in asterisk_pair.far_end.cdr()[before:]:
        rows.setdefault(row.number, []).append(row)
    wrong = []
    for lead in after:
        behaviour = decode(lead.phone)
        assert lead.last_outcome is not None
        assert lead.state in (LeadState.DONE, LeadState.RETRY)
        if lead.last_outcome not in expected(lead.phone):
            wrong.append((behaviour.kind, behaviour.sip_code, lead.last_outcome))
        assert len(rows.get(lead.phone, ())) == 1, (
            f"{behaviour}: rung {len(rows.get(lead.phone, ()))} times"
        )
        row = rows[lead.phone][0]
        assert (row.answer_at is not None) == behaviour.answers
        if behaviour.kind in (*PERSONS, K.HANGS_UP_WAITING):
            check_person(lead, row, behaviour)
    assert wrong == []
    assert sum(outcomes.values()) == len(leads)
    print(dict(Counter(outcomes)))
