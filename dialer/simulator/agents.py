"""The agents' legs: context `dialer-agent` of docs/reference/dialplan-protocol.md. Agents dial in by themselves."""

from functools import partial
from random import Random

from dialer.simulator.scenario import Scenario
from dialer.simulator.switch import AGENT_GLOBAL, NORMAL_CLEARING, Channel, ChannelState, Switch

AGENT_CONTEXT = "dialer-agent"
PHONE_CONTEXT = "dialer-phones"
LOGIN_CODE = "*45"


class AgentFloor:
    """Who sits at the phones. Codes run up from the scenario's first."""

    def __init__(self, switch: Switch, scenario: Scenario, seed: int, epoch: int) -> None:
        self._switch, self._scenario = switch, scenario
        self._seed, self._epoch = seed, epoch
        self._legs: dict[str, Channel] = {}
        self._wanted: set[str] = set()
        self._dialled_in = 0
        self._redials = 0
        switch.on_close.append(self._leg_closed)
        start = switch.schedule.now
        self.staff(scenario.agents)
        for since, count in scenario.staffing:
            switch.schedule.at(start + since, partial(self.staff, count))

    def staff(self, count: int) -> None:
        """From now on `count` agents: the missing dial in over the login spread, the surplus leave after their call."""
        codes = [str(self._scenario.first_code + index) for index in range(count)]
        missing = [code for code in codes if code not in self._wanted]
        self._wanted = set(codes)
        for index, code in enumerate(missing):
            delay = self._scenario.login_spread * index / len(missing)
            self._switch.schedule.after(delay, partial(self._arrive, code))
        for code, leg in list(self._legs.items()):
            if code not in self._wanted and leg.talk is None:
                self.put_down(code)

    def dial_in(self, code: str) -> None:
        """The agent's phone rings the log-in extension. Nothing happens when the leg is up already."""
        if code in self._legs:
            return
        self._wanted.add(code)
        self._dialled_in += 1
        unique_id = f"{self._epoch}.{self._dialled_in}"
        leg = self._switch.open(code, unique_id, PHONE_CONTEXT, LOGIN_CODE + code)
        leg.agent, leg.number, leg.state = code, code, ChannelState.RING
        self._legs[code] = leg
        self._switch.watcher.channel_opened(leg)
        leg.resume = lambda: self._back(leg)
        leg.on_timeout = lambda: self._switch.close(leg, NORMAL_CLEARING)
        answer = self._switch.schedule.now + self._scenario.latency.dialplan
        self._switch.arm(leg, "answer", answer, lambda: self._answered(leg))

    def put_down(self, code: str) -> None:
        """The agent puts the phone down and stays away. Nothing happens when the leg is not up."""
        self._wanted.discard(code)
        if (leg := self._legs.get(code)) is not None:
            self._switch.watcher.hangup_requested(leg, NORMAL_CLEARING)
            self._switch.close(leg, NORMAL_CLEARING)

    def _answered(self, leg: Channel) -> None:
        leg.context, leg.exten = AGENT_CONTEXT, leg.agent
        self._switch.set_state(leg, ChannelState.UP)
        self._switch.globals[AGENT_GLOBAL + leg.agent] = leg.name
        self._switch.say(leg, "DialerAgentIn", {"Agent": leg.agent})
        self._wait(leg)

    def _back(self, leg: Channel) -> None:
        if leg.agent not in self._wanted:
            self.put_down(leg.agent)
            return
        self._switch.globals[AGENT_GLOBAL + leg.agent] = leg.name
        self._switch.say(leg, "DialerAgentBack", {"Agent": leg.agent})
        self._wait(leg)

    def _wait(self, leg: Channel) -> None:
        room = f"dialer-agent-{leg.agent}"
        self._switch.run(leg, "BridgeWait", f"{room},participant,e(s)")
        self._switch.hold(leg, room)

    def _leg_closed(self, leg: Channel) -> None:
        if not leg.agent or self._legs.get(leg.agent) is not leg:
            return
        del self._legs[leg.agent]
        if leg.returns:
            self._redials += 1
            random = Random(f"{self._seed}/redial/{leg.agent}/{self._redials}")
            delay = self._scenario.redial.draw(random)
            self._switch.schedule.after(delay, partial(self._arrive, leg.agent))

    def _arrive(self, code: str) -> None:
        if code in self._wanted:
            self.dial_in(code)
