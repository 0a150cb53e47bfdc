"""The scenario of `bench.truth`: a list of far-end numbers that spell out a consumer campaign in Italy with shortened talks.

Ringing is that of the simulator's own scenario ITALY (post-dial delay and ringing together, to the half second), the ring
time-out and the grace are the product's. Everybody who answers is a person; voicemail is not played.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import count
from random import Random

from asterisk_conf.numbering import SERIALS, FarEndBehaviour, FarEndKind, encode
from dialer.campaign import CampaignPolicy
from dialer.leads import Lead
from dialer.simulator.scenario import ITALY
from tests.support.live_server import campaign
from tests.support.shift import CAMPAIGN, TEAM, new_lead

LONGEST_RING = 24.5
"""Later answers would race with the server's ring time-out of 25 s."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """What both sides work. Shares 0..1."""

    agents: int
    minutes: float
    warm_up_minutes: float
    """Left out of the occupancy (the first calls ring, nothing has been learned), not of the abandon ratio."""
    leads: int
    replications: int
    """Of the prediction; half as many of the control, a quarter with the list in the real run's own order."""
    seed: int = 1
    person: float = 0.40
    busy: float = 0.08
    invalid: float = 0.05
    talks: tuple[tuple[int, float], ...] = ((5, 0.3), (10, 0.4), (20, 0.3))
    """(seconds from the answer to the person's hang-up, share of those who answer)"""
    wrap_up_seconds: float = 3.0
    abandon_target: float | None = None
    """None: the product's own."""

    @property
    def campaign(self) -> dict[str, object]:
        """The campaign's settings, as the server is given them."""
        return {
            "mode": "predictive",
            "abandon_target": self.abandon_target,
            "ring_timeout_seconds": 25,
            "wrap_up_seconds": self.wrap_up_seconds,
            "lines": 300,
            "calls_per_second": 20,
            "max_attempts": 1,
        }

    @property
    def rules(self) -> CampaignPolicy:
        """The same, as the simulated shift is given them."""
        settings = campaign(**self.campaign)
        return replace(settings.policy(), campaign_id=CAMPAIGN, team_id=TEAM)

    @property
    def warm_up(self) -> timedelta:
        return timedelta(minutes=self.warm_up_minutes)

    @property
    def length(self) -> timedelta:
        return timedelta(minutes=self.minutes)


FULL = Plan(agents=40, minutes=18, warm_up_minutes=4, leads=9900, replications=20)
REDUCED = Plan(agents=20, minutes=2.5, warm_up_minutes=0.5, leads=1500, replications=12)


def numbers(plan: Plan) -> list[str]:
    """The list, in the order of dialling: each lead's fate drawn by the plan's seed, and the number that spells it."""
    if plan.leads > SERIALS:
        raise ValueError(f"a list of {plan.leads} leads needs more than {SERIALS} serials")
    random = Random(plan.seed)
    return [encode(replace(_fate(plan, random), serial=n)) for n in range(plan.leads)]


def _fate(plan: Plan, random: Random) -> FarEndBehaviour:
    chance = random.random()
    if chance < plan.person:
        seconds, weights = zip(*plan.talks, strict=True)
        talk = random.choices(seconds, weights)[0]
        return FarEndBehaviour(FarEndKind.LATE_PERSON, _ring(random), talk)
    if chance < plan.person + plan.busy:
        return FarEndBehaviour(FarEndKind.REFUSES, sip_code=486)
    if chance < plan.person + plan.busy + plan.invalid:
        return FarEndBehaviour(FarEndKind.UNALLOCATED)
    return FarEndBehaviour(FarEndKind.RINGS_OUT)


def _ring(random: Random) -> float:
    """From the order to the answer, to the half second."""
    while True:
        seconds = ITALY.post_dial.draw(random) + ITALY.ring.draw(random)
        halves = max(round(seconds * 2), 1)
        if halves / 2 <= LONGEST_RING:
            return halves / 2


def listed(plan: Plan, order_seed: int | None) -> Iterator[Lead]:
    """The list's leads in the order of the real run (None), or in another. Raises RuntimeError when the list ends: it is too
    short for the shift."""
    order = numbers(plan)
    if order_seed is not None:
        Random(f"order/{order_seed}").shuffle(order)
    yield from (new_lead(n, phone) for n, phone in zip(count(1), order, strict=False))
    raise RuntimeError(f"a list of {plan.leads} leads is too short")
