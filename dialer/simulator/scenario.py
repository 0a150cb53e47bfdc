"""A scenario: the world as data. Durations are seconds, shares 0..1."""

from dataclasses import dataclass, field, fields

from dialer.errors import InvalidInputError
from dialer.simulator.distributions import (
    Below,
    Constant,
    Distribution,
    Exponential,
    LogNormal,
    Shifted,
)
from dialer.simulator.distributions import Uniform as U


@dataclass(frozen=True, kw_only=True, slots=True)
class Shares:
    """What a dialled number comes to, mutually exclusive; the rest rings and nobody answers.

    `invalid` and `fax` are properties of the number (the same at every attempt); the others are drawn anew each time.
    """

    person: float = 0.35
    machine: float = 0.12
    fax: float = 0.01
    busy: float = 0.06
    invalid: float = 0.05
    rejected: float = 0.02
    congested: float = 0.01  # the network or the trunk has no room
    dead: float = 0.005  # no reply from the network at all

    def __post_init__(self) -> None:
        values = [getattr(self, each.name) for each in fields(self)]
        if min(values) < 0 or sum(values) > 1 + 1e-9:
            raise InvalidInputError("shares", "each must be at least 0, and their sum at most 1")


@dataclass(frozen=True, kw_only=True, slots=True)
class Latency:
    """What the exchange itself takes for its steps, seconds."""

    dial_begin: float = 0.003  # Newchannel to DialBegin
    dialplan: float = 0.002  # to the dialplan's next step, after an answer or a talk
    bridge: float = 0.0015  # Redirect accepted to both legs in the bridge


@dataclass(frozen=True, kw_only=True, slots=True)
class Screener:
    """Answering-machine detection: how long it takes and how often it errs."""

    person_seconds: Distribution = field(default_factory=lambda: U(0.8, 2.5))
    machine_seconds: Distribution = field(default_factory=lambda: U(1.5, 4.5))
    person_as_machine: float = 0.03
    machine_as_person: float = 0.08
    unsure: float = 0.05


@dataclass(frozen=True, kw_only=True, slots=True)
class Segment:
    """A kind of number on the list, with ways of its own. None: as the rest of the scenario has it."""

    name: str
    share: float
    """Of the list. Which numbers these are depends on the seed alone, and is so at every attempt."""
    shares: Shares | None = None
    """At all times of the day, where given."""
    ring: Distribution | None = None
    machine_ring: Distribution | None = None
    talk: Distribution | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.share <= 1:
            raise InvalidInputError("share", f"must be from 0 to 1, not {self.share}")


@dataclass(frozen=True, kw_only=True, slots=True)
class CarrierTerms:
    """What the carrier behind one trunk does. Beyond its lines and its rate it refuses calls as congestion (cause 34)."""

    name: str
    """The trunk's endpoint."""
    post_dial: Distribution | None = None
    """Its own seconds from the order to ringing or refusal; None: the scenario's."""
    lines: int | None = None
    calls_per_second: int | None = None
    """At most so many within any second."""
    outages: tuple[tuple[float, float], ...] = ()
    """(from, until), seconds from the start: new calls are refused as network out of order (cause 38) after the post-dial
    time; those that are up stay up."""

    def __post_init__(self) -> None:
        for name in ("lines", "calls_per_second"):
            limit = getattr(self, name)
            if limit is not None and limit < 1:
                raise InvalidInputError(name, f"must be at least 1, not {limit}")
        if any(since >= until for since, until in self.outages):
            raise InvalidInputError("outages", "each must begin before it ends")

    def is_out(self, seconds: float) -> bool:
        return any(since <= seconds < until for since, until in self.outages)


@dataclass(frozen=True, kw_only=True, slots=True)
class Wire:
    """How events reach whoever listens, on the virtual face. Event stamps tell when things happened, whatever the delay."""

    delay: Distribution = field(default_factory=lambda: Constant(0.0))
    """Seconds; one connection carries all events, so that none overtakes another."""
    lost_ends: float = 0.0
    """Share of the "call ended" events that never arrive. The channels listed are right all the same."""

    def __post_init__(self) -> None:
        if not 0 <= self.lost_ends <= 1:
            raise InvalidInputError("lost_ends", f"must be from 0 to 1, not {self.lost_ends}")

    @property
    def is_perfect(self) -> bool:
        return self.delay == Constant(0.0) and not self.lost_ends


@dataclass(frozen=True, kw_only=True, slots=True)
class Scenario:
    """Defaults: a consumer telemarketing campaign in Italy, by day, 20 agents, a screened list."""

    name: str = "italy"
    shares: Shares = field(default_factory=Shares)
    shares_later: tuple[tuple[float, Shares], ...] = ()
    """(seconds from the start, shares from then on), ascending."""
    segments: tuple[Segment, ...] = ()
    """Kinds of number that differ from the rest of the list; their shares of it sum to at most 1."""

    post_dial: Distribution = field(default_factory=lambda: Shifted(0.5, LogNormal(2.0, 0.4)))
    """From the order to the far end's ringing, or to its refusal."""
    ring: Distribution = field(default_factory=lambda: Below(25.0, LogNormal(9.0, 0.55)))
    """Ringing until a person answers, or declines."""
    machine_ring: Distribution = field(default_factory=lambda: LogNormal(17.0, 0.30))
    """Ringing until a machine answers; later than the server's ring time-out is no answer."""

    impatient: float = 0.06
    """Share of persons who hang up by themselves while they wait for an agent."""
    patience: Distribution = field(default_factory=lambda: LogNormal(1.5, 0.6))
    """Answer until an impatient person hangs up."""
    opt_out: float = 0.02
    """Share of abandoned persons who press the opt-out digit, where the message offers one."""
    screener: Screener = field(default_factory=Screener)

    talk: Distribution = field(default_factory=lambda: LogNormal(90.0, 1.0))
    machine_talk: Distribution = field(default_factory=lambda: LogNormal(6.0, 0.3))
    """How long an agent listens to a machine or fax before ending the call."""
    agent_ends: float = 0.35
    """Share of talks that the agent ends from the screen; the customer's leg is cleared by the exchange."""
    agent_puts_down: float = 0.01
    """Share of talks that end because the agent's phone is put down: the leg is lost and the agent dials in again."""
    redial: Distribution = field(default_factory=lambda: LogNormal(12.0, 0.5))

    agents: int = 20
    first_code: int = 1001
    login_spread: float = 2.0
    """The agents dial in over this many seconds."""
    staffing: tuple[tuple[float, int], ...] = ()
    """(seconds from the start, agents from then on), ascending; who leaves does so after the current call."""
    wrap_up: Distribution = field(default_factory=lambda: LogNormal(15.0, 0.6))
    break_share: float = 0.0
    """Share of talks after whose wrap-up the agent takes a break; asked for in the talk, by drivers that play agents."""
    break_seconds: Distribution = field(default_factory=lambda: LogNormal(240.0, 0.8))

    message_seconds: float = 4.0
    trunks: frozenset[str] | None = None
    """Endpoints that exist; None: any."""
    lines: int | None = None
    """Calls at once that the trunks carry; more are refused as congestion. None: no limit."""
    carriers: tuple[CarrierTerms, ...] = ()
    """Trunks with terms of their own; the others carry all calls."""
    latency: Latency = field(default_factory=Latency)
    wire: Wire = field(default_factory=Wire)

    def __post_init__(self) -> None:
        if sum(segment.share for segment in self.segments) > 1 + 1e-9:
            raise InvalidInputError("segments", "the sum of their shares must be at most 1")
        if not 0 <= self.break_share <= 1:
            raise InvalidInputError("break_share", f"must be from 0 to 1, not {self.break_share}")
        names = [terms.name for terms in self.carriers]
        if len(set(names)) < len(names):
            raise InvalidInputError("carriers", "each trunk may be named once")

    def shares_at(self, seconds: float) -> Shares:
        """The shares in force `seconds` after the start."""
        current = self.shares
        for since, shares in self.shares_later:
            if seconds >= since:
                current = shares
        return current


ITALY = Scenario()

FAST = Scenario(
    name="fast",
    shares=Shares(person=0.40, machine=0.10),
    post_dial=Shifted(0.2, LogNormal(0.5, 0.4)),
    ring=Below(8.0, LogNormal(2.5, 0.5)),
    machine_ring=LogNormal(5.0, 0.3),
    talk=LogNormal(25.0, 0.6),
    redial=LogNormal(4.0, 0.4),
    agents=10,
    login_spread=1.0,
    wrap_up=LogNormal(4.0, 0.5),
    message_seconds=2.0,
)
"""The same people in a hurry: a minute of demonstration shows many calls."""

LOSSLESS = Scenario(
    name="exponential",
    shares=Shares(person=1, machine=0, fax=0, busy=0, invalid=0, rejected=0, congested=0, dead=0),
    post_dial=U(0.0, 0.0),
    ring=U(0.0, 0.0),
    impatient=0.0,
    talk=Exponential(60.0),
    agent_ends=0.0,
    agent_puts_down=0.0,
    login_spread=0.0,
    latency=Latency(dial_begin=0.0, dialplan=0.0, bridge=0.0),
)
"""Everybody answers at once and talks for an exponential time: what queueing theory has formulas for."""

SCENARIOS = {each.name: each for each in (ITALY, FAST, LOSSLESS)}
