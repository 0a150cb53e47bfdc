"""A scenario: the world as data. Durations are seconds, shares 0..1."""

from dataclasses import dataclass, field, fields

from dialer.errors import InvalidInputError
from dialer.simulator.distributions import Below, Distribution, Exponential, LogNormal, Shifted
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
class Scenario:
    """Defaults: a consumer telemarketing campaign in Italy, by day, 20 agents, a screened list."""

    name: str = "italy"
    shares: Shares = field(default_factory=Shares)
    shares_later: tuple[tuple[float, Shares], ...] = ()
    """(seconds from the start, shares from then on), ascending."""

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

    message_seconds: float = 4.0
    trunks: frozenset[str] | None = None
    """Endpoints that exist; None: any."""
    lines: int | None = None
    """Calls at once that the trunks carry; more are refused as congestion. None: no limit."""
    latency: Latency = field(default_factory=Latency)

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
