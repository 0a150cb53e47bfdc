"""How a campaign stands with every window of its law, the formula written out with its numbers. Pure."""

from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

from dialer.abandonment import (
    SYMBOLS,
    AbandonFormula,
    AbandonRatio,
    Counts,
    EventClass,
    message_ok,
    percent,
    ratio_of,
)
from dialer.profiles import AbandonWindow
from dialer.texts import Language, text


@dataclass(frozen=True, kw_only=True, slots=True)
class WindowReport:
    """One window at one instant. `since` None: from the first call on; `until` None: it ends with the campaign."""

    window: AbandonWindow
    formula: AbandonFormula
    since: datetime | None
    until: datetime | None
    counts: Counts
    machine_error: Fraction

    @property
    def ratio(self) -> AbandonRatio:
        return ratio_of(self.counts, self.formula, self.machine_error)

    @property
    def verdict(self) -> str:
        """ok, over, or no_data."""
        within = self.ratio.within(self.window.limit_ppm)
        return {None: "no_data", True: "ok", False: "over"}[within]

    @property
    def message_ok(self) -> bool:
        return message_ok(self.counts)

    @property
    def written_out(self) -> str:
        """(L 1 + S 2 + FP 0.3) / (C 90 + L 1 + S 2 + FP 0.3) = 3.3/93.3 = 3.5370 %, limit 3 %."""
        found = self.ratio
        above = self._sum(self.formula.abandoned)
        below = self._sum(self.formula.counted)
        shown = percent(found.ratio)
        result = "-" if shown is None else f"{shown} %"
        numbers = f"{_number(found.abandoned)}/{_number(found.answered)}"
        limit = percent(Fraction(self.window.limit_ppm, 1_000_000))
        return f"({above}) / ({below}) = {numbers} = {result} (<= {limit} %)"

    def _sum(self, classes: frozenset[EventClass]) -> str:
        if not self.formula.machine_credit:
            classes = classes - {EventClass.UNSCREENED_DROP}  # never there
        terms = [f"{SYMBOLS[of]} {self.counts.get(of, 0)}" for of in EventClass if of in classes]
        if self.formula.amd_fp_included:
            terms.append(f"FP {_number(self.ratio.false_machines)}")
        told = " + ".join(terms)
        return f"{told} - {_number(self.ratio.credited)}" if self.ratio.credited else told


def _number(value: Fraction) -> str:
    """Whole where it is; else with up to four decimals, half up."""
    if value.denominator == 1:
        return str(value.numerator)
    return f"{float(value):.4f}".rstrip("0").rstrip(".")


def lines(report: WindowReport, language: Language) -> list[str]:
    """For people."""
    since = report.since.isoformat(timespec="minutes") if report.since else "-"
    until = report.until.isoformat(timespec="minutes") if report.until else "-"
    verdict = text(f"abandonment.{report.verdict}", language)
    head = text(
        "abandonment.window",
        language,
        window=text(f"abandonment.{report.window.type.value}", language),
        scope=text(f"abandonment.scope_{report.window.scope.value}", language),
        since=since,
        until=until,
        verdict=verdict,
    )
    told = [head, f"  {report.written_out}"]
    machines = report.counts.get(EventClass.MACHINE, 0)
    if report.formula.amd_fp_included and machines:
        share = percent(report.machine_error)
        told.append(
            "  " + text("abandonment.machines", language, count=machines, share=f"{share} %")
        )
    if not report.message_ok:
        silent = report.counts.get(EventClass.SILENT, 0)
        told.append("  " + text("abandonment.silent", language, count=silent))
    return told
