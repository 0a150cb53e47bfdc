"""The matrix as a page of the documentation, from the figures of `bench/results/faults.json`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from statistics import median
from typing import Any

from bench.faults.catalogue import Fault

HEAD = """# Fault matrix

Written by `python -m bench.faults --moments {moments} --seed {seed}`; do not edit.
A real pair of Asterisk servers, the server as a process, {agents} agents' phones, a campaign that dials two or three persons a
second (answers, machines, busy lines, nobody at home, no reply). Each fault is struck at {moments} moments drawn from the seed,
while calls ring, wait and talk. Nobody helps: a process that was killed is started again as a supervisor would, and a phone whose
call has ended dials in again.

Commit {commit}, {at}; {cpu}, {cores} cores, Python {python}. {survived} of {all} moments survived.

{titles}
{lines}
"""

TITLES = (
    "fault",
    "survived",
    "attempts",
    "rings",
    "rung twice",
    "leads held",
    "longest wait, s",
    "abandoned",
    "first ring, s",
    "first talk, s",
    "all agents at work, s",
)

FOOT = """
- **attempts, rings**: what the database wrote, and the calls that arrived at the far end by its own records, of all moments
  together. Each ring belongs to one attempt of its number, begun before it; *rung twice* counts the rings that belong to none.
  Attempts without a ring: {unrung}.
- **leads held**: neither new, nor done, nor waiting for their next time when all is over.
- **longest wait**: from answer to end, of persons who were joined with no agent, by the far end's record (limit {limit:g} s;
  {tolerance:g} s more are allowed for the hang-up's way). Not counted: {cut} persons whose call was cut when Asterisk itself
  died; no program can speak for a dead PBX; and {late} who picked up when the PBX had given the call up long before (the far
  end had stood still), to whom nobody is connected.
- **abandoned**: calls that the database closed as abandoned, which must be exactly those that the PBX's own database names.
- **first ring, first talk, all agents at work**: median seconds (longest in brackets) from the end of the fault to the first new
  ring at the far end, to the first talk of a call dialled after it, and until each agent has had such a talk. How long the fault
  itself lasted stands in its name. After Asterisk was killed it is the phones that take the time: nothing tells them, and they
  hang up when they have heard nothing for 30 s. The seconds hold as much of the campaign's own rhythm:
  with all agents in talks it rings nobody for up to five seconds, fault or none (Redis, for one, is not needed to dial).
- A moment is survived when all of this holds, every attempt has its end, every agent is available again without help, the server
  logs no fault of its own and ends in order when it is told to.
"""


def page(
    figures: dict[str, Any], faults: Sequence[Fault], agents: int, limit: float, tolerance: float
) -> str:
    """The whole page."""
    results = figures["results"]
    machine = figures["machine"]
    head = HEAD.format(
        moments=figures["moments"],
        seed=figures["seed"],
        agents=agents,
        commit=", ".join(sorted({each["commit"] for each in results})),
        at=figures["at"][:16].replace("T", " ") + " UTC",
        cpu=machine["cpu"],
        cores=machine["cores"],
        python=machine["python"],
        survived=sum(not each["problems"] for each in results),
        all=len(results),
        titles="| " + " | ".join(TITLES) + " |",
        lines="|---" * len(TITLES) + "|",
    )
    rows = [_row(fault, [r for r in results if r["fault"] == fault.name]) for fault in faults]
    unrung: Counter[str] = Counter()
    for each in results:
        unrung.update(each["judged"]["unrung"])
    foot = FOOT.format(
        unrung=", ".join(f"{n} {name}" for name, n in unrung.most_common()) or "none",
        limit=limit,
        tolerance=tolerance,
        late=sum(each["judged"]["answered_late"] for each in results),
        cut=sum(each["judged"]["cut_by_pbx"] for each in results),
    )
    return head + "\n".join(rows) + "\n" + foot + _problems(results)


def _row(fault: Fault, results: list[dict[str, Any]]) -> str:
    judged = [each["judged"] for each in results]

    def total(name: str) -> int:
        return sum(each[name] for each in judged)

    cells = [
        fault.words,
        f"{sum(not each['problems'] for each in results)} of {len(results)}",
        str(total("attempts")),
        str(total("rings")),
        str(total("rung_without_attempt")),
        str(total("leads_held")),
        f"{max((each['longest_wait_seconds'] for each in judged), default=0):.2f}",
        str(total("abandoned"))
        + (f" ({total('abandoned_mismatch')} differ)" if total("abandoned_mismatch") else ""),
        *(
            _seconds(results, name)
            for name in ("first_ring_seconds", "first_talk_seconds", "team_seconds")
        ),
    ]
    return "| " + " | ".join(cells) + " |"


def _seconds(results: list[dict[str, Any]], name: str) -> str:
    known = [each[name] for each in results if each[name] is not None]
    if len(known) < len(results) or not known:
        return "not always"
    return f"{median(known):.1f} ({max(known):.1f})"


def _problems(results: list[dict[str, Any]]) -> str:
    lines = [
        f"- `{each['fault']}`, moment {each['number']}: {problem}"
        for each in results
        for problem in each["problems"]
    ]
    return "\n## What did not hold\n\n" + "\n".join(lines) + "\n" if lines else ""
