"""Scenario files: what they say becomes what is run, and what they cannot say is refused by name."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from statistics import fmean
from typing import Any

import pytest

from dialer.adapters.profile_files import ProfileFiles
from dialer.campaign import PacingMode
from dialer.errors import InvalidInputError
from dialer.forecast.measured import measured
from dialer.forecast.plan import Plan, plan_of, read_scenario, scenario_of, world_of
from dialer.forecast.scenario_file import DurationPart
from dialer.leads import Outcome
from dialer.simulator.distributions import Constant, Distribution
from dialer.simulator.scenario import Wire

EXAMPLES = sorted((Path(__file__).parents[2] / "examples" / "forecasts").glob("*.toml"))


def planned(data: dict[str, Any]) -> Plan:
    return plan_of(scenario_of(data, "x.toml"), "x.toml", profiles=ProfileFiles())


def mean_of(distribution: Distribution, draws: int = 4000) -> float:
    random = Random(1)
    return fmean(distribution.draw(random) for _ in range(draws))


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"shft": {}}, "x.toml: shft: no such key; did you mean 'shift'?"),
        ({"shift": {"our": 3}}, "x.toml: shift.our: no such key; did you mean 'hours'?"),
        ({"shift": {"hours": 30}}, "x.toml: shift.hours: Input should be less than or equal to 16"),
        ({"shift": {"zone": "Rome"}}, "x.toml: shift.zone: is no time zone such as Europe/Rome"),
        ({"shift": {"weekdays": ["lun"]}}, "x.toml: shift.weekdays: give some of mon, tue, wed"),
        ({"people": {"person": 0.9, "machine": 0.2}}, "x.toml: people: the shares come to more"),
        ({"people": {"later": [{"after_minutes": 5, "person": 1}]}}, "x.toml: people: later: with"),
        ({"people": {"later": [{"person": 0.1}]}}, "people.later.0.after_minutes: Field required"),
        ({"durations": {"talk": {"mean": 9, "exactly": 9}}}, "durations.talk: give one of mean"),
        ({"durations": {"talk": {"between": [5, 2]}}}, "durations.talk: between: give two numbers"),
        ({"durations": {"talk": {"exactly": 5, "cv": 1}}}, "durations.talk: cv belongs to mean"),
        ({"team": {"wrap_up": {"men": 3}}}, "team.wrap_up.men: no such key; did you mean 'mean'?"),
        (
            {"durations": {"talk": {"mixture": [{"share": 0.5, "mean": 9}]}}},
            "durations.talk: mixture: the shares must come to 1",
        ),
        (
            {"durations": {"talk": {"mixture": [{"share": 1.0, "men": 9}]}}},
            "durations.talk.mixture.0.men: no such key; did you mean 'mean'?",
        ),
        ({"durations": {"talk": {"mixture": []}}}, "durations.talk: give one of mean"),
        ({"segments": [{"name": "firms"}]}, "x.toml: segments.0.share: Field required"),
        (
            {"segments": [{"name": "a", "share": 0.1, "person": 0.9}]},
            "segments: 'a': with those of [people], the shares come to more than 1",
        ),
        (
            {"segments": [{"name": "a", "share": 0.6}, {"name": "b", "share": 0.6}]},
            "segments: together they are more than the list",
        ),
        (
            {"segments": [{"name": "a", "share": 0.1}, {"name": "a", "share": 0.1}]},
            "segments: two are named 'a'",
        ),
        ({"team": {"break_share": 2}}, "team.break_share: Input should be less than or equal to 1"),
        ({"wire": {"dely": {"exactly": 1}}}, "wire.dely: no such key; did you mean 'delay'?"),
        ({"leads": {}}, "x.toml: leads.count: Field required"),
        ({"campaign": {"mod": "ratio"}}, "campaign.mod: no such key; did you mean 'mode'?"),
        (
            {"campaign": {"retry_minutes": {"busy": -1}}},
            "retry_minutes: a delay cannot be negative",
        ),
        ({"policies": [{"name": "a", "mod": 1}]}, "x.toml: policies.0: mod: no such key; did you"),
        ({"policies": [{"name": "a"}, {"name": "a"}]}, "x.toml: policies: two are named 'a'"),
    ],
)
def test_what_cannot_be_is_refused_by_file_and_key(data: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        scenario_of(data, "x.toml")
    assert said in str(refused.value)


def test_an_unknown_law_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(InvalidInputError, match=r"campaign\.profile.*IT-GARANTE"):
        planned({"campaign": {"profile": "ATLANTIS"}})


def test_a_mode_in_which_agents_ask_for_calls_is_refused() -> None:
    with pytest.raises(InvalidInputError, match=r"policies\.manual: mode: manual calls"):
        planned({"campaign": {"mode": "manual"}})


def test_a_time_at_which_the_law_lets_nobody_be_rung_is_refused() -> None:
    with pytest.raises(InvalidInputError, match=r"shift\.begins.*IT-GARANTE"):
        planned({"shift": {"begins": "03:00:00"}})


def test_a_file_that_is_not_there_or_not_toml_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match=r"none\.toml"):
        read_scenario(tmp_path / "none.toml")
    broken = tmp_path / "broken.toml"
    broken.write_text("[shift\n")
    with pytest.raises(InvalidInputError, match=r"broken\.toml"):
        read_scenario(broken)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_an_example_can_be_planned(path: Path) -> None:
    plan = plan_of(read_scenario(path), str(path), profiles=ProfileFiles())
    assert plan.policies


def test_an_empty_file_is_a_scenario() -> None:
    plan = planned({})
    assert [policy.name for policy in plan.policies] == ["predictive"]
    assert plan.leads is None


def test_a_policy_overrides_the_campaign_and_nothing_else() -> None:
    plan = planned(
        {
            "campaign": {"mode": "ratio", "lines": 90, "retry_minutes": {"busy": 30}},
            "policies": [{"name": "two", "dial_ratio": 2.0}, {"name": "big", "agents": 33}],
        }
    )
    two, big = plan.policies
    assert (two.rules.policy.mode, two.rules.policy.dial_ratio) == (PacingMode.RATIO, 2.0)
    assert big.agents == 33
    assert two.agents == 20
    for policy in plan.policies:
        assert policy.rules.policy.lines == 90
        assert policy.rules.policy.retry[Outcome.BUSY] == timedelta(minutes=30)
        assert policy.rules.policy.retry[Outcome.NO_ANSWER] == timedelta(hours=4)


def test_working_days_skip_what_is_not_worked_and_what_the_law_closes() -> None:
    """From Friday 2026-12-04: Tuesday the 8th is a holiday in Italy, on its eve the law opens later than the team begins."""
    plan = planned({"shift": {"first_day": "2026-12-04", "days": 3}})
    assert [day.date().isoformat() for day in plan.days] == [
        "2026-12-04",
        "2026-12-07",
        "2026-12-09",
    ]
    assert plan.days[0].astimezone(UTC) == datetime(2026, 12, 4, 8, tzinfo=UTC)


def test_shares_that_change_in_the_day_change_on_every_day() -> None:
    plan = planned(
        {
            "shift": {"first_day": "2026-11-24", "days": 2},
            "people": {"person": 0.3, "busy": 0.2, "later": [{"after_minutes": 60, "person": 0.5}]},
        }
    )
    world = plan.policies[0].rules.scenario
    day = 86400.0
    shares = [world.shares_at(at).person for at in (0, 3599, 3600, day - 1, day, day + 3600)]
    assert shares == [0.3, 0.3, 0.5, 0.5, 0.3, 0.5]
    assert world.shares_at(3600).busy == 0.2  # what is not given stays


@pytest.mark.parametrize(
    ("given", "mean"),
    [
        ({"mean": 20.0, "cv": 0.5}, 20.0),
        ({"exponential": 8.0}, 8.0),
        ({"between": (2.0, 6.0)}, 4.0),
        ({"exactly": 3.0}, 3.0),
        ({"exactly": 3.0, "plus": 1.5}, 4.5),
    ],
)
def test_a_duration_has_the_mean_that_it_says(given: dict[str, Any], mean: float) -> None:
    assert mean_of(DurationPart(**given).distribution()) == pytest.approx(mean, rel=0.05)


def test_a_duration_below_a_limit_stays_below_it() -> None:
    drawn = DurationPart(mean=20.0, cv=1.0, below=10.0).distribution()
    assert max(drawn.draw(Random(seed)) for seed in range(200)) < 10.0


def test_a_measured_distribution_draws_what_was_measured() -> None:
    sample = [float(number) ** 2 for number in range(50)]
    drawn = measured(sample)
    assert drawn.mean == pytest.approx(fmean(sample), rel=0.05)
    assert mean_of(drawn) == pytest.approx(fmean(sample), rel=0.05)
    assert drawn.quantiles[0] == min(sample)
    assert drawn.quantiles[-1] == max(sample)
    assert measured([7.0]).draw(Random(1)) == 7.0


def test_the_world_is_as_the_file_has_it() -> None:
    world = world_of(scenario_of({"carrier": {"lines": 9}, "people": {"person": 0.2}}, "x.toml"))
    assert world.lines == 9
    assert world.shares.person == 0.2


def test_kinds_of_numbers_breaks_mixtures_and_late_events_are_in_the_world() -> None:
    data = {
        "people": {"person": 0.2, "machine": 0.1},
        "durations": {
            "talk": {"mixture": [{"share": 0.75, "exactly": 20}, {"share": 0.25, "exactly": 200}]}
        },
        "segments": [{"name": "firms", "share": 0.3, "person": 0.5, "ring": {"exactly": 4}}],
        "team": {"break_share": 0.1, "break_seconds": {"exactly": 60}},
        "wire": {"delay": {"exactly": 0.25}, "lost_ends": 0.02},
    }
    world = planned(data).policies[0].rules.scenario
    assert mean_of(world.talk) == pytest.approx(65, abs=8)
    (firms,) = world.segments
    assert firms.shares is not None
    assert (firms.share, firms.shares.person, firms.shares.machine) == (0.3, 0.5, 0.1)
    assert (firms.ring, firms.talk) == (Constant(4), None)
    assert (world.break_share, world.break_seconds) == (0.1, Constant(60))
    assert world.wire == Wire(delay=Constant(0.25), lost_ends=0.02)
