"""The world: one exchange, the people its trunks reach, the agents at its phones. Deterministic: same scenario, seed and
commands at the same instants, same history."""

from collections.abc import Iterable

from dialer.errors import NotFoundError, TelephonyRefusedError
from dialer.simulator.agents import AgentFloor
from dialer.simulator.carrier import Carrier
from dialer.simulator.dialplan import Dialplan
from dialer.simulator.people import People, Population
from dialer.simulator.scenario import Scenario
from dialer.simulator.schedule import Schedule
from dialer.simulator.switch import (
    FATE_FAMILY,
    NORMAL_CLEARING,
    Channel,
    ChannelState,
    Order,
    Switch,
    Watcher,
)
from dialer.simulator.talks import Talks

TIMEOUT_VARIABLE = "TIMEOUT(absolute)"


class World:
    """Commands act at the instant the world stands at; `advance_to` moves it on. Seconds from the owner's origin.

    `epoch` is where the owner's origin lies on the Unix clock; it only names the agents' channels.
    """

    def __init__(
        self,
        scenario: Scenario,
        watcher: Watcher,
        *,
        seed: int,
        people: People | None = None,
        epoch: int = 0,
    ) -> None:
        self.scenario = scenario
        self.schedule = Schedule()
        self._switch = Switch(self.schedule, watcher)
        self._watcher = watcher
        self._talks = Talks(self._switch, scenario.latency)
        self._dialplan = Dialplan(self._switch, self._talks, scenario)
        met = people or Population(scenario, seed)
        self._carrier = Carrier(self._switch, scenario, met, self._dialplan.start, seed)
        self.agents = AgentFloor(self._switch, scenario, seed, epoch)

    @property
    def now(self) -> float:
        return self.schedule.now

    @property
    def database(self) -> dict[tuple[str, str], str]:
        """The exchange's own database: (family, key) -> value."""
        return self._switch.database

    def next_at(self) -> float | None:
        """When something happens by itself, or None."""
        return self.schedule.next_at()

    def advance_to(self, instant: float) -> None:
        """Let everything happen up to and including `instant`."""
        self.schedule.run_until(instant)

    def originate(self, order: Order) -> None:
        """Dial; what becomes of it is seen by the watcher."""
        self._carrier.place(order)

    def channel(self, name: str) -> Channel:
        """The channel of this name or unique id. Raises NotFoundError."""
        if (channel := self._switch.find(name)) is None:
            raise NotFoundError("No such channel")
        return channel

    def channels(self) -> Iterable[Channel]:
        """Every channel that is up, oldest first."""
        return self._switch.channels.values()

    def redirect(self, name: str, code: str) -> None:
        """Send a customer's channel to the talk with that agent, once. What comes of it is seen by the watcher.

        Raises NotFoundError, or TelephonyRefusedError for a channel that is not up.
        """
        if (channel := self._switch.find(name)) is None:
            raise NotFoundError(f"Channel does not exist: {name}")
        if channel.state is not ChannelState.UP or channel.order is None:
            raise TelephonyRefusedError("Redirect failed, channel not up.")
        self._dialplan.redirect(channel, code)

    def hang_up(self, name: str, cause: int = NORMAL_CLEARING) -> None:
        """Clear a channel from this end. Raises NotFoundError."""
        channel = self.channel(name)
        if channel.order is not None and channel.state is not ChannelState.UP:
            self._carrier.cancel(channel, channel.order, cause)
        else:
            self._talks.hang_up(channel, cause)

    def hang_up_far_end(self, name: str) -> None:
        """The far end hangs up (an agent's phone is put down, a person has had enough). Raises NotFoundError."""
        channel = self.channel(name)
        self._watcher.hangup_requested(channel, NORMAL_CLEARING)
        self._talks.hang_up(channel, NORMAL_CLEARING)

    def set_variable(self, name: str, variable: str, value: str) -> None:
        """Setvar on a channel. TIMEOUT(absolute) is in seconds from now, 0 for none. Raises NotFoundError."""
        channel = self.channel(name)
        if variable != TIMEOUT_VARIABLE:
            channel.variables[variable] = value
            return
        seconds = max(0.0, _number(value))
        self._switch.set_timeout(channel, self.now + seconds if seconds else None)

    def get_variable(self, name: str, variable: str) -> str:
        """Getvar on a channel; unset is empty. Raises NotFoundError."""
        channel = self.channel(name)
        if variable != TIMEOUT_VARIABLE:
            return channel.variables.get(variable, "")
        if channel.timeout_at is None:
            return "0.000"
        return f"{channel.timeout_at - self.now:.3f}"

    def abandoned(self, unique_id: str) -> bool:
        """Whether the dialplan has noted this call as abandoned."""
        return (FATE_FAMILY, unique_id) in self._switch.database


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0
