"""What the replications of each policy come to together: means with their 95 % intervals, and shares with theirs."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from dialer.forecast.intervals import Band, band, wilson
from dialer.forecast.plan import Plan, PolicyPlan
from dialer.forecast.replication import Bin, Replication
from dialer.profiles import AbandonWindow

FIGURES: dict[str, Callable[[Replication], float]] = {
    "talk_share": lambda one: one.talk_share,
    "occupancy": lambda one: one.occupancy,
    "wait_seconds": lambda one: one.wait_seconds,
    "abandon_ratio": lambda one: one.abandon_ratio,
    "dialled": lambda one: one.dialled,
    "answered": lambda one: one.answered,
    "talks": lambda one: one.talks,
    "lines_needed": lambda one: one.lines,
    "starved_share": lambda one: one.starved_share,
}
"""By name in the JSON, what is averaged. Shares 0..1, times in seconds."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LawForecast:
    """One window of the profile's law. `ratio`: of the worst day or period of each replication."""

    profile: str
    window: str
    limit_ratio: float
    ratio: Band
    over: int  # replications in which it was over the limit
    over_share: float
    over_interval: tuple[float, float]


@dataclass(frozen=True, kw_only=True, slots=True)
class ListForecast:
    """Working hours. A band only where every replication came to it; else how many did within the days."""

    leads: int
    first_pass: int  # replications that tried every lead once
    hours_first_pass: Band | None
    exhausted: int  # replications that left nobody to try
    hours_exhausted: Band | None
    leads_left: Band


@dataclass(frozen=True, kw_only=True, slots=True)
class PolicyForecast:
    name: str
    agents: int
    mode: str
    replications: int
    figures: dict[str, Band]
    laws: tuple[LawForecast, ...]
    list: ListForecast | None
    held_by: dict[str, float]  # mean share of the time, by what bound the pacing
    against_first: dict[str, Band]  # paired by seed: this policy less the first
    timeline: tuple[Bin, ...]  # means

    @property
    def keeps_the_law(self) -> bool:
        return not any(law.over for law in self.laws)


@dataclass(frozen=True, kw_only=True, slots=True)
class Forecast:
    """`hours`: at most, of each replication."""

    name: str
    hours: float
    policies: tuple[PolicyForecast, ...]

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def forecast_of(plan: Plan, results: Sequence[Replication]) -> Forecast:
    """`results`: every seed of every policy, in any order."""
    by_policy = {
        policy.name: sorted(
            (one for one in results if one.policy == policy.name), key=lambda one: one.seed
        )
        for policy in plan.policies
    }
    first = by_policy[plan.policies[0].name]
    return Forecast(
        name=plan.name,
        hours=plan.length.total_seconds() / 3600 * len(plan.days),
        policies=tuple(
            _policy(policy, by_policy[policy.name], first, plan.leads) for policy in plan.policies
        ),
    )


def _policy(
    policy: PolicyPlan, own: list[Replication], first: list[Replication], leads: int | None
) -> PolicyForecast:
    bounds = sorted({bound for one in own for bound in one.held_by})
    return PolicyForecast(
        name=policy.name,
        agents=policy.most_agents,
        mode=policy.rules.policy.mode.value,
        replications=len(own),
        figures={name: band([of(one) for one in own]) for name, of in FIGURES.items()},
        laws=_laws(policy, own),
        list=_list(own, leads) if leads is not None else None,
        held_by={
            bound: sum(one.held_by.get(bound, 0.0) for one in own) / len(own) for bound in bounds
        },
        against_first={
            name: band([of(one) - of(other) for one, other in zip(own, first, strict=True)])
            for name, of in FIGURES.items()
            if own is not first
        },
        timeline=tuple(_bins(own)),
    )


def _laws(policy: PolicyPlan, own: list[Replication]) -> tuple[LawForecast, ...]:
    profile = policy.rules.profile
    return tuple(
        LawForecast(
            profile=profile.id,
            window=window_name(window),
            limit_ratio=window.limit_ratio,
            ratio=band([one.laws[index].ratio for one in own]),
            over=(over := sum(one.laws[index].over for one in own)),
            over_share=over / len(own),
            over_interval=wilson(over, len(own)),
        )
        for index, window in enumerate(profile.windows)
    )


def window_name(window: AbandonWindow) -> str:
    return window.type.value


def _list(own: list[Replication], leads: int) -> ListForecast:
    passed = [one.hours_first_pass for one in own if one.hours_first_pass is not None]
    exhausted = [one.hours_exhausted for one in own if one.hours_exhausted is not None]
    return ListForecast(
        leads=leads,
        first_pass=len(passed),
        hours_first_pass=band(passed) if len(passed) == len(own) else None,
        exhausted=len(exhausted),
        hours_exhausted=band(exhausted) if len(exhausted) == len(own) else None,
        leads_left=band([one.leads_left or 0 for one in own]),
    )


def _bins(own: list[Replication]) -> list[Bin]:
    """The mean of each stretch, over the replications that have it; lines: the most of any."""
    return [
        Bin(
            hour=bins[0].hour,
            talk_share=_mean([each.talk_share for each in bins]),
            wait_seconds=_mean([each.wait_seconds for each in bins]),
            abandon_ratio=_mean([each.abandon_ratio for each in bins]),
            lines=max(each.lines for each in bins),
        )
        for bins in zip(*(one.timeline for one in own), strict=True)
    ]


def _mean(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None
