"""What pacing knows of one team: who is free, who talks, what is in flight, and what has been learnt. Mutable; owned by a Team.

Theory of operation. The board is told of every step of a call and of an agent, once, in plain values: keys, instants in seconds,
stages. It keeps ages as arrays, so that a decision costs the same however many calls there are, and teaches the estimators of
the campaign. Told the same again, it comes to the same decisions, bit for bit: that is what the pacing log records.

Who is free, who waits and what is in flight is counted on one Asterisk server: only its agents can take its calls. What is learnt
is the campaign's, over all servers. Ages of calls on a server that is away stand still: nobody tells of them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np

from dialer.answer_curve import AnswerCurve, AnswerTable
from dialer.events import PastCall
from dialer.hazards import SPAN, Floats
from dialer.pacing import CallGroup, PacingDecision, PacingSnapshot, ReleaseGroup, decide
from dialer.pacing_question import PacingQuestion
from dialer.release_curve import ReleaseCurve, ReleaseTable
from dialer.screen_curve import ScreenCurve
from dialer.stall import Stall
from dialer.starts import Starts

ROUNDING = 1e-3
"""Seconds by which one instant may differ from itself, once the scale of time has been moved."""


class Stage(StrEnum):
    """Of a call that still matters to pacing."""

    RINGING = "ringing"  # from the order on
    SCREENING = "screening"  # picked up; person or machine is being found out
    WAITING = "waiting"  # a person without an agent


class Duty(StrEnum):
    """What a logged-in agent does."""

    IDLE = "idle"
    RESERVED = "reserved"
    TALKING = "talking"
    WRAP_UP = "wrap_up"


@dataclass
class _Flight:
    """One campaign's calls on one server."""

    ringing: Starts[str] = field(default_factory=Starts)
    odds: Starts[str] = field(default_factory=Starts)  # beside `ringing`
    screening: Starts[str] = field(default_factory=Starts)
    rang: Starts[str] = field(default_factory=Starts)  # beside `screening`
    waiting: set[str] = field(default_factory=set)
    uneven: int = 0  # calls whose odds are not 1

    def __len__(self) -> int:
        return len(self.ringing) + len(self.screening)

    def group(self, table: AnswerTable, stall: Stall, now: float, *, own: bool) -> CallGroup:
        return CallGroup(
            table=table,
            ages=stall.ages(self.ringing.ages(now), now),
            odds=self.odds.values if self.uneven else None,
            screening=self.screening.ages(now),
            rang=self.rang.values,
            own=own,
        )


@dataclass
class _Floor:
    """The agents of one server who take calls, by what they do."""

    idle: set[str] = field(default_factory=set)
    reserved: dict[str, str] = field(default_factory=dict)  # with the campaign
    talking: dict[str, Starts[str]] = field(default_factory=dict)  # by campaign
    wrapping: dict[str, Starts[str]] = field(default_factory=dict)


@dataclass
class _Pace:
    """One campaign's estimators and flights."""

    answers: AnswerCurve
    release: ReleaseCurve
    flights: dict[str, _Flight] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Call:
    campaign: str
    node: str
    stage: Stage
    segment: str = ""


@dataclass(frozen=True, slots=True)
class _Agent:
    node: str
    duty: Duty
    since: float
    staffed: bool
    campaign: str


PARTS = (_Call, _Agent, _Flight, _Floor, _Pace)
"""What a board is made of besides the estimators: the pacing log writes it whole (dialer.pacing_state)."""


class PacingBoard:
    """Instants in seconds on one scale; campaigns, servers, calls and agents by their ids."""

    def __init__(self) -> None:
        self._paces: dict[str, _Pace] = {}
        self._floors: dict[str, _Floor] = {}
        self._calls: dict[str, _Call] = {}
        self._agents: dict[str, _Agent] = {}
        self._away: dict[str, float] = {}  # since when
        self._unknown = ReleaseCurve()

    # --- what it is told ----------------------------------------------------------------------------------------------

    def campaign(
        self, campaign: str, *, screened: bool, grace: float, wrap_limit: float | None
    ) -> None:
        """A campaign that may dial. `grace`: seconds a person may wait; `wrap_limit`: the timer of its wrap-up."""
        pace = self._paces.get(campaign)
        if pace is None or (pace.answers.screen is not None) != screened:
            answers = AnswerCurve(screen=ScreenCurve() if screened else None)
            known = pace.release if pace else ReleaseCurve()
            flights = pace.flights if pace else {}
            pace = self._paces[campaign] = _Pace(answers, known, flights)
        pace.release.grace = grace
        pace.release.wrap.limit = wrap_limit

    def recall(self, campaign: str, past: Sequence[PastCall], at: float) -> None:
        """Earlier calls of a campaign that has just been told of: where its estimators begin."""
        pace = self._paces[campaign]
        for each in past:
            screened = pace.answers.screen is not None
            pace.answers.left(max(each.rang, 0.0), each.picked_up if screened else each.person, at)
            if pace.answers.screen is not None and each.picked_up:
                pace.answers.screen.rang(each.rang, each.person)
            if each.talked is not None:
                pace.release.talk_ended(each.talked)
        pace.answers.settle()

    def placed(
        self, call: str, campaign: str, node: str, at: float, odds: float = 1.0, segment: str = ""
    ) -> None:
        """Asked for at `at`; `odds`: how much likelier than its segment of the list this lead answers, by what is known of it;
        how the segment itself answers is learnt."""
        odds *= self._paces[campaign].answers.odds(segment)
        self._ring(call, _Call(campaign, node, Stage.RINGING, segment), at, odds)

    def adopted(self, call: str, campaign: str, node: str, stage: Stage, since: float) -> None:
        """A call found under way: in its stage `since`, as far as is known."""
        known = _Call(campaign, node, Stage.RINGING)
        if stage is Stage.RINGING:
            self._ring(call, known, since, 1.0)
        else:
            self._enter(call, known, stage, since, 0.0)

    def unplaced(self, call: str) -> None:
        """It was never dialled, or an agent is held for it now: it teaches nothing."""
        known = self._calls.pop(call, None)
        if known is None:
            return
        flight = self._flight(known.campaign, known.node)
        if known.stage is Stage.RINGING:
            flight.ringing.remove(call)
            flight.uneven -= flight.odds.remove(call) != 1.0
        elif known.stage is Stage.SCREENING:
            flight.screening.remove(call)
            flight.rang.remove(call)
        else:
            flight.waiting.discard(call)

    def moved(self, call: str, stage: Stage | None, at: float, *, person: bool) -> None:
        """The call came to a stage, or to the end of what matters here (None). `person`: somebody is there for an agent, or
        was until this moment. Unknown calls and steps back are nothing to learn from."""
        known = self._calls.get(call)
        if known is None or known.stage is stage or stage is Stage.RINGING:
            return
        pace, flight = self._paces[known.campaign], self._flight(known.campaign, known.node)
        rang = 0.0
        if known.stage is Stage.RINGING:
            rang = at - flight.ringing.remove(call)
            flight.uneven -= flight.odds.remove(call) != 1.0
            up = person if pace.answers.screen is None else stage is not None or person
            pace.answers.left(max(rang, 0.0), up, at, known.segment)
        elif known.stage is Stage.SCREENING:
            took, rang = at - flight.screening.remove(call), flight.rang.remove(call)
            if pace.answers.screen is not None:
                pace.answers.screen.left(max(took, 0.0), person, rang)
        else:
            flight.waiting.discard(call)
        self._enter(call, known, stage, at, rang)

    def _ring(self, call: str, known: _Call, at: float, odds: float) -> None:
        flight = self._flight(known.campaign, known.node)
        flight.ringing.add(call, at)
        flight.odds.add(call, odds)
        flight.uneven += odds != 1.0
        self._calls[call] = known

    def _enter(self, call: str, known: _Call, stage: Stage | None, at: float, rang: float) -> None:
        if stage is None:
            del self._calls[call]
            return
        self._calls[call] = _Call(known.campaign, known.node, stage)
        flight = self._flight(known.campaign, known.node)
        if stage is Stage.WAITING:
            flight.waiting.add(call)
        else:
            flight.screening.add(call, at)
            flight.rang.add(call, rang)

    def agent(
        self, agent: str, node: str, duty: Duty, since: float, *, staffed: bool, campaign: str
    ) -> None:
        """What a logged-in agent does since when; not `staffed`: the next call is not for this one. `campaign`: whose call
        it is, or was ("" where none)."""
        before = self._agents.get(agent)
        now = _Agent(node, duty, since, staffed, campaign or (before.campaign if before else ""))
        if before is not None:
            self._leaves(agent, before)
            self._teach(before, now)
        self._agents[agent] = now
        self._comes(agent, now)

    def agent_gone(self, agent: str, at: float) -> None:
        """Logged out, or not of this team any more."""
        before = self._agents.pop(agent, None)
        if before is not None:
            self._leaves(agent, before)
            self._teach(before, None, at)

    def node_away(self, node: str, since: float) -> None:
        self._away.setdefault(node, since)

    def node_up(self, node: str) -> None:
        self._away.pop(node, None)

    def shift(self, seconds: float) -> None:
        """The clock was put forward or back: everything stays as old as it was."""
        for pace in self._paces.values():
            pace.answers.shift(seconds)
            pace.release.shift(seconds)
            for flight in pace.flights.values():
                flight.ringing.shift(seconds)
                flight.screening.shift(seconds)
        for floor in self._floors.values():
            for starts in (*floor.talking.values(), *floor.wrapping.values()):
                starts.shift(seconds)
        for key, one in self._agents.items():
            self._agents[key] = _Agent(
                one.node, one.duty, one.since + seconds, one.staffed, one.campaign
            )
        self._away = {node: since + seconds for node, since in self._away.items()}
        self._unknown.shift(seconds)

    def _teach(self, before: _Agent, now: _Agent | None, at: float = 0.0) -> None:
        """A talk or a wrap-up has ended."""
        if now and now.duty is before.duty and abs(now.since - before.since) < ROUNDING:
            return
        pace = self._paces.get(before.campaign)
        if pace is None:
            return
        lasted = max((now.since if now else at) - before.since, 0.0)
        if before.duty is Duty.TALKING:
            pace.release.talk_ended(lasted)
        elif before.duty is Duty.WRAP_UP:
            pace.release.wrap_ended(lasted, stays=now is not None and now.staffed)

    def _comes(self, agent: str, one: _Agent) -> None:
        if not one.staffed:
            return
        floor = self._floors.setdefault(one.node, _Floor())
        match one.duty:
            case Duty.IDLE:
                floor.idle.add(agent)
            case Duty.RESERVED:
                floor.reserved[agent] = one.campaign
            case Duty.TALKING:
                floor.talking.setdefault(one.campaign, Starts()).add(agent, one.since)
            case Duty.WRAP_UP:
                floor.wrapping.setdefault(one.campaign, Starts()).add(agent, one.since)

    def _leaves(self, agent: str, one: _Agent) -> None:
        if not one.staffed:
            return
        floor = self._floors[one.node]
        match one.duty:
            case Duty.IDLE:
                floor.idle.discard(agent)
            case Duty.RESERVED:
                del floor.reserved[agent]
            case Duty.TALKING:
                floor.talking[one.campaign].remove(agent)
            case Duty.WRAP_UP:
                floor.wrapping[one.campaign].remove(agent)

    # --- what it is asked ---------------------------------------------------------------------------------------------

    def knows(self, call: str) -> bool:
        """Whether the call is in one of the stages."""
        return call in self._calls

    @property
    def waiting(self) -> int:
        """Persons who wait for an agent, on all servers."""
        return sum(len(f.waiting) for pace in self._paces.values() for f in pace.flights.values())

    def in_flight(self, campaign: str) -> int:
        """Calls of the campaign that nobody has answered yet, on all servers."""
        return sum(len(flight) for flight in self._paces[campaign].flights.values())

    def answers_of(self, campaign: str, leads: int) -> float:
        """What the calls in flight, and this many more, are likely to bring."""
        return (self.in_flight(campaign) + leads) * self._paces[campaign].answers.answer_ratio

    def segment_odds(self, campaign: str, segment: str) -> float:
        """How much likelier than an average lead one of this segment answers, as its calls have shown."""
        return self._paces[campaign].answers.odds(segment)

    def answer_ratio(self, campaign: str) -> float:
        """Share of the campaign's calls that are answered, about."""
        return self._paces[campaign].answers.answer_ratio

    def at_work(self, campaign: str) -> int:
        """Calls in flight, waiting or with an agent, and agents held: how much of the team the campaign has."""
        busy = sum(
            len(by.get(campaign, ()))
            for floor in self._floors.values()
            for by in (floor.talking, floor.wrapping)
        )
        held = sum(
            of == campaign for floor in self._floors.values() for of in floor.reserved.values()
        )
        waiting = sum(len(flight.waiting) for flight in self._paces[campaign].flights.values())
        return self.in_flight(campaign) + waiting + held + busy

    def free_less_calls(self, node: str) -> int:
        """Free agents of a server less the calls under way on it."""
        flights = (pace.flights.get(node) for pace in self._paces.values())
        floor = self._floors.get(node)
        free = len(floor.idle) if floor else 0
        return free - sum(len(flight) for flight in flights if flight is not None)

    def hope(self, campaign: str, node: str, now: float) -> tuple[float, float]:
        """Of this campaign's calls on other servers than `node`: (answers that agents there may take, answers that no agent can
        be joined to, their server being away): who waits, and who is likely to answer."""
        pace, table = self._paces[campaign], self._table(campaign, now)
        hoped = {True: 0.0, False: 0.0}
        for other, flight in pace.flights.items():
            if other != node:
                group = flight.group(
                    table, pace.answers.stall, self._seen_until(other, now), own=True
                )
                hoped[other not in self._away] += _answers_of(group) + len(flight.waiting)
        return hoped[True], hoped[False]

    def snapshot(self, campaign: str, node: str, now: float) -> PacingSnapshot:
        """Without what the campaign's budget and limits say: the question adds that."""
        floor = self._floors.get(node) or _Floor()
        flights = {
            name: pace.flights[node]
            for name, pace in self._paces.items()
            if node in pace.flights and (pace.flights[node] or pace.flights[node].waiting)
        }
        own = flights.get(campaign)
        return PacingSnapshot(
            idle=len(floor.idle),
            waiting=sum(len(flight.waiting) for flight in flights.values()),
            own_waiting=len(own.waiting) if own is not None else 0,
            reserved=len(floor.reserved),
            busy=self._busy(floor, now),
            in_flight=tuple(
                flight.group(
                    self._table(name, now),
                    self._paces[name].answers.stall,
                    now,
                    own=name == campaign,
                )
                for name, flight in flights.items()
            ),
            answers=self._table(campaign, now),
        )

    def decide(self, asked: PacingQuestion) -> PacingDecision:
        """Tables that are due are built anew; nothing else changes."""
        known = self.snapshot(asked.campaign, asked.node, asked.at)
        return decide(asked.completed(known), asked.policy)

    def _busy(self, floor: _Floor, now: float) -> tuple[ReleaseGroup, ...]:
        names = [
            name
            for name in dict.fromkeys((*floor.talking, *floor.wrapping))
            if floor.talking.get(name) or floor.wrapping.get(name)
        ]
        return tuple(
            ReleaseGroup(
                table=self._release(name, now),
                talking=_ages(floor.talking, name, now),
                wrapping=_ages(floor.wrapping, name, now),
            )
            for name in names
        )

    def _table(self, campaign: str, now: float) -> AnswerTable:
        """The campaign's, over all servers."""
        pace = self._paces[campaign]
        if pace.answers.stale(now):
            ages = [f.ringing.ages(self._seen_until(n, now)) for n, f in pace.flights.items()]
            return pace.answers.table(np.concatenate(ages) if ages else _NONE, now)
        return pace.answers.table(_NONE, now)

    def _release(self, campaign: str, now: float) -> ReleaseTable:
        """Of the campaign whose call it is; of an unknown one (a talk that was adopted) the prior's."""
        pace = self._paces.get(campaign)
        curve = pace.release if pace else self._unknown
        if not curve.stale(now):
            return curve.table(_NONE, _NONE, now)
        floors = self._floors.values()
        talking = [_ages(floor.talking, campaign, now) for floor in floors]
        wrapping = [_ages(floor.wrapping, campaign, now) for floor in floors]
        return curve.table(np.concatenate(talking), np.concatenate(wrapping), now)

    def _flight(self, campaign: str, node: str) -> _Flight:
        return self._paces[campaign].flights.setdefault(node, _Flight())

    def _seen_until(self, node: str, now: float) -> float:
        return min(now, self._away.get(node, now))


_NONE: Floats = np.zeros(0)


def _ages(by: Mapping[str, Starts[str]], campaign: str, now: float) -> Floats:
    starts = by.get(campaign)
    return starts.ages(now) if starts else _NONE


def _answers_of(group: CallGroup) -> float:
    found = float(group.table.total(group.ages, group.odds)[SPAN - 1]) if len(group.ages) else 0.0
    if len(group.screening) and group.table.screen is not None:
        found += float(group.table.screen.total(group.screening, group.rang)[SPAN - 1])
    return found
