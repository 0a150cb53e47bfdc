"""Calls taken back on a real Asterisk: agents leave while no phone rings yet; the calls end, the leads are as good as new."""

from __future__ import annotations

from pathlib import Path

import pytest

from asterisk_conf.numbering import FarEndBehaviour, FarEndKind, encode
from dialer.ids import ONLY_NODE, AgentId, CallId
from dialer.leads import Lead, LeadState, NewLead, Outcome
from dialer.testbed import AsteriskPair
from tests.support.live_server import CAMPAIGN, TEAM, LiveServer, live_server, until

pytestmark = pytest.mark.asterisk

CODES = [str(2001 + n) for n in range(10)]
TALKERS = 56  # more than the answers by which a trunk shows that it tells of ringing
PEOPLE = [FarEndBehaviour(FarEndKind.PERSON, 5 + n % 10 / 2, 1, None, n) for n in range(TALKERS)]
FAR_AWAY = [FarEndBehaviour(FarEndKind.NO_REPLY, serial=100 + n) for n in range(len(CODES))]
AT_ONCE, TAKEN_BACK = 6, 3


@pytest.mark.timeout(240)
async def test_calls_for_agents_who_left_end_before_a_phone_rings(
    asterisk_pair: AsteriskPair, tmp_path: Path
) -> None:
    numbers = [encode(one) for one in (*PEOPLE, *FAR_AWAY)]
    leads = [NewLead(campaign_id=CAMPAIGN, phone=number) for number in numbers]
    far_away = set(numbers[TALKERS:])
    rules = {"mode": "predictive", "take_back": "silent", "ring_timeout_seconds": 30}
    async with live_server(asterisk_pair, tmp_path, CODES, leads, **rules) as server:
        await server.log_in(CODES)
        team = server.dialer.switchboard.runner(TEAM).team
        exchange = server.dialer.exchanges[ONLY_NODE]

        def waiting() -> set[str]:
            """Calls that no phone has rung for yet."""
            up = team.calls.values()
            return {call.order.call_id for call in up if call.order.phone in far_away}

        await server.start()
        await until(lambda: len(waiting()) >= AT_ONCE, 110, "calls for most agents, none rings")
        for code in CODES[1:]:
            leg = team.agents[AgentId(code)].leg
            if leg is not None:
                await exchange.hang_up(leg)
        await until(lambda: taken_back(server) >= TAKEN_BACK, 10, "calls taken back")
        await server.pause()
        await server.settle()

        stores = server.dialer.stores
        stored = await stores.leads.page(CAMPAIGN, after=None, limit=100, state=None)
        back = [lead for lead in stored if lead.last_outcome is Outcome.CANCELLED]
        assert len(back) >= TAKEN_BACK
        for lead in back:
            assert lead.phone in far_away
            assert (lead.state, lead.attempts) == (LeadState.RETRY, 0)
            (attempt,) = await stores.attempts.of_lead(lead.lead_id)
            assert (attempt.ringing_at, attempt.answered_at) == (None, None)
        ended = {call_id for lead in back for call_id in await calls_of(server, lead)}
        up = {leg.call_id for leg in (await exchange.channels_up()).calls}
        assert not up & ended  # nothing of them is left on the exchange
        for call_id in up:
            await exchange.hang_up(call_id)
        await server.log_out()


def taken_back(server: LiveServer) -> int:
    return server.campaign().outcomes.get(Outcome.CANCELLED, 0)


async def calls_of(server: LiveServer, lead: Lead) -> list[CallId]:
    return [one.call_id for one in await server.dialer.stores.attempts.of_lead(lead.lead_id)]
