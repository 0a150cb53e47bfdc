"""Mode assured on a real Asterisk: whoever answers is joined with the agent who was held for that very call."""

from __future__ import annotations

from pathlib import Path

import pytest

from asterisk_conf.numbering import FarEndBehaviour, FarEndKind, encode
from dialer.agents import AgentPhase
from dialer.ids import AgentId, CallId
from dialer.leads import NewLead, Outcome
from dialer.testbed import AsteriskPair
from tests.support.live_server import CAMPAIGN, TEAM, live_server, until

pytestmark = pytest.mark.asterisk

CODES = ["2001", "2002", "2003"]
PEOPLE = [FarEndBehaviour(FarEndKind.PERSON, 0.5 + 0.3 * (n % 3), 1, None, n) for n in range(6)]
BUSY = [FarEndBehaviour(FarEndKind.REFUSES, sip_code=486, serial=10 + n) for n in range(2)]


@pytest.mark.timeout(60)
async def test_the_answer_is_joined_with_the_agent_who_is_held(
    asterisk_pair: AsteriskPair, tmp_path: Path
) -> None:
    leads = [NewLead(campaign_id=CAMPAIGN, phone=encode(one)) for one in [*PEOPLE, *BUSY]]
    async with live_server(asterisk_pair, tmp_path, CODES, leads, mode="assured") as server:
        await server.log_in(CODES)
        team = server.dialer.switchboard.runner(TEAM).team
        held: dict[CallId, AgentId] = {}
        talked: dict[CallId, AgentId] = {}

        def done() -> bool:
            for agent in team.agents.values():
                if agent.phase is AgentPhase.RESERVED and agent.call_id:
                    held.setdefault(agent.call_id, agent.agent_id)
                if agent.phase is AgentPhase.TALKING and agent.call_id:
                    talked.setdefault(agent.call_id, agent.agent_id)
            return server.closed() >= len(leads)

        await server.start()
        await until(done, 30, "every outcome")
        assert server.campaign().outcomes == {Outcome.TALKED: 6, Outcome.BUSY: 2}
        assert len(talked) == 6
        assert talked.items() <= held.items()
        assert all(wait < 1000 for wait in server.view().answered_to_bridged_ms)
        await until(lambda: all(agent.is_free for agent in team.agents.values()), 5, "all free")
        await server.log_out()
