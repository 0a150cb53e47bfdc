"""What the soak runs: how long, how many agents, which people. The same plan is read by its three processes."""

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from pydantic import SecretStr

from dialer.config import (
    AgentSettings,
    ApiSettings,
    AsteriskSettings,
    CampaignSettings,
    DatabaseSettings,
    FixedSettings,
    Settings,
)
from dialer.ids import CampaignId, TeamId
from dialer.leads import NewLead
from dialer.simulator.distributions import Below, LogNormal, Shifted
from dialer.simulator.scenario import FAST, Scenario, Shares

CAMPAIGN, TEAM = CampaignId("soak"), TeamId("main")
FIRST_CODE = 1001
LIMIT = 0.03
"""Of the DEMO profile: abandoned / persons answered, over the campaign."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """Seconds throughout. `rate` is the campaign's limit, calls a second, nearly always reached: a little over the 30 to show."""

    seconds: float = 7200.0
    warm_up: float = 900.0
    every: float = 30.0  # one sample
    window: float = 300.0  # one p99
    apart: float = 5.0  # between the two looks at store and exchange
    drain: float = 180.0
    agents: int = 300
    lines: int = 700
    rate: float = 31.0
    talk: float = 25.0
    ring: float = 4.0
    ring_timeout: float = 12.0
    wrap_up: float = 5.0
    leads: int = 260_000
    seed: int = 1
    whole: bool = True  # False: too short for the bars of memory and time

    def save(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self)))

    @classmethod
    def read(cls, path: Path) -> "Plan":
        return cls(**json.loads(path.read_text()))


WHOLE = Plan()
REDUCED = replace(
    WHOLE, seconds=80.0, warm_up=30.0, every=10.0, window=10.0, drain=120.0, leads=8000, whole=False
)


def scenario_of(plan: Plan) -> Scenario:
    """Three in ten calls are answered by a person: at 30 calls/s 300 agents are busy nine tenths of their time."""
    return replace(
        FAST,
        name="soak",
        shares=Shares(
            person=0.30,
            machine=0.02,
            fax=0.0,
            busy=0.10,
            invalid=0.03,
            rejected=0.02,
            congested=0.01,
            dead=0.005,
        ),
        ring=Below(plan.ring_timeout, LogNormal(plan.ring, 0.5)),
        post_dial=Shifted(0.2, LogNormal(0.5, 0.4)),
        talk=LogNormal(plan.talk, 0.6),
        agents=plan.agents,
        first_code=FIRST_CODE,
        login_spread=min(10.0, plan.seconds / 10),
    )


def settings_of(plan: Plan, folder: Path, port: int) -> Settings:
    campaign = CampaignSettings(
        id=CAMPAIGN,
        team=TEAM,
        profile="DEMO",
        lines=plan.lines,
        calls_per_second=plan.rate,
        ring_timeout_seconds=plan.ring_timeout,
        wrap_up_seconds=plan.wrap_up,
        caller_id="+390612345678",
    )
    return FixedSettings(
        asterisk=AsteriskSettings(port=port, secret=SecretStr("dialer")),
        database=DatabaseSettings(url=f"sqlite+aiosqlite:///{folder / 'soak.sqlite3'}"),
        api=ApiSettings(port=0),
        agents=[AgentSettings(code=str(FIRST_CODE + n), team=TEAM) for n in range(plan.agents)],
        campaigns=[campaign],
        log_level="INFO",
    )


def leads_of(plan: Plan) -> list[NewLead]:
    return [NewLead(campaign_id=CAMPAIGN, phone=f"+39069{n:08}") for n in range(plan.leads)]
