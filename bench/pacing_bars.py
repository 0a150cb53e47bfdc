"""The bars of the wide pacing benchmark: what the figures must show of the engine with one configuration for all scenarios."""

from collections.abc import Iterator
from dataclasses import dataclass

from bench.pacing_cases import CASES, MANY
from bench.pacing_cells import Cell
from bench.pacing_figures import Row
from bench.pacing_own_cases import ALL, OWN, OwnCase

WAITS = {
    **{"S1": 36.1, "S2": 22.1, "S3": 18.9, "S4": 9.5},
    **{"S5": 2.4, "S6": 1.5, "S7": 14.3, "S8": 19.1},
}
EFFICIENCIES = {name: 0.70 if name == "S1" else 0.80 if name == "S3" else 0.90 for name in CASES}
SHIFT_TOLERANCE = 0.0315
EQUAL = 0.001  # of abandoned share between the engine and the reference it is compared with
SECONDS = 0.3
STRICT_EXCESS = 1.0
DECIDE_P50_MS, DECIDE_P99_MS = 1.0, 5.0


@dataclass(frozen=True, slots=True)
class Bar:
    """`holds` is None when the figures for it are not there."""

    name: str
    asked: str
    found: str
    holds: bool | None


@dataclass(frozen=True, slots=True)
class Figures:
    """Rows by scenario and policy, and the cells of the engine's rows, further shifts included."""

    rows: dict[tuple[str, str], Row]
    engine: list[Cell]
    strict: list[Cell]

    def row(self, case: str, peer: str = "engine") -> Row | None:
        return self.rows.get((case, peer))


def bars(figures: Figures) -> list[Bar]:
    return [
        *_limit(figures),
        *_waits(figures),
        *_efficiencies(figures),
        *_near_the_reference(figures),
        *_worst_hours(figures),
        *_tuned(figures),
        *_cost(figures),
        *(_own(name, own, figures) for name, own in OWN.items()),
    ]


def _percent(share: float, digits: int = 2) -> str:
    return f"{100 * share:.{digits}f} %"


def _limit(figures: Figures) -> Iterator[Bar]:
    cells = [cell for cell in figures.engine if cell.case in CASES]
    over = [cell for cell in cells if cell.abandoned > ALL[cell.case].limit]
    highest = max((cell.abandoned for cell in cells), default=0.0)
    found = f"{len(over)} of {len(cells)}, highest {_percent(highest)}"
    kept = len(over) <= 0.01 * len(cells) and highest <= SHIFT_TOLERANCE
    asked = "abandoned at the end of the shift over 3.00 % in at most one shift of a hundred, over 3.15 % never"
    yield Bar("limit", asked, found, kept if cells else None)
    wanted = sum(MANY.values())
    enough = len(cells) >= wanted or bool(over)
    asked = f"0 of {wanted} shifts end over the limit"
    yield Bar("limit, a thousand shifts", asked, found, not over if enough else None)
    strict = figures.strict
    late = sum(cell.most_excess > STRICT_EXCESS for cell in strict)
    asked = (
        "strict: never more than one call over the limit's share from the 50th answer on, in 99 %"
    )
    found = f"{len(strict) - late} of {len(strict)}"
    yield Bar("limit, strict", asked, found, late <= 0.01 * len(strict) if strict else None)


def _waits(figures: Figures) -> Iterator[Bar]:
    for case, most in WAITS.items():
        row = figures.row(case)
        found = f"{row.wait[0]:.1f} ± {row.wait[1]:.1f}, {row.shifts} shifts" if row else ""
        yield Bar(f"wait {case}", f"at most {most} s", found, row and row.wait[0] <= most)


def _efficiencies(figures: Figures) -> Iterator[Bar]:
    for case, least in EFFICIENCIES.items():
        row = figures.row(case)
        share = row.efficiency if row else None
        holds = None if share is None else share >= least
        found = "" if share is None else f"{share:.2f}"
        yield Bar(f"efficiency {case}", f"at least {least:.2f}", found, holds)


def _near_the_reference(figures: Figures) -> Iterator[Bar]:
    for case in CASES:
        oracle = figures.row(case, "oracle-equal")
        small = case == "S1"
        asked = "at most 1.15 x" if small else "at most 1.10 x, or 0.3 s more"
        name = f"wait {case} against the reference at the same share abandoned"
        if oracle is None or oracle.slower is None or oracle.more is None:
            yield Bar(name, asked, "", None)
            continue
        best, apart = oracle.wait[0], abs(oracle.more[0])
        wait = best - oracle.slower[0]
        within = wait <= (1.15 * best if small else max(1.10 * best, best + SECONDS))
        found = f"{wait:.2f} s, {wait / best:.2f} x {best:.2f} s; shares {_percent(apart)} apart"
        yield Bar(name, asked, found, within if apart <= EQUAL else None)  # else: not comparable


def _worst_hours(figures: Figures) -> Iterator[Bar]:
    for case, scenario in CASES.items():
        agents = scenario.most_agents
        most = 0.055 if agents <= 10 else 0.048 if agents <= 50 else 0.036
        row = figures.row(case)
        found = _percent(row.worst_hour[0]) if row else ""
        holds = row and row.worst_hour[0] <= most
        yield Bar(f"worst hour {case}", f"mean at most {_percent(most, 1)}", found, holds)


def _tuned(figures: Figures) -> Iterator[Bar]:
    for case in CASES:
        row = figures.row(case)
        for peer in ("vicidial-tuned", "ratio-tuned"):
            other, found, holds = figures.row(case, peer), "", None
            if row and other:
                found = f"{sum(row.wait):.1f} s against {other.wait[0] - other.wait[1]:.1f} s"
                holds = sum(row.wait) < other.wait[0] - other.wait[1]
            name = f"wait {case} against {peer}"
            yield Bar(name, "less, 95 % intervals apart", found, holds)


def _cost(figures: Figures) -> Iterator[Bar]:
    row = figures.row("S6")
    asked = (
        f"one decision, 500 agents: p50 below {DECIDE_P50_MS:g} ms, p99 below {DECIDE_P99_MS:g} ms"
    )
    found = f"{row.decide_p50_ms:.2f} / {row.decide_p99_ms:.2f} ms" if row else ""
    holds = row and row.decide_p50_ms < DECIDE_P50_MS and row.decide_p99_ms < DECIDE_P99_MS
    yield Bar("decision S6", asked, found, holds)


def _own(name: str, own: OwnCase, figures: Figures) -> Bar:
    row = figures.row(name, own.peer)
    bounds = list(_own_bounds(own, row, figures))
    asked = "; ".join(bound.asked for bound in bounds)
    title = f"{name}: {own.about}"
    if row is None or any(bound.most is None for bound in bounds):
        return Bar(title, asked, "", None)
    found = "; ".join(bound.found for bound in bounds)
    return Bar(title, asked, found, all(bound.holds for bound in bounds))


@dataclass(frozen=True, slots=True)
class Bound:
    """`most` is None when what it is measured by is not there."""

    asked: str
    found: str
    value: float
    most: float | None

    @property
    def holds(self) -> bool:
        return self.most is not None and self.value <= self.most


def _own_bounds(own: OwnCase, row: Row | None, figures: Figures) -> Iterator[Bound]:
    shifts = row.shifts if row else 0
    over, wait, hour = (row.over_limit, row.wait[0], row.worst_hour[0]) if row else (0, 0, 0)
    if own.lent:
        yield _lent(own, row, figures)
    else:
        yield Bound("no shift over the limit", f"{over * shifts:.0f} of {shifts}", over, 0.0)
    if own.wait is not None:
        yield Bound(f"wait at most {own.wait} s", f"{wait:.1f} s", wait, own.wait)
    if own.wait_of is not None:
        case, peer, factor = own.wait_of
        other = figures.row(case, peer)
        most = factor * other.wait[0] if other else None
        of = f"that of {peer}" if own.scenario is ALL[case] else f"its wait in {case}"
        found = f"{wait:.1f} s against {other.wait[0]:.1f} s" if other else ""
        yield Bound(f"wait at most {factor} x {of}", found, wait, most)
    if own.worst_hour is not None:
        asked = f"worst hour, mean, at most {_percent(own.worst_hour, 1)}"
        yield Bound(asked, _percent(hour, 1), hour, own.worst_hour)
    if own.whole_list:
        yield _whole_list(own, row, figures)


def _lent(own: OwnCase, row: Row | None, figures: Figures) -> Bound:
    """What was lent may be missing at the end: the legal window goes on, and the next shift in it repays."""
    cells = [c for c in figures.engine if row and c.case == row.case]
    most = max(((c.abandoned - own.scenario.limit) * c.answered for c in cells), default=0.0)
    asked = f"never more than {own.lent:g} abandoned calls above the limit's share"
    return Bound(asked, f"at most {most:.1f}", round(most, 6), own.lent)


def _whole_list(own: OwnCase, row: Row | None, figures: Figures) -> Bound:
    leads = own.scenario.leads or 0
    called = [c.dialled - c.cancelled for c in figures.engine if c.case == row.case] if row else []
    fewest = min(called, default=0)
    return Bound("every lead dialled", f"{fewest} of {leads}", leads - fewest, 0.0)
