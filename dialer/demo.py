"""The demonstration: a whole dialling system on one machine, with nobody real at the other end.

The production server (AMI client, engine, SQLite, API) dials 5,000 leads against the simulated exchange, or against the
prepared pair of real Asterisk servers.
"""

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from random import Random
from typing import Any

from pydantic import SecretStr

from asterisk_conf.numbering import FarEndBehaviour, FarEndKind, encode
from dialer.adapters.system_clock import SystemClock
from dialer.bootstrap import Dialer
from dialer.calls import CallState
from dialer.campaign import CampaignState
from dialer.config import (
    AgentSettings,
    ApiSettings,
    AsteriskSettings,
    CampaignSettings,
    DatabaseSettings,
    FixedSettings,
    Settings,
)
from dialer.errors import DialerError
from dialer.ids import CampaignId, TeamId
from dialer.leads import NewLead, Outcome
from dialer.ports import Clock
from dialer.simulator.ami_server import SimulatedExchange
from dialer.simulator.scenario import FAST
from dialer.testbed import TRUNK, AsteriskPair, Unavailable, pair_for
from dialer.testbed_render import free_ports
from dialer.views import TeamView

CAMPAIGN = CampaignId("demo")
TEAM = TeamId("main")
FIRST_CODE = 1001
PAIR_NAME = "demo"
DRAIN_SECONDS = 2.0
LINK_SECONDS = 20.0


@dataclass(frozen=True, kw_only=True, slots=True)
class DemoOptions:
    agents: int = 20
    leads: int = 5000
    seed: int = 1
    host: str = "127.0.0.1"
    port: int = 8000
    asterisk: bool = False


class DemoUnavailableError(DialerError):
    """The demonstration cannot run here"""


def settings_for(options: DemoOptions, asterisk: AsteriskSettings, folder: Path) -> Settings:
    campaign = CampaignSettings(
        id=CAMPAIGN,
        name="Demo",
        team=TEAM,
        profile="DEMO",
        trunks=[TRUNK],
        lines=3 * options.agents + 20,
        calls_per_second=20,
        ring_timeout_seconds=15,
        wrap_up_seconds=4,
        caller_id="+390612345678",
    )
    return FixedSettings(
        asterisk=asterisk,
        database=DatabaseSettings(url=f"sqlite+aiosqlite:///{folder / 'demo.sqlite3'}"),
        api=ApiSettings(host=options.host, port=options.port),
        agents=[
            AgentSettings(code=str(FIRST_CODE + n), name=f"Agent {n + 1}", team=TEAM)
            for n in range(options.agents)
        ],
        campaigns=[campaign],
        log_level="WARNING",
    )


def simulated_leads(count: int) -> list[NewLead]:
    """Numbers for the simulated people; what each of them does follows from the number and the seed."""
    return [
        NewLead(campaign_id=CAMPAIGN, phone=f"+39069{n:08}", name=f"Lead {n + 1}")
        for n in range(count)
    ]


_MIX: Sequence[tuple[float, FarEndBehaviour]] = (
    (0.40, FarEndBehaviour(FarEndKind.PERSON, 2.0, 20)),
    (0.20, FarEndBehaviour(FarEndKind.RINGS_OUT)),
    (0.12, FarEndBehaviour(FarEndKind.VOICEMAIL, 3.0, 10)),
    (0.10, FarEndBehaviour(FarEndKind.REFUSES, sip_code=486)),
    (0.08, FarEndBehaviour(FarEndKind.UNALLOCATED)),
    (0.05, FarEndBehaviour(FarEndKind.HANGS_UP_WAITING, talk_seconds=1.5)),
    (0.03, FarEndBehaviour(FarEndKind.REFUSES, sip_code=603)),
    (0.02, FarEndBehaviour(FarEndKind.FAX, 2.0, 10)),
)
"""What the far end's people do, by share; their ringing and talking varies around these."""


def far_end_leads(count: int, random: Random) -> list[NewLead]:
    """Numbers whose last digits tell the far end what to do."""
    weights = [share for share, _ in _MIX]
    leads = []
    for serial in range(count):
        behaviour = random.choices([each for _, each in _MIX], weights)[0]
        if behaviour.kind is FarEndKind.PERSON:
            ring, talk = random.randint(10, 80) / 10, random.choice((10, 20, 30))
            behaviour = replace(behaviour, ring_seconds=ring, talk_seconds=talk)
        phone = encode(replace(behaviour, serial=serial))
        leads.append(NewLead(campaign_id=CAMPAIGN, phone=phone, name=f"Lead {serial + 1}"))
    return leads


@contextlib.asynccontextmanager
async def exchange(options: DemoOptions, clock: Clock) -> AsyncIterator[AsteriskSettings]:
    """The telephone exchange of the demonstration, while the context lasts."""
    if options.asterisk:
        pair = await asyncio.to_thread(pair_up)
        try:
            ami = pair.pbx.ami
            yield AsteriskSettings(
                host=ami.host, port=ami.port, username=ami.username, secret=SecretStr(ami.secret)
            )
        finally:
            await asyncio.to_thread(pair.down)
        return
    scenario = replace(FAST, agents=options.agents)
    async with SimulatedExchange(scenario, clock=clock, seed=options.seed) as simulated:
        yield AsteriskSettings(
            host=simulated.host, port=simulated.port, username="dialer", secret=SecretStr("dialer")
        )


def pair_up() -> AsteriskPair:
    pair = pair_for(PAIR_NAME, free_ports())
    if isinstance(pair, Unavailable):
        raise DemoUnavailableError(pair.reason)
    pair.up()
    return pair


class Demo:
    """One demonstration that runs: the server, its figures, and when the first bridged call was."""

    def __init__(self, dialer: Dialer, started_at: datetime) -> None:
        self.dialer = dialer
        self.started_at = started_at

    def view(self) -> TeamView:
        return self.dialer.switchboard.runner(TEAM).view()

    def summary(self) -> dict[str, Any]:
        """One JSON object: what was done and how well."""
        view = self.view()
        campaign = view.campaigns[0]
        waits = sorted(view.answered_to_bridged_ms)
        talks = campaign.outcomes.get(Outcome.TALKED, 0) + view.calls.get(CallState.TALKING, 0)
        return {
            "seconds": round((view.at - self.started_at).total_seconds(), 1),
            "agents": sum(agent.since is not None for agent in view.agents),
            "attempts": sum(campaign.outcomes.values()),
            "outcomes": {outcome.value: n for outcome, n in sorted(campaign.outcomes.items())},
            "talks": talks,  # over, and going on
            "answered": campaign.answered,
            "abandoned": campaign.abandoned,
            "abandon_ratio": round(campaign.abandon_ratio, 4),
            "abandon_limit": campaign.abandon_limit,
            "talk_share": round(view.talk_share or 0.0, 3),
            "answered_to_bridged_ms": {
                "p50": round(waits[len(waits) // 2], 1) if waits else None,
                "p99": round(waits[int(len(waits) * 0.99)], 1) if waits else None,
            },
            "calls_up": sum(view.calls.values()),
        }


@contextlib.asynccontextmanager
async def running(options: DemoOptions) -> AsyncIterator[Demo]:
    """The demonstration, dialling, while the context lasts; then stopped cleanly.

    Raises DemoUnavailableError where the real pair cannot run.
    """
    clock = SystemClock()
    with tempfile.TemporaryDirectory(prefix="dialer-demo-") as folder:
        async with exchange(options, clock) as asterisk:
            dialer = await Dialer.open(settings_for(options, asterisk, Path(folder)))
            try:
                await dialer.start()
                yield await _begin(dialer, options)
            finally:
                await dialer.drain(DRAIN_SECONDS)
                await dialer.stop()


async def _begin(dialer: Dialer, options: DemoOptions) -> Demo:
    leads = (
        far_end_leads(options.leads, Random(options.seed))
        if options.asterisk
        else simulated_leads(options.leads)
    )
    await dialer.stores.leads.add(leads, at=dialer.clock.now())
    if options.asterisk:
        await _log_in(dialer, options)
    demo = Demo(dialer, dialer.clock.now())
    await dialer.set_campaign_state(CAMPAIGN, CampaignState.RUNNING)
    return demo


async def _log_in(dialer: Dialer, options: DemoOptions) -> None:
    """The far end's phones log the agents in, once the server watches."""
    pair = pair_for(PAIR_NAME)
    assert isinstance(pair, AsteriskPair)
    async with asyncio.timeout(LINK_SECONDS):
        await dialer.exchanges.wait_up()
    codes = [str(FIRST_CODE + n) for n in range(options.agents)]
    await asyncio.to_thread(pair.login_agents, codes)
