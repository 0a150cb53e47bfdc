"""A history that a simulation made is fitted: what comes out is what went in."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import pytest
from typer.testing import CliRunner

from dialer.__main__ import app
from dialer.adapters.memory import memory_stores
from dialer.adapters.profile_files import ProfileFiles
from dialer.adapters.sql.engine import connect
from dialer.adapters.sql.migrate import migrate
from dialer.adapters.sql.store import stores_on
from dialer.campaign import CampaignPolicy
from dialer.commands import CloseAttempt
from dialer.errors import ConflictError, NotFoundError
from dialer.forecast.history import LEAST_ATTEMPTS, Fitted, fit, history_of
from dialer.forecast.lead_list import LeadList, at_once
from dialer.forecast.measured import Measured
from dialer.forecast.plan import Plan, plan_of, scenario_of
from dialer.ids import AgentId, CallId, CampaignId, LeadId, TeamId
from dialer.leads import NewLead, Outcome
from dialer.ports import Attempt, Stores
from dialer.retry import decide
from dialer.simulator.distributions import LogNormal
from dialer.simulator.scenario import Scenario
from dialer.simulator.shift import Shift
from tests.contract.world import call_to

START = datetime(2026, 11, 24, 8, tzinfo=UTC)


@pytest.fixture(scope="module")
def worked() -> tuple[Plan, list[Attempt]]:
    """Half an hour of 12 agents in a known world."""
    people = {"person": 0.25, "machine": 0.0, "fax": 0.0, "busy": 0.15, "invalid": 0.1}
    talk = {"mean": 40.0, "cv": 0.5}
    plan = plan_of(
        scenario_of(
            {
                "people": people,
                "durations": {"talk": talk},
                "campaign": {"profile": "DEMO", "mode": "progressive"},
            },
            "known.toml",
        ),
        "known.toml",
        profiles=ProfileFiles(),
    )
    rules = plan.policies[0].rules
    leads = LeadList(rules.policy, 3000, zone="Europe/Rome", at=START)
    shift = Shift(rules, leads, seed=3, start=START, agents=12)
    shift.staff(12)
    for _ in shift.until(START + timedelta(minutes=30)):
        pass
    name, attempts = at_once(history_of(leads.stores, "forecast"))
    assert name == "forecast"
    return plan, attempts


@pytest.fixture(scope="module")
def fitted(worked: tuple[Plan, list[Attempt]]) -> Fitted:
    return fit(worked[1], Scenario(), "forecast")


def test_the_shares_are_those_of_the_world(fitted: Fitted) -> None:
    """Some 900 attempts: four standard errors of a share of 25 % are six points."""
    assert fitted.attempts > 600
    shares = fitted.world.shares
    assert shares.person == pytest.approx(0.25, abs=0.06)
    assert shares.busy == pytest.approx(0.15, abs=0.05)
    assert shares.invalid == pytest.approx(0.10, abs=0.05)
    assert shares.machine == 0


def test_the_durations_are_those_of_the_world(fitted: Fitted) -> None:
    """Some 200 talks of 40 s, standard deviation 20: four standard errors are six seconds."""
    talk, ring = fitted.world.talk, fitted.world.ring
    assert isinstance(talk, Measured)
    assert isinstance(ring, Measured)
    assert talk.mean == pytest.approx(40, abs=7)
    assert ring.mean == pytest.approx(9, abs=2)


def test_what_was_not_measured_stays_as_the_scenario_has_it(fitted: Fitted) -> None:
    assert "machine_ring" not in fitted.times
    assert fitted.world.machine_ring == Scenario().machine_ring
    assert fitted.world.wrap_up == LogNormal(15.0, 0.6)


def test_a_history_too_short_says_how_many_it_has_and_needs(
    worked: tuple[Plan, list[Attempt]],
) -> None:
    with pytest.raises(ConflictError, match=rf"has 150 attempts.*{LEAST_ATTEMPTS}"):
        fit(worked[1][:150], Scenario(), "spring")


def test_an_unknown_campaign_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(NotFoundError, match="there are: none"):
        at_once(history_of(memory_stores(), "spring"))


# --- the command, on a database ---------------------------------------------------------------------------------------


async def filled(url: str, count: int) -> None:
    """A campaign with `count` ended attempts: every fifth was a talk of 50 seconds after 8 of ringing."""
    await migrate(url)
    database = connect(url)
    stores = stores_on(database, Random(1))
    policy = CampaignPolicy(campaign_id=CampaignId("spring"), name="Spring", team_id=TeamId("main"))
    try:
        await stores.campaigns.save(policy)
        new = [
            NewLead(campaign_id=policy.campaign_id, phone=f"+39069{number:08}")
            for number in range(count)
        ]
        await stores.leads.add(new, at=START)
        await _try_all(stores, policy, count)
    finally:
        await database.close()


async def _try_all(stores: Stores, policy: CampaignPolicy, count: int) -> None:
    leads = await stores.leads.reserve_due(
        policy.campaign_id, count, owner="one", lease=timedelta(hours=1), at=START
    )
    calls = [call_to(lead, f"call-{lead.lead_id}"[:36], at=START) for lead in leads]
    await stores.attempts.open(calls, owner="one")
    profile = ProfileFiles().get("DEMO")
    ringing, answered = START + timedelta(seconds=2), START + timedelta(seconds=10)
    closes = []
    for index, (call, lead) in enumerate(zip(calls, leads, strict=True)):
        talked = index % 5 == 0
        outcome = Outcome.TALKED if talked else Outcome.NO_ANSWER
        update = decide(
            LeadId(lead.lead_id),
            outcome,
            attempts=0,
            never_rang=0,
            policy=policy,
            profile=profile,
            now=START,
        )
        closes.append(
            CloseAttempt(
                call_id=CallId(call.call_id),
                campaign_id=policy.campaign_id,
                lead_update=update,
                outcome=outcome,
                ended_at=answered + timedelta(seconds=50 if talked else 15),
                cause=16,
                ringing_at=ringing,
                answered_at=answered if talked else None,
                bridged_at=answered if talked else None,
                agent_id=AgentId("1001") if talked else None,
            )
        )
    assert not await stores.attempts.record(closes)


async def test_the_command_fits_to_a_campaign_of_the_database(tmp_path: Path) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path / 'dialer.sqlite3'}"
    await filled(url, 400)
    config = tmp_path / "dialer.toml"
    config.write_text(f'[database]\nurl = "{url}"\n')
    scenario = tmp_path / "next.toml"
    scenario.write_text(
        'replications = 1\n[shift]\nhours = 0.02\n[team]\nagents = 2\n[campaign]\nprofile = "DEMO"\n'
    )
    arguments = ["simulate", str(scenario), "--from-history", "Spring", "--config", str(config)]
    # the command runs an event loop of its own
    done = await _in_a_thread([*arguments, "--json"])
    history = json.loads(done)["history"]
    assert history["attempts"] == 400
    assert history["shares"]["person"] == pytest.approx(0.2)
    assert history["times"] == {"post_dial": 400, "ring": 80, "talk": 80}
    assert "Spring" in await _in_a_thread([*arguments, "--language", "it"])


async def _in_a_thread(arguments: list[str]) -> str:
    done = await asyncio.to_thread(CliRunner().invoke, app, arguments)
    assert done.exit_code == 0, done.output
    return done.stdout
