"""The plan on the real pair: the production server in this process, two Asterisk servers, and three witnesses.

The server's own word (agents' phases, stored outcomes) is what is judged. Beside it stand the PBX's word (when each talk
began and ended, from its events on a link of its own) and the far end's (its CDR: who was rung, answered, and for how long).
"""

import asyncio
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import fmean
from typing import Any

from asterisk_conf.numbering import decode
from bench.connect import listening, percentile
from bench.truth_plan import Plan, numbers
from bench.truth_virtual import Figures
from dialer.agents import AgentPhase, AgentStatus
from dialer.ami_events import is_call_id
from dialer.ami_messages import Ev
from dialer.leads import NEVER_RANG, PERSON_ANSWERED, Lead, NewLead, Outcome
from dialer.testbed import AsteriskPair, CdrRow
from tests.support.live_server import CAMPAIGN, LiveServer, live_server, until

SAMPLE_SECONDS = 0.25
FIRST_CODE = 5001
CUT_WITHIN = 3.3
"""Seconds. Everybody in the plan stays for five: whose call the far end saw end sooner was abandoned (limit 3 s)."""


@dataclass
class Talks:
    """Talks as the PBX tells them: when both legs were in one bridge, and when the first of them left. Unix seconds."""

    began: dict[str, float] = field(default_factory=dict)
    ended: dict[str, float] = field(default_factory=dict)
    _members: dict[str, list[str]] = field(default_factory=dict)

    def take(self, event: Ev, generation: int) -> None:
        if event.name not in ("BridgeEnter", "BridgeLeave"):
            return
        if event.first("BridgeType") != "basic":
            return
        bridge, at = event.first("BridgeUniqueid"), float(event.first("Timestamp"))
        if event.name == "BridgeLeave":
            if bridge in self.began:
                self.ended.setdefault(bridge, at)
            return
        members = self._members.setdefault(bridge, [])
        members.append(event.first("Uniqueid"))
        if len(members) == 2 and any(map(is_call_id, members)):
            self.began.setdefault(bridge, at)

    def busy_seconds(self, since: float, to: float, wrap_up: float) -> float:
        """Of all agents together, in talks and the wrap-up after each, between two instants."""
        spans = ((at, self.ended.get(bridge, to) + wrap_up) for bridge, at in self.began.items())
        return sum(max(min(end, to) - max(begin, since), 0.0) for begin, end in spans)


@dataclass(frozen=True, kw_only=True, slots=True)
class Witnesses:
    """What the others say. Ratios 0..1."""

    pbx_occupancy: float
    far_end_answered: int
    far_end_abandoned: int
    stored_answered: int
    stored_abandoned: int
    disagreements: int  # leads whose stored outcome is not what the far end saw
    rung_twice: int  # beside those whose earlier call never rang, as stored
    tried_again: list[list[str]]  # the stored outcomes of each lead that was dialled more than once
    ring_error_ms_mean: float  # the far end's INVITE to answer, less what the number says
    ring_error_ms_p99: float


@dataclass(frozen=True, kw_only=True, slots=True)
class RealRun:
    figures: Figures
    witnesses: Witnesses
    dialled: int
    outcomes: dict[str, int]  # of attempts

    def as_dict(self) -> dict[str, Any]:
        figures = asdict(self.figures) | {"abandon_ratio": round(self.figures.abandon_ratio, 5)}
        more = {"dialled": self.dialled, "outcomes": self.outcomes}
        return figures | more | {"witnesses": asdict(self.witnesses)}


async def work(pair: AsteriskPair, folder: Path, plan: Plan) -> RealRun:
    """One run of the plan, from the first call to the end of the last."""
    codes = [str(FIRST_CODE + n) for n in range(plan.agents)]
    leads = [NewLead(campaign_id=CAMPAIGN, phone=phone) for phone in numbers(plan)]
    rows_before = len(pair.far_end.cdr())
    talks = Talks()
    async with (
        listening(pair, talks.take),
        live_server(pair, folder, codes, leads, **plan.campaign) as server,
    ):
        await server.log_in(codes)
        await server.start()
        started = time.time()
        phases = await _sampled(server, plan)
        seen = server.campaign()
        await server.pause()
        await until(lambda: not server.view().calls, 60, "every channel gone")
        await server.settle()
        after = await _tried(server)
        rows = _rung(pair.far_end.cdr()[rows_before:])
        again = await _tried_again(server, after, rows)
        outcomes = await server.dialer.stores.attempts.outcomes(CAMPAIGN)
        await server.log_out()
    busy = phases[AgentPhase.TALKING] + phases[AgentPhase.WRAP_UP]
    since, to = (started + span.total_seconds() for span in (plan.warm_up, plan.length))
    pbx_busy = talks.busy_seconds(since, to, plan.wrap_up_seconds)
    return RealRun(
        figures=Figures(
            occupancy=busy / phases.total(), answered=seen.answered, abandoned=seen.abandoned
        ),
        witnesses=_witnesses(rows, after, again, pbx_busy / (plan.agents * (to - since))),
        dialled=len(after),
        outcomes={outcome.value: number for outcome, number in outcomes.items()},
    )


async def _sampled(server: LiveServer, plan: Plan) -> Counter[AgentPhase]:
    """Agents in each phase, added up over looks at the server's own picture, from the end of the warm-up on."""
    loop = asyncio.get_running_loop()
    start = loop.time()
    await asyncio.sleep(plan.warm_up.total_seconds())
    phases: Counter[AgentPhase] = Counter()
    due, end = loop.time(), start + plan.length.total_seconds()
    while due < end:
        view = server.view()
        phases.update(a.phase for a in view.agents if a.status is AgentStatus.AVAILABLE)
        due += SAMPLE_SECONDS
        await asyncio.sleep(max(due - loop.time(), 0.0))
    return phases


async def _tried(server: LiveServer) -> list[Lead]:
    """The leads that were dialled, as stored."""
    leads: list[Lead] = []
    after = None
    while page := await server.dialer.stores.leads.page(
        CAMPAIGN, after=after, limit=500, state=None
    ):
        leads += [lead for lead in page if lead.last_outcome is not None]
        after = page[-1].lead_id
    return leads


def _rung(rows: Iterable[CdrRow]) -> dict[str, list[CdrRow]]:
    """The far end's records of the public's calls, by the number dialled."""
    calls: dict[str, list[CdrRow]] = {}
    for row in rows:
        if row.context == "public":
            calls.setdefault(row.number, []).append(row)
    return calls


async def _tried_again(
    server: LiveServer, leads: Iterable[Lead], calls: dict[str, list[CdrRow]]
) -> list[list[str]]:
    """What the store says of each person whom the far end saw called more than once, attempt by attempt."""
    store = server.dialer.stores.attempts
    return [
        [attempt.outcome or "open" for attempt in await store.of_lead(lead.lead_id)]
        for lead in leads
        if len(calls.get(lead.phone, ())) > 1
    ]


def _witnesses(
    calls: dict[str, list[CdrRow]],
    leads: Iterable[Lead],
    again: list[list[str]],
    pbx_occupancy: float,
) -> Witnesses:
    answered = {number: of[0] for number, of in calls.items() if of[0].answer_at is not None}
    cut = {number for number, row in answered.items() if row.talk_seconds < CUT_WITHIN}
    stored = {lead.phone: lead.last_outcome for lead in leads}
    persons = {number for number, outcome in stored.items() if outcome in PERSON_ANSWERED}
    abandoned = {number for number, outcome in stored.items() if outcome is Outcome.ABANDONED}
    errors = sorted(1000 * _ring_error(row) for row in answered.values())
    return Witnesses(
        pbx_occupancy=pbx_occupancy,
        far_end_answered=len(answered),
        far_end_abandoned=len(cut),
        stored_answered=len(persons),
        stored_abandoned=len(abandoned),
        disagreements=len(persons ^ set(answered)) + len(abandoned ^ cut),
        rung_twice=sum(len(tries) < 2 or not set(tries[:-1]) <= NEVER_RANG for tries in again),
        tried_again=again,
        ring_error_ms_mean=round(fmean(errors), 1) if errors else 0.0,
        ring_error_ms_p99=round(percentile(errors, 0.99), 1) if errors else 0.0,
    )


def _ring_error(row: CdrRow) -> float:
    assert row.answer_at is not None
    return (row.answer_at - row.start_at).total_seconds() - decode(row.number).ring_seconds
