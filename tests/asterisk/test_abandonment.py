"""Our figures of abandoned calls against a recount made from Asterisk's own records of the same campaign."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from pathlib import Path

import pytest

from asterisk_conf.numbering import FarEndBehaviour, FarEndKind
from dialer.abandonment import AbandonFormula, EventClass
from dialer.ami_events import is_call_id
from dialer.engine.abandonment_reports import abandonment_report
from dialer.engine.ledger_check import verify
from dialer.testbed import AsteriskPair, CdrRow
from tests.asterisk.test_end_to_end import leads_of
from tests.support.live_server import CAMPAIGN, NO_LIMIT, live_server, until

pytestmark = pytest.mark.asterisk

K = FarEndKind
CODES = ["2101", "2102"]
KINDS: list[tuple[int, FarEndBehaviour]] = [
    (24, FarEndBehaviour(K.PERSON, 0.5, 5)),
    (6, FarEndBehaviour(K.HANGS_UP_WAITING, talk_seconds=0.7)),
    (8, FarEndBehaviour(K.VOICEMAIL, 0.5, 10)),
    (4, FarEndBehaviour(K.REFUSES, sip_code=404)),
]
ABANDONED = (EventClass.SILENT, EventClass.LATE, EventClass.GAVE_UP)


def recounted(rows: list[CdrRow], formula: AbandonFormula) -> Counter[EventClass]:
    """From the PBX's own records alone: where in the dialplan each answered call ended (a talk's record ends when it begins)."""
    found: Counter[EventClass] = Counter()
    for row in rows:
        if not is_call_id(row.uniqueid) or row.answer_at is None:
            continue
        over = row.end_at - row.answer_at > formula.allowance
        match row.context, row.extension:
            case "dialer-talk", _:
                found[EventClass.LATE if over else EventClass.CONNECTED] += 1
            case "dialer-abandoned", _:
                found[EventClass.SILENT] += 1
            case "dialer-answered", "machine":
                found[EventClass.MACHINE] += 1
            case _:
                found[EventClass.GAVE_UP if over else EventClass.LEFT_EARLY] += 1
    return found


@pytest.mark.timeout(120)
async def test_our_figures_are_those_of_asterisks_own_records(
    asterisk_pair: AsteriskPair, tmp_path: Path
) -> None:
    before = len(asterisk_pair.pbx.cdr())
    leads = leads_of(KINDS)
    changes = {"profile": NO_LIMIT, "mode": "ratio", "dial_ratio": 6.0, "screen": True}
    async with live_server(asterisk_pair, tmp_path, CODES, leads, **changes) as server:
        await server.log_in(CODES)
        await server.start()
        await until(lambda: server.closed() >= len(leads), 60, "every call ended")
        await server.settle()
        stores, book = server.dialer.stores, server.dialer.profiles
        campaign, now = await stores.campaigns.get(CAMPAIGN), server.dialer.clock.now()
        reports = [
            await abandonment_report(stores, campaign, book.get(name), now)
            for name in ("IT-GARANTE", "US-FED")
        ]
        broken = await verify(stores.ledger)
        records = (await stores.ledger.heads())[0].count
        await server.log_out()
    rows = asterisk_pair.pbx.cdr()[before:]
    for report in reports:
        assert report.windows
        for window in report.windows:
            own = recounted(rows, window.formula)
            assert window.counts == own, report.profile.name
            assert own[EventClass.SILENT] >= 4
            assert own[EventClass.CONNECTED] >= 4
            assert own[EventClass.MACHINE] >= 4
            assert own[EventClass.LEFT_EARLY] >= 4
            false = Fraction(3, 100) * own[EventClass.MACHINE]
            abandoned = sum(own[of] for of in ABANDONED) + false
            answered = abandoned + own[EventClass.CONNECTED] + own[EventClass.LEFT_EARLY]
            assert window.ratio.ratio == abandoned / answered
            assert window.verdict == "over"
    assert (broken, records) == ([], len(leads))
