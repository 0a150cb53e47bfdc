"""A team with two narrow trunks under any sequence of events: their lines and their calls per second are never exceeded."""

from collections import Counter
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule

from dialer.calls import CallState
from dialer.campaign import PacingMode
from dialer.commands import Command, PlaceCall
from dialer.events import CallNotPlaced, Event, NotOpened, WindowCount
from dialer.ids import AgentId, CallId, TrunkId
from dialer.trunks import Trunk
from tests.properties.test_team_invariants import AGENTS, LINES, TeamMachine
from tests.support import playbook
from tests.support.playbook import at

TRUNKS = {
    trunk.trunk_id: trunk
    for trunk in (
        Trunk(trunk_id=TrunkId("rome"), lines=2, calls_per_second=2),
        Trunk(trunk_id=TrunkId("milan"), calls_per_second=1, weight=2),
        Trunk(trunk_id=TrunkId("backup"), lines=1, calls_per_second=0.5, priority=2),
    )
}
ABOVE = st.sampled_from((NotOpened.TRUNK_LINES, NotOpened.TRUNK_RATE))


class TrunkMachine(TeamMachine):
    def __init__(self) -> None:
        super().__init__()
        self.starts: dict[TrunkId, list[float]] = {trunk_id: [] for trunk_id in TRUNKS}

    @initialize(mode=st.sampled_from(PacingMode), calm=st.just(True))
    def begin(self, mode: PacingMode, calm: bool) -> None:
        trunks: Any = tuple(TRUNKS.values())
        self.policy = {"mode": mode, "lines": LINES, "dial_ratio": 3.0, "trunks": trunks}
        for agent in AGENTS:
            self.team.add_agent(AgentId(agent), agent.title())
        self.feed(playbook.campaign(counts=(WindowCount(answered=1000),) * 2, **self.policy))
        self.feed(playbook.link_up(0))
        for agent in AGENTS:
            self.feed(playbook.logs_in(agent, 0))

    @precondition(lambda self: self.dialing())
    @rule(data=st.data(), reason=ABOVE, step=st.sampled_from((0.0, 0.01, 0.3)))
    def the_store_leaves_a_call_out(
        self, data: st.DataObject, reason: NotOpened, step: float
    ) -> None:
        call = data.draw(st.sampled_from(self.dialing()))
        at_ = at(self.later(step))
        self.feed(CallNotPlaced(call_id=CallId(call), reason=reason, at=at_))

    @precondition(lambda self: self.dialing())
    @rule(data=st.data(), step=st.sampled_from((0.0, 0.1, 1.0)), cause=st.sampled_from((34, 21)))
    def a_call_fails(self, data: st.DataObject, step: float, cause: int) -> None:
        call = data.draw(st.sampled_from(self.dialing()))
        self.feed(playbook.ends(call, self.later(step), cause))

    def dialing(self) -> list[str]:
        calls = self.team.calls.items()
        return [call_id for call_id, call in calls if call.state is CallState.DIALING]

    def note_event(self, event: Event) -> None:
        """A lead that the store left out is in the team's hands again, as one that nobody asked for."""
        refused = isinstance(event, CallNotPlaced) and event.reason in tuple(NotOpened)[-2:]
        if isinstance(event, CallNotPlaced) and refused and event.call_id in self.dialing():
            lead = self.open[event.call_id]
            self.reserved.add(lead)
            self.dialled[lead] -= 1
            self.asked.pop(lead, None)
        super().note_event(event)

    def note_command(self, command: Command) -> None:
        super().note_command(command)
        if isinstance(command, PlaceCall):
            starts = self.starts[command.trunk]
            starts.append(self.seconds)
            rate = TRUNKS[command.trunk].rate
            assert rate is not None
            most, window = rate
            recent = [each for each in starts if each > self.seconds - window.total_seconds()]
            assert len(recent) <= most, "more calls than the trunk's rate"

    @invariant()
    def no_trunk_has_more_calls_than_lines(self) -> None:
        taken = Counter(call.order.trunk for call in self.team.calls.values())
        for trunk in TRUNKS.values():
            assert trunk.lines is None or taken[trunk.trunk_id] <= trunk.lines


TestTrunks = TrunkMachine.TestCase
TestTrunks.settings = settings(stateful_step_count=60)
