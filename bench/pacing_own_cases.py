"""Scenarios beyond the eight: what goes wrong on a floor, each with bounds that the product must hold.

What the policy is told beforehand (`LeanScenario.as_told`) mentions none of it.
"""

from dataclasses import dataclass, replace

from bench.pacing_cases import CASES
from dialer.brake import MOST_BORROWED
from dialer.simulator.lean_scenario import LeanScenario, LogNormal, Mixture


@dataclass(frozen=True, kw_only=True, slots=True)
class OwnCase:
    """`worst_hour` (a share) bounds the mean over the shifts; no shift may end above its limit.

    `lent`: by so many abandoned calls it may, since it ends while they are lent from an end that was announced and does not come.
    `wait` is the most mean seconds between calls; `wait_of` bounds it by another case or policy: (case, policy, factor).
    `whole_list`: every lead is dialled. `peer` is the policy that is judged.
    """

    about: str
    scenario: LeanScenario
    worst_hour: float | None = None
    wait: float | None = None
    wait_of: tuple[str, str, float] | None = None
    peer: str = "engine"
    whole_list: bool = False
    lent: float = 0.0


TEN, TWENTY = CASES["S2"], CASES["S3"]
FLOOR = replace(TWENTY, person=((0, 0.25),), talk=LogNormal(100, 0.9), wrap=LogNormal(12, 0.7))
"""Twenty agents, a quarter of the calls answered."""

OWN: dict[str, OwnCase] = {
    "two": OwnCase(
        about="two agents alone",
        scenario=replace(CASES["S1"], staffing=((0, 2),), person=((0, 0.30),)),
        wait_of=("two", "progressive", 1.02),
    ),
    "short-list": OwnCase(
        about="a list of 600 that runs out",
        scenario=replace(FLOOR, leads=600),
        wait_of=("short-list", "progressive", 1.0),
        whole_list=True,
    ),
    "one-percent": OwnCase(
        about="S2 with a limit of 1 %",
        scenario=replace(TEN, limit=0.01),
        wait=30.6,
        worst_hour=0.025,
    ),
    "cold-to-hot": OwnCase(
        about="the share answered jumps from .08 to .5 at half time",
        scenario=replace(FLOOR, person=((0, 0.08), (7_200, 0.5))),
        worst_hour=0.055,
    ),
    "half-leave": OwnCase(
        about="half of twenty agents leave at once at half time",
        scenario=replace(FLOOR, staffing=((0, 20), (7_200, 10))),
        worst_hour=0.055,
    ),
    "held-trunk": OwnCase(
        about="the trunk holds every call for a minute, then lets all of them ring; three times",
        scenario=replace(FLOOR, holds=((3_600, 3_660), (7_200, 7_260), (10_800, 10_860))),
        worst_hour=0.055,
    ),
    "bimodal": OwnCase(
        about="three of five talks last 12 s, the others five minutes",
        scenario=replace(FLOOR, talk=Mixture(LogNormal(12, 0.5), LogNormal(300, 0.4), 0.6)),
        worst_hour=0.048,
    ),
    "late": OwnCase(
        about="S2, events told 100 to 500 ms late",
        scenario=replace(TEN, event_lag=(0.1, 0.5)),
        wait_of=("S2", "engine", 1.10),
        worst_hour=0.055,
    ),
    "later": OwnCase(
        about="S2, events told a second late",
        scenario=replace(TEN, event_lag=(1.0, 1.0)),
        wait_of=("S2", "engine", 1.25),
        worst_hour=0.055,
    ),
    "lost-ends": OwnCase(
        about="S2, one of a hundred ends of calls is told a minute late",
        scenario=replace(TEN, lost_ends=0.01),
        wait_of=("S2", "engine", 1.15),
    ),
    "cut-short": OwnCase(
        about="the shift is ended after 2.5 h of four, without a warning",
        scenario=replace(FLOOR, seconds=9_000.0, planned_seconds=14_400.0),
        worst_hour=0.055,
        lent=MOST_BORROWED,
    ),
}


def scored(base: str) -> OwnCase:
    """The leads' odds are known, and spread by 1 (standard deviation of their logarithm)."""
    return OwnCase(
        about=f"{base}, leads with known odds (log-odds spread 1)",
        scenario=replace(CASES[base], spread=1.0),
        wait_of=(scored_name(base), "engine", 1.0),
        peer="engine-scores",
        worst_hour=0.055,
    )


def scored_name(base: str) -> str:
    return "scored" if base == "S2" else f"scored-{base}"


SCORED = {scored_name(base): scored(base) for base in ("S1", "S2", "S3", "S4", "S5", "S7", "S8")}
"""Not of S6: 500 agents wait for less than two seconds, whatever is known."""

OWN |= SCORED

OWN_SHIFTS = 12

ALL: dict[str, LeanScenario] = CASES | {name: own.scenario for name, own in OWN.items()}
