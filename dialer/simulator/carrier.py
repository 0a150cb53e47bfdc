"""From the order to the answer: what carriers and far ends do with a dialled number, in the order of events measured on
an Asterisk 22."""

from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from dialer.simulator.people import Behaviour, Encounter, People
from dialer.simulator.scenario import CarrierTerms, Scenario
from dialer.simulator.switch import Channel, ChannelState, Order, Switch

REASON_FAILED, REASON_TIMEOUT, REASON_ANSWERED = 0, 3, 4
NO_ANSWER_CAUSE = 19
TRUNK_CONTEXT = "dialer-inbound"


@dataclass(frozen=True, slots=True)
class Refusal:
    """How a refused call ends: Q.850 cause, dial status, and whether the order's response precedes the channel's end."""

    cause: int
    dial_status: str
    response_first: bool = True


REFUSALS = {
    Behaviour.BUSY: Refusal(17, "BUSY"),
    Behaviour.INVALID: Refusal(1, "NOANSWER"),
    Behaviour.REJECTED: Refusal(21, "NOANSWER"),
    Behaviour.CONGESTED: Refusal(34, "CONGESTION", response_first=False),
}
OUT_OF_ORDER = Refusal(38, "CONGESTION", response_first=False)
RINGS = frozenset(
    {
        Behaviour.PERSON,
        Behaviour.MACHINE,
        Behaviour.FAX,
        Behaviour.NO_ANSWER,
        Behaviour.REJECTED,
    }
)


class Carrier:
    """Dials orders; `answered` gets every channel that somebody or something picked up."""

    def __init__(
        self,
        switch: Switch,
        scenario: Scenario,
        people: People,
        answered: Callable[[Channel], None],
        seed: int = 0,
    ) -> None:
        self._switch, self._scenario, self._people = switch, scenario, people
        self._answered, self._seed = answered, seed
        self._terms = {terms.name: terms for terms in scenario.carriers}
        self._lines_of: Counter[str] = Counter()
        self._lately: dict[str, deque[float]] = {}
        self._attempts: dict[str, int] = {}
        self._started_at = switch.schedule.now
        self._busy_lines = 0
        switch.on_close.append(self._line_freed)

    def place(self, order: Order) -> None:
        """Dial. An endpoint that does not exist, or an id in use, makes no channel, only the order's refusal."""
        now = self._switch.schedule.now
        known = self._scenario.trunks is None or order.endpoint in self._scenario.trunks
        if not known or order.unique_id in self._switch.channels:
            refuse = self._switch.watcher.originated
            self._switch.schedule.at(now, lambda: refuse(order, None, REASON_FAILED))
            return
        channel = self._switch.open(order.endpoint, order.unique_id, TRUNK_CONTEXT, "s")
        channel.order, channel.number, channel.caller_id = order, order.number, order.caller_id
        channel.variables.update(order.variables)
        self._switch.run(channel, "AppDial2", "(Outgoing Line)")
        self._switch.watcher.channel_opened(channel)
        self._plan(channel, order, now)

    def _plan(self, channel: Channel, order: Order, now: float) -> None:
        attempt = self._attempts[order.number] = self._attempts.get(order.number, 0) + 1
        met = channel.encounter = self._people.meet(order.number, attempt, now - self._started_at)
        self._busy_lines += 1
        self._lines_of[order.endpoint] += 1
        arm = self._switch.arm
        arm(channel, "time-out", now + order.timeout, lambda: self._time_out(channel, order))
        post_dial = self._post_dial(order, met, attempt)
        refused = self._refused_at_once(order, now)
        terms = self._terms.get(order.endpoint)
        if refused is not None:
            arm(channel, "dial", now, lambda: self._refuse(channel, order, refused))
        elif terms is not None and terms.is_out(now - self._started_at):
            due = now + post_dial
            arm(channel, "dial", due, lambda: self._refuse(channel, order, OUT_OF_ORDER))
        elif met.behaviour in RINGS:
            arm(channel, "dial", now + post_dial, lambda: self._ring(channel, order))
        elif met.behaviour is not Behaviour.DEAD:
            refusal = REFUSALS[met.behaviour]
            arm(channel, "dial", now + post_dial, lambda: self._refuse(channel, order, refusal))
        begin = now + self._scenario.latency.dial_begin
        arm(channel, "begin", begin, lambda: self._begin(channel))

    def _post_dial(self, order: Order, met: Encounter, attempt: int) -> float:
        terms = self._terms.get(order.endpoint)
        if terms is None or terms.post_dial is None:
            return met.post_dial
        return terms.post_dial.draw(
            Random(f"{self._seed}/{terms.name}/{order.number}/{attempt}/post-dial")
        )

    def _refused_at_once(self, order: Order, now: float) -> Refusal | None:
        """Where there is no line, or no room in the carrier's rate."""
        congested = REFUSALS[Behaviour.CONGESTED]
        lines = self._scenario.lines
        if lines is not None and self._busy_lines > lines:
            return congested
        terms = self._terms.get(order.endpoint)
        if terms is None:
            return None
        if terms.lines is not None and self._lines_of[terms.name] > terms.lines:
            return congested
        return None if self._rate_allows(terms, now) else congested

    def _rate_allows(self, terms: CarrierTerms, now: float) -> bool:
        """Counts the call where it does."""
        if terms.calls_per_second is None:
            return True
        lately = self._lately.setdefault(terms.name, deque())
        while lately and lately[0] <= now - 1.0:
            lately.popleft()
        if len(lately) >= terms.calls_per_second:
            return False
        lately.append(now)
        return True

    def _begin(self, channel: Channel) -> None:
        if channel.dial_begun:
            return
        channel.dial_begun = True
        self._switch.watcher.dialled(channel, "Begin", "")
        if channel.state is ChannelState.RINGING:
            self._switch.watcher.dialled(channel, "State", "RINGING")

    def _ring(self, channel: Channel, order: Order) -> None:
        self._switch.set_state(channel, ChannelState.RINGING)
        if channel.dial_begun:
            self._switch.watcher.dialled(channel, "State", "RINGING")
        met = channel.encounter
        assert met is not None
        instant = self._switch.schedule.now + met.ring
        refusal = REFUSALS.get(met.behaviour)
        if refusal is not None:
            declined = refusal
            self._switch.arm(
                channel, "dial", instant, lambda: self._refuse(channel, order, declined)
            )
        else:
            self._switch.arm(channel, "dial", instant, lambda: self._answer(channel, order))

    def _answer(self, channel: Channel, order: Order) -> None:
        self._begin(channel)
        self._switch.disarm(channel, "time-out", "begin")
        channel.answered_at = self._switch.schedule.now
        self._switch.set_state(channel, ChannelState.UP)
        self._switch.watcher.dialled(channel, "End", "ANSWER")
        channel.context, channel.exten = order.context, order.exten
        step = channel.answered_at + self._scenario.latency.dialplan
        self._switch.arm(channel, "answered", step, lambda: self._answered(channel))
        told = self._switch.watcher.originated
        self._switch.schedule.at(step, lambda: told(order, channel, REASON_ANSWERED))

    def _refuse(self, channel: Channel, order: Order, refusal: Refusal) -> None:
        self._begin(channel)
        watcher = self._switch.watcher
        watcher.hangup_requested(channel, refusal.cause)
        if refusal.response_first:
            watcher.originated(order, channel, REASON_FAILED)
        watcher.dialled(channel, "End", refusal.dial_status)
        self._switch.close(channel, refusal.cause)
        if not refusal.response_first:
            watcher.originated(order, channel, REASON_FAILED)

    def _time_out(self, channel: Channel, order: Order) -> None:
        self._begin(channel)
        self._switch.close(channel, NO_ANSWER_CAUSE)
        self._switch.watcher.originated(order, channel, REASON_TIMEOUT)

    def cancel(self, channel: Channel, order: Order, cause: int) -> None:
        """Hang up a call that nobody has answered yet."""
        self._begin(channel)
        self._switch.watcher.dialled(channel, "End", "NOANSWER")
        self._switch.watcher.originated(order, channel, REASON_FAILED)
        self._switch.close(channel, cause)

    def _line_freed(self, channel: Channel) -> None:
        if channel.order is not None:
            self._busy_lines -= 1
            self._lines_of[channel.order.endpoint] -= 1
