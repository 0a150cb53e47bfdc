"""Calls taken back in the simulated world: whose phone rang was an attempt, and so nobody is rung twice because of it."""

from dataclasses import replace

import pytest

from dialer.campaign import PacingMode, TakeBack
from dialer.commands import CloseAttempt, Command, HangUp
from dialer.ids import CallId
from dialer.leads import Outcome
from dialer.simulator.distributions import Uniform
from dialer.simulator.scenario import ITALY, Wire
from dialer.simulator.switch import Channel, ChannelState
from dialer.simulator.virtual import VirtualExchange
from tests.support.shift import START, Shift, policy

LATE = Wire(delay=Uniform(0.1, 0.6))
LEAVING = ((480.0, 6), (600.0, 24), (840.0, 4))
"""Of 24 agents most leave at once, twice."""

WORLD = replace(ITALY, staffing=LEAVING, wire=LATE)


class Witness(VirtualExchange):
    """Knows whose telephone really rang, whenever that is told."""

    rang: set[CallId]

    def state_changed(self, channel: Channel) -> None:
        if not channel.agent and channel.state is ChannelState.RINGING:
            self.rang.add(CallId(channel.unique_id))
        super().state_changed(channel)


class Closes:
    """What a shift says of its calls."""

    def __init__(self) -> None:
        self.outcomes: dict[CallId, CloseAttempt] = {}
        self.hung_up: set[CallId] = set()

    def heard(self, command: Command) -> None:
        if isinstance(command, CloseAttempt):
            self.outcomes[command.call_id] = command
        elif isinstance(command, HangUp):
            self.hung_up.add(CallId(command.call_id))


@pytest.mark.parametrize("take_back", [TakeBack.SILENT, TakeBack.RUNG])
def test_whose_phone_rang_has_had_an_attempt_however_late_it_is_told(take_back: TakeBack) -> None:
    exchange = Witness(WORLD, seed=3, start=START)
    exchange.rang = set()
    rules = replace(policy(PacingMode.PREDICTIVE), take_back=take_back)
    run = Shift(
        PacingMode.PREDICTIVE, agents=24, seed=3, scenario=WORLD, rules=rules, exchange=exchange
    )
    closes = Closes()
    run.on_command = closes.heard
    result = run.work(0.3)
    cancelled = {
        call for call, close in closes.outcomes.items() if close.outcome is Outcome.CANCELLED
    }
    assert len(cancelled) >= 5
    assert cancelled <= closes.hung_up
    assert not cancelled & exchange.rang
    assert not any(closes.outcomes[call].lead_update.counts_as_attempt for call in cancelled)
    rang = closes.hung_up & exchange.rang & closes.outcomes.keys()
    assert all(closes.outcomes[call].lead_update.counts_as_attempt for call in rang)
    assert result.abandon_ratio < 0.1
