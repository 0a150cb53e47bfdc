"""Which trunk does the next call take? A team's view of its trunks: what they carry for it, and whether they work.

Theory of operation. `choose` looks at the trunks that serve the number and have a line, a call in their rate and their
health; those that are meant most closely for the number come first (longest prefix), then the smaller `priority`, and equals
share by weight (smooth weighted round robin: no randomness, so the same events give the same commands). The team counts its own
calls only; what all teams and servers do together is limited in the store, whose refusal comes back as `hold`.

Health. What a call says of its trunk: a *fault* (nothing rang, and the network or the trunk gave a cause that is not about
the called party, or no reply at all) or a *sign of life* (it rang, was answered, or came to any verdict of the far end: busy,
declined, no such number). A trunk is down after STRIKES faults in a row, of as many different leads. Fewer would take a
working trunk away too often: with one call in twenty refused for want of room, two in a row come once in 400 calls, three
once in 8,000. Different leads, so that one number that always fails cannot take a trunk down. A trunk that is down rests,
then carries one call as a probe; each probe that fails doubles the rest, up to LAST_REST. It starts at a second because a
trunk that is merely full says the same as one that is dead.

What a call says, it says of the instant at which it was placed: one from before the trunk went down does not bring it up, and
one from before it came up does not take it down (that nobody replied is known only after the ring time-out).
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from dialer.calls import Call, TrunkWord, word_on_trunk
from dialer.clock_step import move, moved
from dialer.events import NotOpened
from dialer.ids import CallId, LeadId, TrunkId
from dialer.retry import TrunkFault
from dialer.trunks import Trunk

STRIKES = 3
FIRST_REST, LAST_REST = timedelta(seconds=1), timedelta(seconds=15)
REMEMBERED = timedelta(minutes=10)
"""So long a lead is kept away from a trunk that failed it."""

TELLS_RINGING = 50
"""So many answers in a row that were told as ringing first: the trunk tells of ringing. One that was not: begin again."""

UNLIMITED = 1_000_000


class Shortage(StrEnum):
    """Why no trunk takes a call now."""

    NO_TRUNK_SERVES = "no_trunk_serves"
    TRUNKS_DOWN = "trunks_down"
    TRUNKS_FULL = "trunks_full"
    TRUNK_RATE = "trunk_rate"
    TRUNK_ELSEWHERE = "trunk_elsewhere"  # on an Asterisk server that does not dial now


_REFUSED = {
    NotOpened.TRUNK_LINES: (Shortage.TRUNKS_FULL, timedelta(seconds=1)),
    NotOpened.TRUNK_RATE: (Shortage.TRUNK_RATE, timedelta(seconds=0.25)),
}
"""The store refused a call because other teams fill its trunk: for how long it is not asked again."""


@dataclass(frozen=True, slots=True)
class NoTrunk:
    """No trunk for this call. `until`: before then asking again is useless; None: not known."""

    reason: Shortage
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Room:
    """Calls that trunks can take now, and what keeps it from being more."""

    calls: int
    shortage: Shortage | None = None
    until: datetime | None = None


@dataclass(slots=True)
class TrunkState:
    """What a team knows of one trunk. Mutable; owned by one TrunkBoard."""

    failed: list[LeadId] = field(default_factory=list)  # different leads, in a row
    alive_at: datetime | None = None  # the last sign of life
    down_at: datetime | None = None
    up_at: datetime | None = None  # when it came back
    rest: timedelta = FIRST_REST
    probe_at: datetime | None = None  # while down
    probe: CallId | None = None
    held: Room | None = None  # the store refused a call
    starts: list[datetime] = field(default_factory=list)  # within the trunk's rate
    turn: int = 0  # of the round robin
    rang_first: int = 0  # answers in a row that were told as ringing before

    @property
    def is_down(self) -> bool:
        return self.down_at is not None


@dataclass
class TrunkBoard:
    """Mutable; owned by one Team."""

    states: dict[TrunkId, TrunkState] = field(default_factory=dict)
    _avoided: dict[LeadId, dict[TrunkId, datetime]] = field(default_factory=dict)
    _latest: datetime | None = None

    def of(self, trunk_id: TrunkId) -> TrunkState:
        return self.states.setdefault(trunk_id, TrunkState())

    def seen(self, at: datetime) -> datetime:
        """The latest instant that anything told of. An event may be told late, and bring calls about all the same: a rate
        is counted by this."""
        self._latest = max(at, self._latest or at)
        return self._latest

    # --- choosing -----------------------------------------------------------------------------------------------------

    def room(self, trunks: Collection[Trunk], taken: Mapping[TrunkId, int], now: datetime) -> Room:
        """What these trunks together can take now. `taken`: the team's calls on each."""
        rooms = [self._room_of(trunk, taken, now) for trunk in trunks]
        calls = min(sum(room.calls for room in rooms), UNLIMITED)
        return Room(calls, _shortage(rooms), _earliest(rooms))

    def choose(
        self,
        trunks: Sequence[Trunk],
        phone: str,
        *,
        taken: Mapping[TrunkId, int],
        now: datetime,
        lead_id: LeadId | None = None,
        node: str | None = None,
    ) -> Trunk | NoTrunk:
        """The trunk for one call to this number. One that failed this lead a moment ago is left out."""
        avoided = self.avoided(lead_id, now)
        serving = {
            trunk: match
            for trunk in trunks
            if trunk.is_on(node) and (match := trunk.match(phone)) is not None
        }
        if not serving:
            return NoTrunk(Shortage.NO_TRUNK_SERVES)
        rooms = {
            trunk: self._room_of(trunk, taken, now)
            for trunk in serving
            if trunk.trunk_id not in avoided
        }
        free = [trunk for trunk, room in rooms.items() if room.calls > 0]
        if not free:
            shortage = _shortage(rooms.values()) or Shortage.TRUNKS_DOWN
            return NoTrunk(shortage, _earliest(rooms.values()))
        best = min((-serving[trunk], trunk.priority) for trunk in free)
        return self._in_turn([t for t in free if (-serving[t], t.priority) == best])

    def _in_turn(self, equals: list[Trunk]) -> Trunk:
        """Smooth weighted round robin (as nginx shares requests): every trunk gains its weight, the richest pays all."""
        for trunk in equals:
            self.of(trunk.trunk_id).turn += trunk.weight
        chosen = max(equals, key=lambda trunk: self.of(trunk.trunk_id).turn)
        self.of(chosen.trunk_id).turn -= sum(trunk.weight for trunk in equals)
        return chosen

    def _room_of(self, trunk: Trunk, taken: Mapping[TrunkId, int], now: datetime) -> Room:
        state = self.of(trunk.trunk_id)
        if state.is_down and (state.probe or (state.probe_at and now < state.probe_at)):
            return Room(0, Shortage.TRUNKS_DOWN, state.probe_at)
        if state.held is not None and state.held.until is not None:
            if now < state.held.until:
                return state.held
            state.held = None
        lines = UNLIMITED if trunk.lines is None else trunk.lines - taken.get(trunk.trunk_id, 0)
        if lines <= 0:
            return Room(0, Shortage.TRUNKS_FULL)
        rate, until = _rate_left(trunk, state, self.seen(now))
        if rate <= 0:
            return Room(0, Shortage.TRUNK_RATE, until)
        if state.is_down:
            return Room(1, Shortage.TRUNKS_DOWN)
        shortage = Shortage.TRUNK_RATE if rate < lines else Shortage.TRUNKS_FULL
        return Room(min(lines, rate), shortage)

    # --- what happened ------------------------------------------------------------------------------------------------

    def placed(self, trunk: Trunk, call_id: CallId, now: datetime) -> None:
        """A call is on its way by this trunk."""
        state = self.of(trunk.trunk_id)
        if trunk.rate is not None:
            state.starts.append(self.seen(now))
        if state.is_down:
            state.probe = call_id

    def refused(self, trunk_id: TrunkId, reason: str, now: datetime) -> bool:
        """The store refused a call: was it because other teams fill its trunk? Then it is left alone for a moment."""
        found = [held for known, held in _REFUSED.items() if known == reason]
        for shortage, rest in found:
            self.of(trunk_id).held = Room(0, shortage, now + rest)
        return bool(found)

    def observe(self, before: Call, after: Call, now: datetime) -> None:
        """A call has moved on. The first sign of its far end, or its end without any, tells of its trunk."""
        if before.ringing_at is not None or before.answered_at is not None:
            return
        order = after.order
        match word_on_trunk(after):
            case TrunkWord.ALIVE:
                self.alive(order.trunk, order.at, now)
            case TrunkWord.FAULT:
                self.fault(order.trunk, order.call_id, order.lead_id, order.at, now)
            case TrunkWord.UNKNOWN:
                self.not_placed(order.trunk, order.call_id)
            case TrunkWord.NOTHING:
                pass

    def tells_ringing(self, trunk_id: TrunkId) -> bool:
        """Whether a call by this trunk of which no ringing was told rings nowhere, as far as its answers have shown."""
        return self.of(trunk_id).rang_first >= TELLS_RINGING

    def answered(self, call: Call) -> None:
        """The first sign of an answer. What is known of an adopted call's ringing was not told by its trunk."""
        state, rang = self.of(call.order.trunk), call.ringing_at
        if rang is None or rang > call.order.at:
            state.rang_first = 0 if rang is None else state.rang_first + 1

    def blame(self, call: Call, trunks: Sequence[Trunk], now: datetime) -> TrunkFault:
        """Whose fault it is that this call, which has ended and was observed, never rang. Its lead is kept from the
        trunks that failed it as long as there is another one."""
        order = call.order
        word = word_on_trunk(call)
        fault = word is TrunkWord.FAULT
        if fault and self.other_way(trunks, order.phone, order.lead_id, now):
            return TrunkFault.ELSEWHERE
        self.forget(order.lead_id)
        blameless = word is TrunkWord.UNKNOWN or (fault and not self.works(order.trunk))
        return TrunkFault.TRUNK if blameless else TrunkFault.NUMBER

    def not_placed(self, trunk_id: TrunkId, call_id: CallId) -> None:
        """A call that was to take this trunk did not leave, or nobody knows how it ended: a probe has told nothing."""
        state = self.of(trunk_id)
        if state.probe == call_id:
            state.probe = None

    def alive(self, trunk_id: TrunkId, placed_at: datetime, now: datetime) -> None:
        """A call by this trunk gave a sign of life."""
        state = self.of(trunk_id)
        if state.down_at is not None and placed_at < state.down_at:
            return
        if state.is_down:
            state.up_at = now
        state.alive_at = now
        state.failed.clear()
        state.down_at = state.probe_at = state.probe = None
        state.rest = FIRST_REST

    def fault(
        self,
        trunk_id: TrunkId,
        call_id: CallId,
        lead_id: LeadId,
        placed_at: datetime,
        now: datetime,
    ) -> None:
        """The trunk, or the network behind it, could not carry a call."""
        self._avoid(lead_id, trunk_id, now)
        state = self.of(trunk_id)
        if state.up_at is not None and placed_at < state.up_at:
            return
        if lead_id not in state.failed:
            state.failed.append(lead_id)
        if state.probe == call_id:
            state.probe = None
            state.rest = min(2 * state.rest, LAST_REST)
            state.probe_at = now + state.rest
        elif not state.is_down and len(state.failed) >= STRIKES:
            state.down_at, state.probe_at = now, now + state.rest

    def clock_stepped(self, by: timedelta) -> None:
        """See clock_step."""
        for state in self.states.values():
            move(state, ("alive_at", "down_at", "up_at", "probe_at"), by)
            state.held = None if state.held is None else moved(state.held, by)
            state.starts = [at + by for at in state.starts]
        self._avoided = {
            lead_id: {trunk_id: at + by for trunk_id, at in met.items()}
            for lead_id, met in self._avoided.items()
        }

    # --- what a lead has met ------------------------------------------------------------------------------------------

    def avoided(self, lead_id: LeadId | None, now: datetime) -> frozenset[TrunkId]:
        """Trunks that failed this lead a moment ago."""
        met = self._avoided.get(lead_id, {}) if lead_id is not None else {}
        return frozenset(trunk_id for trunk_id, at in met.items() if now - at < REMEMBERED)

    def forget(self, lead_id: LeadId) -> None:
        """The lead's next call may take any trunk again."""
        self._avoided.pop(lead_id, None)

    def other_way(
        self, trunks: Sequence[Trunk], phone: str, lead_id: LeadId, now: datetime
    ) -> bool:
        """Whether a trunk that has not failed this lead, and is not down, serves its number."""
        avoided = self.avoided(lead_id, now)
        return any(
            trunk.trunk_id not in avoided
            and not self.of(trunk.trunk_id).is_down
            and trunk.match(phone) is not None
            for trunk in trunks
        )

    def works(self, trunk_id: TrunkId) -> bool:
        """Whether the trunk carries the calls of other leads: a fault is then the number's. Known only of a trunk that
        gave a sign of life since no more than one lead has failed on it."""
        state = self.of(trunk_id)
        return not state.is_down and state.alive_at is not None and len(state.failed) <= 1

    def _avoid(self, lead_id: LeadId, trunk_id: TrunkId, now: datetime) -> None:
        oldest = now - REMEMBERED
        while self._avoided:
            first = next(iter(self._avoided))
            if max(self._avoided[first].values()) > oldest:
                break
            del self._avoided[first]
        met = self._avoided.pop(lead_id, {})
        self._avoided[lead_id] = met | {trunk_id: now}  # the latest is last


def _rate_left(trunk: Trunk, state: TrunkState, now: datetime) -> tuple[int, datetime | None]:
    if trunk.rate is None:
        return UNLIMITED, None
    most, window = trunk.rate
    state.starts = [at for at in state.starts if at > now - window]
    until = state.starts[0] + window if state.starts else None
    return most - len(state.starts), until


def _shortage(rooms: Collection[Room]) -> Shortage | None:
    """The one that passes soonest."""
    known = {room.shortage for room in rooms}
    order = (Shortage.TRUNK_RATE, Shortage.TRUNKS_FULL, Shortage.TRUNKS_DOWN)
    return next((shortage for shortage in order if shortage in known), None)


def _earliest(rooms: Collection[Room]) -> datetime | None:
    return min((room.until for room in rooms if room.until is not None), default=None)
