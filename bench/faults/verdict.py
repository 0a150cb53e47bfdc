"""What a moment's evidence says: pure rules on records, so that each can be tested with literals."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bench.faults.evidence import Evidence, StoredAttempt
from dialer.leads import LeadState, Outcome
from dialer.testbed import CdrRow

LIMIT_SECONDS = 3.0
"""Of the DEMO profile: from answer to the end of the wait."""

TOLERANCE = 0.25
"""Seconds over the limit that a wait may show in the far end's record: the hang-up's way, on a machine that is busy."""

AT_REST = (LeadState.NEW, LeadState.RETRY, LeadState.DONE)
TALK_CONTEXT = "dialer-talk"
OUR_FAULTS = ("event_failed", "illegal_transition", "task_failed", "write_failed", "Traceback")


@dataclass(frozen=True, slots=True)
class Moment:
    """What happened when, on the true clock. `struck_at` .. `healed_at`: the fault."""

    struck_at: datetime
    healed_at: datetime
    clock_step: timedelta = timedelta()
    pbx_died: bool = False
    far_end_stood_still: bool = False

    def true_time(self, stored: datetime) -> datetime:
        """When that was, of an instant that the server noted: after a step its clock is wrong by hours, never by minutes."""
        unstepped = stored - self.clock_step
        return min(stored, unstepped, key=lambda at: abs(at - self.struck_at))


@dataclass(slots=True)
class Verdict:
    """The figures of one moment. `problems` is empty when the moment was survived."""

    attempts: int = 0
    rings: int = 0
    unrung: dict[str, int] = field(default_factory=dict)  # attempts without a ring, by outcome
    rung_without_attempt: int = 0
    leads: int = 0
    leads_held: int = 0
    answered: int = 0
    longest_wait_seconds: float = 0.0
    waits_too_long: int = 0
    cut_by_pbx: int = 0  # persons in a call when the PBX died
    answered_late: int = 0  # after the PBX had given the call up: nobody can speak to them
    abandoned: int = 0
    abandoned_mismatch: int = 0
    outcomes: dict[str, int] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


def judge(evidence: Evidence, moment: Moment, leads: int) -> Verdict:
    """`leads`: how many the campaign was given."""
    verdict = Verdict(attempts=len(evidence.attempts), rings=len(evidence.rings))
    verdict.outcomes = dict(Counter(str(each.outcome) for each in evidence.attempts))
    ringer_of, left = rings_of(evidence, moment)
    _rings(evidence, ringer_of, left, verdict)
    _leads(evidence, leads, verdict)
    _waits(evidence, ringer_of, moment, verdict)
    _abandons(evidence, verdict)
    for word in OUR_FAULTS:
        if count := evidence.log.count(word):
            verdict.problems.append(f"the log says {word} {count} times")
    return verdict


def rings_of(evidence: Evidence, moment: Moment) -> tuple[dict[str, CdrRow], int]:
    """The ring of each attempt, by its call id; and how many rings belong to none."""
    rows: dict[str, list[CdrRow]] = {}
    for row in sorted(evidence.rings, key=lambda row: row.start_at):
        rows.setdefault(row.number, []).append(row)
    found: dict[str, CdrRow] = {}
    for attempt in evidence.attempts:
        started = moment.true_time(attempt.started_at) - timedelta(seconds=0.5)
        mine = next((row for row in rows.get(attempt.phone, []) if row.start_at >= started), None)
        if mine is not None:
            rows[attempt.phone].remove(mine)
            found[attempt.call_id] = mine
    return found, sum(len(left) for left in rows.values())


def _rings(evidence: Evidence, ringer_of: dict[str, CdrRow], left: int, verdict: Verdict) -> None:
    """Rings that belong to no attempt, and attempts that cannot have ended as they say without a ring."""
    unrung = Counter(str(a.outcome) for a in evidence.attempts if a.call_id not in ringer_of)
    verdict.unrung = dict(unrung)
    verdict.rung_without_attempt = left
    if verdict.rung_without_attempt:
        verdict.problems.append(f"{verdict.rung_without_attempt} rings that no attempt explains")
    if wrong := {name: n for name, n in unrung.items() if name in _MUST_HAVE_RUNG}:
        verdict.problems.append(f"attempts that never rang, closed as {wrong}")


_MUST_HAVE_RUNG = frozenset(
    str(outcome)
    for outcome in (
        Outcome.TALKED,
        Outcome.ABANDONED,
        Outcome.MACHINE,
        Outcome.HUNG_UP,
        Outcome.BUSY,
        Outcome.REJECTED,
        Outcome.NO_ANSWER,
    )
)


def _leads(evidence: Evidence, given: int, verdict: Verdict) -> None:
    verdict.leads = len(evidence.leads)
    held = [lead for lead in evidence.leads if lead.state not in AT_REST or lead.owner is not None]
    verdict.leads_held = len(held)
    if len(evidence.leads) != given:
        verdict.problems.append(f"{given - len(evidence.leads)} leads are gone")
    if held:
        states = dict(Counter(str(lead.state) for lead in held))
        verdict.problems.append(f"leads held back: {states}")
    if still := sum(each.ended_at is None for each in evidence.attempts):
        verdict.problems.append(f"{still} attempts have no end")
    tried = {attempt.phone for attempt in evidence.attempts}
    if forgotten := sum(
        lead.state is LeadState.NEW for lead in evidence.leads if lead.phone in tried
    ):
        verdict.problems.append(f"{forgotten} leads have an attempt and count as never tried")


def _waits(
    evidence: Evidence, ringer_of: dict[str, CdrRow], moment: Moment, verdict: Verdict
) -> None:
    """Who answered and was joined with nobody: how long until the end. A person frozen with the far end is timed by the PBX."""
    pbx = {row.uniqueid: row for row in evidence.pbx}
    limit = LIMIT_SECONDS + TOLERANCE
    for attempt in evidence.attempts:
        row = ringer_of.get(attempt.call_id)
        if row is None or row.answer_at is None:
            continue
        verdict.answered += 1
        mine = pbx.get(attempt.call_id)
        if moment.pbx_died and mine is None and row.start_at <= moment.healed_at:
            verdict.cut_by_pbx += 1
            continue
        if mine is not None and mine.end_at < row.answer_at:
            verdict.answered_late += 1
            continue
        if attempt.bridged_at is not None or (mine and _talked(mine)):
            continue
        seconds = row.talk_seconds
        if moment.far_end_stood_still and mine is not None and _overlaps(row, moment):
            seconds = mine.talk_seconds
        verdict.longest_wait_seconds = max(verdict.longest_wait_seconds, round(seconds, 3))
        verdict.waits_too_long += seconds > limit
    if verdict.waits_too_long:
        verdict.problems.append(f"{verdict.waits_too_long} persons waited longer than {limit} s")


def _talked(row: CdrRow) -> bool:
    """By the PBX's own record: the extension is the agent's code (`w` while a person waits)."""
    return row.context == TALK_CONTEXT and row.extension.isdigit()


def _overlaps(row: CdrRow, moment: Moment) -> bool:
    return row.start_at <= moment.healed_at and row.end_at >= moment.struck_at


def _abandons(evidence: Evidence, verdict: Verdict) -> None:
    ours = {a.call_id for a in evidence.attempts if a.outcome is Outcome.ABANDONED}
    verdict.abandoned = len(ours)
    wrong = ours ^ evidence.abandoned
    verdict.abandoned_mismatch = len(wrong)
    if wrong:
        outcome_of = {a.call_id: str(a.outcome) for a in evidence.attempts}
        said = dict(Counter(outcome_of[call_id] for call_id in wrong))
        verdict.problems.append(f"abandoned by the PBX's word or by ours, not by both: {said}")


def first_after(instants: Sequence[datetime], healed_at: datetime) -> float | None:
    """Seconds from the fault's end to the first of `instants` after it."""
    later = [at for at in instants if at > healed_at]
    return round((min(later) - healed_at).total_seconds(), 1) if later else None


def talks_after(
    attempts: Sequence[StoredAttempt], moment: Moment, *, started_after: datetime
) -> list[StoredAttempt]:
    """Attempts that began after an instant and became talks."""
    return [
        each
        for each in attempts
        if each.bridged_at is not None and moment.true_time(each.started_at) > started_after
    ]
