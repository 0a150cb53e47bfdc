"""Who is met when a number is dialled: a function of seed, number, attempt and scenario, so that the order of dialling
changes nobody."""

from dataclasses import dataclass
from enum import StrEnum
from math import inf
from random import Random
from typing import Protocol

from dialer.events import Screening
from dialer.simulator.scenario import Scenario, Segment, Shares


class Behaviour(StrEnum):
    """What the far end does."""

    PERSON = "person"
    MACHINE = "machine"
    FAX = "fax"
    BUSY = "busy"
    NO_ANSWER = "no_answer"
    INVALID = "invalid"
    REJECTED = "rejected"
    CONGESTED = "congested"
    DEAD = "dead"


class TalkEnding(StrEnum):
    """Who ends a talk, and how."""

    CUSTOMER = "customer"  # hangs up
    AGENT = "agent"  # from the screen: the customer's leg is cleared
    AGENT_LEG = "agent_leg"  # puts the phone down: the agent's leg is lost


MACHINE_PATIENCE = 60.0
AS_THE_REST = Segment(name="", share=0.0)


@dataclass(frozen=True, kw_only=True, slots=True)
class Encounter:
    """All that will happen with one call, as far as the far end decides it. Seconds."""

    behaviour: Behaviour
    post_dial: float = 0.0  # order to ringing, or to refusal
    ring: float = inf  # ringing to answer (or to the decline)
    patience: float = inf  # answer to hanging up unbridged
    stay: float = inf  # answer to hanging up, in a talk or not
    screen: float = 1.0  # answer to the screening's verdict
    verdict: Screening = Screening.HUMAN
    talk: float = 60.0
    ending: TalkEnding = TalkEnding.CUSTOMER
    opts_out: bool = False  # presses the digit that the message offers


class People(Protocol):
    def meet(self, number: str, attempt: int, at: float) -> Encounter:
        """What the `attempt`-th call to `number` (from 1), placed `at` seconds after the start, comes to."""
        ...


class Population:
    """People as the scenario's shares and distributions have them."""

    def __init__(self, scenario: Scenario, seed: int) -> None:
        self._scenario, self._seed = scenario, seed

    def meet(self, number: str, attempt: int, at: float) -> Encounter:
        trait = Random(f"{self._seed}/{number}").random()
        random = Random(f"{self._seed}/{number}/{attempt}")
        segment = segment_of(self._scenario, self._seed, number)
        shares = (segment and segment.shares) or self._scenario.shares_at(at)
        behaviour = behaviour_of(shares, trait, random.random())
        return self._encounter(behaviour, segment or AS_THE_REST, random)

    def _encounter(self, behaviour: Behaviour, own: Segment, random: Random) -> Encounter:
        world = self._scenario
        person = behaviour in (Behaviour.PERSON, Behaviour.REJECTED)
        answers = person or behaviour in (Behaviour.MACHINE, Behaviour.FAX)
        post_dial = world.post_dial.draw(random)
        ring = own.ring or world.ring
        machine_ring = own.machine_ring or world.machine_ring
        ringing = (ring if person else machine_ring).draw(random)
        impatient = random.random() < world.impatient
        patience = world.patience.draw(random) if impatient else inf
        screener = world.screener
        screen = (screener.person_seconds if person else screener.machine_seconds).draw(random)
        return Encounter(
            behaviour=behaviour,
            post_dial=post_dial,
            ring=ringing if answers else inf,
            patience=patience if person else MACHINE_PATIENCE,
            screen=screen,
            verdict=self._verdict(person, random.random()),
            talk=((own.talk or world.talk) if person else world.machine_talk).draw(random),
            ending=self._ending(random.random()) if person else TalkEnding.AGENT,
            opts_out=person and random.random() < world.opt_out,
        )

    def _verdict(self, person: bool, chance: float) -> Screening:
        screener = self._scenario.screener
        wrong = screener.person_as_machine if person else screener.machine_as_person
        if chance < wrong:
            return Screening.MACHINE if person else Screening.HUMAN
        if chance < wrong + screener.unsure:
            return Screening.UNSURE
        return Screening.HUMAN if person else Screening.MACHINE

    def _ending(self, chance: float) -> TalkEnding:
        if chance < self._scenario.agent_ends:
            return TalkEnding.AGENT
        if chance < self._scenario.agent_ends + self._scenario.agent_puts_down:
            return TalkEnding.AGENT_LEG
        return TalkEnding.CUSTOMER


def behaviour_of(shares: Shares, trait: float, chance: float) -> Behaviour:
    """`trait` (0..1, the number's own) settles invalid and fax; `chance` (0..1, the attempt's own) the rest."""
    if trait < shares.invalid:
        return Behaviour.INVALID
    if trait < shares.invalid + shares.fax:
        return Behaviour.FAX
    left = chance * (1 - shares.invalid - shares.fax)
    for behaviour, share in (
        (Behaviour.PERSON, shares.person),
        (Behaviour.MACHINE, shares.machine),
        (Behaviour.BUSY, shares.busy),
        (Behaviour.REJECTED, shares.rejected),
        (Behaviour.CONGESTED, shares.congested),
        (Behaviour.DEAD, shares.dead),
    ):
        if left < share:
            return behaviour
        left -= share
    return Behaviour.NO_ANSWER


def segment_of(scenario: Scenario, seed: int, number: str) -> Segment | None:
    """The segment that the number is of; None: of the rest of the list."""
    if not scenario.segments:
        return None
    left = Random(f"{seed}/segment/{number}").random()
    for segment in scenario.segments:
        if left < segment.share:
            return segment
        left -= segment.share
    return None


def wrap_up_seconds(scenario: Scenario, seed: int, agent: str, count: int) -> float:
    """How long `agent` writes after the `count`-th talk, for drivers that end wrap-ups as agents do."""
    return scenario.wrap_up.draw(Random(f"{seed}/wrap-up/{agent}/{count}"))


def break_after(scenario: Scenario, seed: int, agent: str, count: int) -> float | None:
    """Seconds of the break that `agent` asks for in the `count`-th talk; None: the agent goes on."""
    random = Random(f"{seed}/break/{agent}/{count}")
    return scenario.break_seconds.draw(random) if random.random() < scenario.break_share else None
