"""Joining two legs, and what their parting does to each."""

from dialer.errors import TelephonyRefusedError
from dialer.simulator.people import Encounter, TalkEnding
from dialer.simulator.scenario import Latency
from dialer.simulator.switch import NORMAL_CLEARING, Channel, ChannelState, Switch, Talk

BRIDGEABLE = frozenset({"BridgeWait", "Playback"})


class Talks:
    """Bridges of two, as the AMI action Bridge makes them."""

    def __init__(self, switch: Switch, latency: Latency) -> None:
        self._switch, self._latency = switch, latency
        switch.on_close.append(self._leg_closed)

    def join(self, first: Channel, second: Channel) -> None:
        """Pull both legs from where they are and join them.

        As measured on an Asterisk: a leg in another talk is pulled out of it; a pair that is in talk already is torn apart
        and the join refused; one who hears the message can still be joined. Raises TelephonyRefusedError.
        """
        for place, leg in (("Channel1", first), ("Channel2", second)):
            if leg.state is not ChannelState.UP or leg.application not in BRIDGEABLE:
                raise TelephonyRefusedError(f"Unable to add {place} to bridge")
        if first is second:
            raise TelephonyRefusedError("Unable to add Channel2 to bridge")
        if first.talk is not None and first.talk is second.talk:
            self.part(first.talk)
            raise TelephonyRefusedError("Unable to add Channel2 to bridge")
        for leg in (first, second):
            if leg.talk is not None:
                self.part(leg.talk, gone=leg)
        talk = Talk(self._switch.open_bridge(), (first, second))
        for leg in talk.legs:
            self._switch.disarm(leg, "second line", "patience", "message", "resume")
            self._switch.leave(leg)
            leg.talk = talk
        self._switch.schedule.after(self._latency.bridge, lambda: self._start(talk))

    def _start(self, talk: Talk) -> None:
        first, second = talk.legs
        if first.talk is not talk or second.talk is not talk:
            return
        for leg in talk.legs:
            self._switch.enter(talk.bridge, leg)
        for leg in talk.legs:
            if leg.encounter is not None:
                self._plan_end(talk, leg, leg.encounter)

    def _plan_end(self, talk: Talk, customer: Channel, encounter: Encounter) -> None:
        end = self._switch.schedule.now + encounter.talk
        self._switch.arm(customer, "talk", end, lambda: self._end(talk, customer, encounter))

    def _end(self, talk: Talk, customer: Channel, encounter: Encounter) -> None:
        leaver = customer
        if encounter.ending is TalkEnding.AGENT_LEG and talk.other(customer).agent:
            leaver = talk.other(customer)
            leaver.returns = True
        soft = encounter.ending is TalkEnding.AGENT
        self._switch.watcher.hangup_requested(leaver, 0 if soft else NORMAL_CLEARING, soft)
        self._switch.close(leaver, NORMAL_CLEARING)

    def _leg_closed(self, channel: Channel) -> None:
        if channel.talk is not None:
            self.part(channel.talk, gone=channel)

    def part(self, talk: Talk, gone: Channel | None = None) -> None:
        """End the talk: each leg but `gone` goes on in the dialplan."""
        order = talk.legs if talk.legs[0] is gone else talk.legs[::-1]
        for leg in order:
            leg.talk = None
            self._switch.disarm(leg, "talk")
            if leg.bridge is talk.bridge:
                self._switch.leave(leg)
        self._switch.watcher.bridge_closed(talk.bridge)
        later = self._switch.schedule.now + self._latency.dialplan
        for leg in order:
            if leg is not gone:
                self._switch.arm(leg, "resume", later, leg.resume)
