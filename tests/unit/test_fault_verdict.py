"""The rules by which the fault matrix judges a moment, on records written by hand."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product

import pytest

from bench.faults.__main__ import PAGE, page
from bench.faults.catalogue import all_faults
from bench.faults.evidence import Evidence, StoredAttempt, StoredLead
from bench.faults.verdict import Moment, Verdict, judge
from bench.report import RESULTS
from dialer.leads import LeadState, Outcome
from dialer.testbed import CdrRow

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
MOMENT = Moment(struck_at=NOON + timedelta(seconds=20), healed_at=NOON + timedelta(seconds=25))
PHONE, CALL = "+390690000001", "call-1"


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


ATTEMPT = StoredAttempt(
    call_id=CALL,
    phone=PHONE,
    started_at=at(10),
    bridged_at=at(12.5),
    ended_at=at(17),
    outcome=Outcome.TALKED,
    agent_id="2301",
)


def ring(begin: float, answer: float | None, end: float) -> CdrRow:
    return CdrRow(
        uniqueid="far-1",
        channel="PJSIP/pbx-1",
        context="public",
        extension=PHONE,
        number=PHONE,
        start_at=at(begin),
        answer_at=None if answer is None else at(answer),
        end_at=at(end),
        disposition="ANSWERED",
    )


WELL = Evidence(
    leads=[StoredLead(PHONE, LeadState.DONE, None)],
    attempts=[ATTEMPT],
    rings=[ring(10.1, 12, 17)],
    pbx=[],
    abandoned=frozenset(),
    log="",
)
UNJOINED = replace(ATTEMPT, bridged_at=None, agent_id=None, outcome=Outcome.HUNG_UP)


def judged(evidence: Evidence, moment: Moment = MOMENT) -> Verdict:
    return judge(evidence, moment, leads=1)


def test_a_moment_that_went_well() -> None:
    verdict = judged(WELL)
    assert (verdict.problems, verdict.attempts, verdict.rings) == ([], 1, 1)


BROKEN: list[tuple[str, Evidence]] = [
    ("no attempt explains", replace(WELL, rings=[*WELL.rings, ring(18, None, 19)])),
    ("no attempt explains", replace(WELL, rings=[ring(8, 12, 17)])),
    ("never rang", replace(WELL, rings=[])),
    (
        "leads held back",
        replace(WELL, leads=[StoredLead(PHONE, LeadState.RESERVED, "team:main#1")]),
    ),
    ("leads held back", replace(WELL, leads=[StoredLead(PHONE, LeadState.DIALING, None)])),
    ("1 leads are gone", replace(WELL, leads=[], attempts=[], rings=[])),
    ("count as never tried", replace(WELL, leads=[StoredLead(PHONE, LeadState.NEW, None)])),
    ("have no end", replace(WELL, attempts=[replace(ATTEMPT, ended_at=None)])),
    ("waited longer", replace(WELL, attempts=[UNJOINED], rings=[ring(10.1, 12, 15.5)])),
    ("abandoned by", replace(WELL, abandoned=frozenset({CALL}))),
    ("abandoned by", replace(WELL, attempts=[replace(ATTEMPT, outcome=Outcome.ABANDONED)])),
    ("the log says Traceback", replace(WELL, log="Traceback (most recent call last)")),
]


@pytest.mark.parametrize(("problem", "evidence"), BROKEN)
def test_what_went_wrong_is_named(problem: str, evidence: Evidence) -> None:
    assert [each for each in judged(evidence).problems if problem in each]


def test_a_wait_within_the_limit_is_none_too_long() -> None:
    verdict = judged(replace(WELL, attempts=[UNJOINED], rings=[ring(10.1, 12, 15)]))
    assert (verdict.problems, verdict.longest_wait_seconds) == ([], 3.0)


def test_a_talk_that_only_the_pbx_saw_is_no_wait() -> None:
    seen = replace(ring(10, 12, 20), uniqueid=CALL, context="dialer-talk", extension="2301")
    evidence = replace(WELL, attempts=[UNJOINED], rings=[ring(10.1, 12, 20)], pbx=[seen])
    assert judged(evidence).problems == []
    waited = replace(seen, extension="w")
    assert judged(replace(evidence, pbx=[waited])).waits_too_long == 1


def test_whoever_is_cut_by_a_dead_pbx_is_counted_apart() -> None:
    lost = replace(UNJOINED, outcome=Outcome.LOST)
    evidence = replace(WELL, attempts=[lost], rings=[ring(10.1, 12, 40)])
    assert judged(evidence).waits_too_long == 1
    verdict = judged(evidence, replace(MOMENT, pbx_died=True))
    assert (verdict.problems, verdict.cut_by_pbx) == ([], 1)


def test_whoever_answers_when_the_pbx_has_given_up_is_counted_apart() -> None:
    given_up = replace(ring(10, None, 22), uniqueid=CALL, context="dialer-inbound")
    missed = replace(UNJOINED, outcome=Outcome.UNREACHABLE)
    evidence = replace(WELL, attempts=[missed], rings=[ring(50, 52, 57)], pbx=[given_up])
    verdict = judged(evidence)
    assert (verdict.problems, verdict.answered_late) == ([], 1)


def test_two_attempts_may_ring_a_number_twice() -> None:
    again = replace(ATTEMPT, call_id="call-2", started_at=at(30), bridged_at=at(33))
    rings = [*WELL.rings, ring(30.1, 32, 40)]
    assert judged(replace(WELL, attempts=[ATTEMPT, again], rings=rings)).problems == []


@pytest.mark.parametrize("hours", [1, -1])
def test_after_a_step_of_the_clock_an_attempt_still_finds_its_ring(hours: int) -> None:
    step = timedelta(hours=hours)
    stepped = replace(ATTEMPT, started_at=at(30) + step, bridged_at=at(33) + step)
    evidence = replace(WELL, attempts=[stepped], rings=[ring(30.1, 32, 40)])
    assert judged(evidence, replace(MOMENT, clock_step=step)).problems == []
    assert judged(
        replace(evidence, rings=[ring(20, 32, 40)]), replace(MOMENT, clock_step=step)
    ).problems


def test_the_page_is_what_the_figures_give() -> None:
    """`python -m bench.faults` writes both; nobody edits them."""
    figures = json.loads((RESULTS / "faults.json").read_text(encoding="utf-8"))
    assert PAGE.read_text(encoding="utf-8") == page(figures)


def test_every_fault_was_struck_at_every_moment() -> None:
    figures = json.loads((RESULTS / "faults.json").read_text(encoding="utf-8"))
    struck = {(each["fault"], each["number"]) for each in figures["results"]}
    assert struck == set(product(all_faults(), range(1, figures["moments"] + 1)))
