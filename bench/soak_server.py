"""The soak's server, one process: the production dialer with its API, on SQLite, and the time of its decisions.

Answers one line of JSON to each line of its input: `sample`, `run` (dial), `drain`, `stop`.

    python -m bench.soak_server PLAN.json EXCHANGE_PORT
"""

import asyncio
import contextlib
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import dialer
from bench.soak_plan import CAMPAIGN, TEAM, Plan, settings_of
from bench.soak_talk import answer_lines
from dialer.bootstrap import Dialer
from dialer.campaign import CampaignState
from dialer.events import DrainRequested, Event, Ticked
from dialer.ids import CampaignId, TeamId
from dialer.leads import Outcome
from dialer.logs import log_to_stderr
from dialer.ports import Metrics
from dialer.serve import api, listen


class Recorder:
    """The Metrics port: passes everything on, and keeps the decisions' times until they are asked for."""

    def __init__(self, inner: Metrics) -> None:
        self._inner = inner
        self.cpu_ms: list[float] = []
        self.wall_ms: list[float] = []
        self.events = 0
        self.quarantined = 0
        self.failed_writes = 0

    def event_handled(self, team_id: TeamId, event: Event, seconds: float) -> None:
        self.events += 1
        if isinstance(event, Ticked):
            self.wall_ms.append(round(seconds * 1000, 3))
        self._inner.event_handled(team_id, event, seconds)

    def decided(self, team_id: TeamId, cpu_seconds: float) -> None:
        self.cpu_ms.append(round(cpu_seconds * 1000, 3))
        self._inner.decided(team_id, cpu_seconds)

    def call_quarantined(self, team_id: TeamId, state: str, event: str) -> None:
        self.quarantined += 1
        self._inner.call_quarantined(team_id, state, event)

    def attempt_closed(self, campaign_id: CampaignId, outcome: Outcome) -> None:
        self._inner.attempt_closed(campaign_id, outcome)

    def answered_to_bridged(self, campaign_id: CampaignId, seconds: float) -> None:
        self._inner.answered_to_bridged(campaign_id, seconds)

    def store_write(self, what: str, seconds: float, ok: bool) -> None:
        self.failed_writes += not ok
        self._inner.store_write(what, seconds, ok)

    def pacing_logged(self, team_id: TeamId, size: int) -> None:
        self._inner.pacing_logged(team_id, size)

    def pacing_log_stopped(self, team_id: TeamId) -> None:
        self._inner.pacing_log_stopped(team_id)

    def take(self) -> dict[str, Any]:
        """Everything since the last call."""
        taken = {"decisions_cpu_ms": self.cpu_ms, "decisions_wall_ms": self.wall_ms}
        self.cpu_ms, self.wall_ms = [], []
        return taken


def sample(server: Dialer, recorder: Recorder) -> dict[str, Any]:
    runner = server.switchboard.runner(TEAM)
    team, view = runner.team, runner.view()
    campaign = view.campaigns[0]
    with_agents = Counter(call.agent_id for call in team.calls.values() if call.agent_id)
    return recorder.take() | {
        "events": recorder.events,
        "quarantined": recorder.quarantined,
        "failed_writes": recorder.failed_writes,
        "backlog": runner.backlog,
        "writes_waiting": runner.writer.backlog,
        "closed": sum(campaign.outcomes.values()),
        "calls": sum(view.calls.values()),
        "own_calls": campaign.dialing + campaign.waiting + campaign.talking,
        "hopper": campaign.hopper,
        "agents_in": sum(agent.since is not None for agent in view.agents),
        "agents_with_two": sum(count > 1 for count in with_agents.values()),
        "abandoned": campaign.abandoned,
        "answered": campaign.answered,
        "abandon_ratio": campaign.abandon_ratio,
        "abandon_limit": campaign.abandon_limit,
        "talk_share": view.talk_share,
        "limited_by": campaign.decision.limited_by.value if campaign.decision else "",
        "stray": dict(team.stray),
        "reconnects": sum(each.reconnects for each in server.exchanges.stats.values()),
    }


async def serve(plan: Plan, folder: Path, exchange_port: int) -> None:
    settings = settings_of(plan, folder, exchange_port)
    log_to_stderr(settings.log_level)
    with contextlib.closing(listen(settings.api)) as sock:
        server = await Dialer.open(settings)
        recorder = Recorder(server.metrics)
        server.metrics = recorder
        try:
            await server.start()
            async with api(server, sock) as port:
                print(f'{{"port": {port}, "code": "{Path(dialer.__file__).parent}"}}', flush=True)
                await obey(server, recorder, plan)
        finally:
            await server.stop()
    print('{"stopped": true}', flush=True)


async def obey(server: Dialer, recorder: Recorder, plan: Plan) -> None:
    async for word, answer in answer_lines():
        match word:
            case "sample":
                answer(sample(server, recorder))
            case "run":
                await server.set_campaign_state(CAMPAIGN, CampaignState.RUNNING)
                answer({})
            case "drain":
                runner = server.switchboard.runner(TEAM)
                runner.post(DrainRequested(at=server.clock.now()))
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(runner.quiet(), plan.drain)
                await runner.settle()
                answer(sample(server, recorder))
            case _:
                return


if __name__ == "__main__":
    plan_file = Path(sys.argv[1])
    asyncio.run(serve(Plan.read(plan_file), plan_file.parent, int(sys.argv[2])))
