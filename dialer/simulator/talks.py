"""Joining two legs, and what their parting does to each."""

from dialer.simulator.people import Encounter, TalkEnding
from dialer.simulator.scenario import Latency
from dialer.simulator.switch import NORMAL_CLEARING, Channel, Switch, Talk


class Talks:
    """Basic bridges of a customer and an agent, as the dialplan's Bridge() makes them."""

    def __init__(self, switch: Switch, latency: Latency) -> None:
        self._switch, self._latency = switch, latency
        switch.on_close.append(self._leg_closed)

    def join(self, customer: Channel, agent: Channel) -> None:
        """Pull the agent's leg out of its wait and join the two, until one hangs up."""
        talk = Talk(self._switch.open_bridge(), (customer, agent))
        for leg in talk.legs:
            self._switch.disarm(leg, "resume")
            self._switch.leave(leg)
            leg.talk = talk
        for leg in talk.legs:
            self._switch.enter(talk.bridge, leg)
        if (met := customer.encounter) is not None:
            end = min(self._switch.schedule.now + met.talk, customer.answered_at + met.stay)
            self._switch.arm(customer, "talk", end, lambda: self._end(customer, agent, met))

    def _end(self, customer: Channel, agent: Channel, met: Encounter) -> None:
        """One of the two has said enough."""
        leaver = customer
        if met.ending is TalkEnding.AGENT_LEG:
            leaver = agent
            agent.returns = True
        if met.ending is not TalkEnding.AGENT:
            self._switch.watcher.hangup_requested(leaver, NORMAL_CLEARING)
        self.hang_up(leaver, NORMAL_CLEARING)

    def hang_up(self, leg: Channel, cause: int) -> None:
        """Close a leg. A customer's leaves the talk first and is gone a moment later, when the agent's is back already."""
        if "close" in leg.timers:
            return
        if leg.talk is None or leg.agent:
            self._switch.close(leg, cause)
            return
        self.part(leg.talk, first=leg)
        end = self._switch.schedule.now + self._latency.dialplan
        self._switch.arm(leg, "close", end, lambda: self._switch.close(leg, cause))

    def _leg_closed(self, channel: Channel) -> None:
        if channel.talk is not None:
            self.part(channel.talk, first=channel)

    def part(self, talk: Talk, first: Channel) -> None:
        """End the talk: `first` is out of it, and the other goes on in its dialplan."""
        other = talk.other(first)
        for leg in (first, other):
            leg.talk = None
            self._switch.disarm(leg, "talk")
            self._switch.leave(leg)
        later = self._switch.schedule.now + self._latency.dialplan
        self._switch.arm(other, "resume", later, other.resume)
