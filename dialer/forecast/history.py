"""What a campaign has measured, instead of guesses: the world of a forecast fitted to its attempts."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from dialer.errors import ConflictError, NotFoundError
from dialer.forecast.measured import measured
from dialer.ids import CampaignId
from dialer.leads import PERSON_ANSWERED, Outcome
from dialer.ports import Attempt, Stores
from dialer.simulator.distributions import Distribution
from dialer.simulator.scenario import Scenario, Shares

MOST_ATTEMPTS = 50_000
"""The newest are taken: people change, and so do lists."""

LEAST_ATTEMPTS = 200
"""With fewer the share of persons is not known to five points either way, and there is nothing to forecast by."""

LEAST_TIMES = 30
"""Fewer of one kind of duration say nothing of its spread: the scenario's stays."""

SAYS_NOTHING = frozenset({Outcome.LOST, Outcome.FAILED, Outcome.CANCELLED})
"""Attempts that do not tell what the number comes to."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """`times`: of each duration that was fitted, how many were measured."""

    world: Scenario
    attempts: int
    since: datetime
    until: datetime
    times: dict[str, int]


async def history_of(stores: Stores, campaign: str) -> tuple[str, list[Attempt]]:
    """A campaign's name and its newest ended attempts. Raises NotFoundError, naming those that there are."""
    found = await stores.campaigns.by_name(campaign)
    try:
        found = found or await stores.campaigns.get(CampaignId(campaign))
    except NotFoundError:
        known = ", ".join(each.policy.name for each in await stores.campaigns.all()) or "none"
        raise NotFoundError(f"no campaign {campaign!r}; there are: {known}") from None
    policy = found.policy
    return policy.name, await stores.attempts.last_ended(policy.campaign_id, MOST_ATTEMPTS)


def fit(attempts: Sequence[Attempt], world: Scenario, campaign: str) -> Fitted:
    """`world` with the shares and durations of the attempts. What they do not tell stays: see docs/howto/forecast.md.

    Raises ConflictError when there are too few.
    """
    telling = [each for each in attempts if each.outcome and each.outcome not in SAYS_NOTHING]
    if len(telling) < LEAST_ATTEMPTS:
        raise ConflictError(
            f"campaign {campaign!r} has {len(telling)} attempts to learn from; "
            f"at least {LEAST_ATTEMPTS} are needed"
        )
    samples = _samples(telling)
    fitted: dict[str, Distribution] = {
        name: measured(values) for name, values in samples.items() if len(values) >= LEAST_TIMES
    }
    return Fitted(
        world=replace(world, shares=_shares(telling), **fitted),  # type: ignore[arg-type]
        attempts=len(telling),
        since=min(each.started_at for each in telling),
        until=max(each.started_at for each in telling),
        times={name: len(samples[name]) for name in fitted},
    )


def _shares(attempts: Sequence[Attempt]) -> Shares:
    """Numbers that do not exist are a share of the leads, since each is tried once; the others are shares of the attempts to
    numbers that do exist."""
    counts = Counter(each.outcome for each in attempts)
    leads = {each.lead_id for each in attempts}
    bad = {each.lead_id for each in attempts if each.outcome is Outcome.INVALID_NUMBER}
    invalid = len(bad) / len(leads)
    others = counts.total() - counts[Outcome.INVALID_NUMBER]

    def share(outcomes: Collection[Outcome]) -> float:
        return (1 - invalid) * sum(counts[each] for each in outcomes) / max(others, 1)

    return Shares(
        person=share(PERSON_ANSWERED),
        machine=share({Outcome.MACHINE}),
        fax=0.0,
        busy=share({Outcome.BUSY}),
        invalid=invalid,
        rejected=share({Outcome.REJECTED}),
        congested=share({Outcome.CONGESTION}),
        dead=share({Outcome.UNREACHABLE}),
    )


def _samples(attempts: Sequence[Attempt]) -> dict[str, list[float]]:
    """Seconds, by the scenario's names."""
    found: dict[str, list[float]] = {"post_dial": [], "ring": [], "machine_ring": [], "talk": []}
    for each in attempts:
        if each.ringing_at is not None:
            found["post_dial"].append(_seconds(each.started_at, each.ringing_at))
            if each.answered_at is not None:
                kind = "machine_ring" if each.outcome is Outcome.MACHINE else "ring"
                found[kind].append(_seconds(each.ringing_at, each.answered_at))
        if each.outcome is Outcome.TALKED and each.bridged_at and each.ended_at:
            found["talk"].append(_seconds(each.bridged_at, each.ended_at))
    return found


def _seconds(since: datetime, until: datetime) -> float:
    return max((until - since).total_seconds(), 0.0)
