"""A forecast on small scenarios: the figures fit together, the list is used up as the retry rules say, seeds decide all."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from dialer.__main__ import app
from dialer.adapters.profile_files import ProfileFiles
from dialer.errors import InvalidInputError
from dialer.forecast.figures import Forecast
from dialer.forecast.plan import Plan, plan_of, scenario_of
from dialer.forecast.plots import draw
from dialer.forecast.replication import Replication, laws, replicate
from dialer.forecast.runner import run
from dialer.texts import TEXTS, Language

SMALL: dict[str, Any] = {
    "replications": 2,
    "shift": {"hours": 0.1},
    "team": {"agents": 4, "login_spread": 2.0},
    "campaign": {"profile": "DEMO"},
}
EVERYBODY = {"person": 1.0, "machine": 0, "fax": 0, "busy": 0, "invalid": 0, "rejected": 0}
EVERYBODY |= {"congested": 0, "dead": 0, "impatient": 0}


def planned(data: dict[str, Any]) -> Plan:
    return plan_of(scenario_of(data, "small.toml"), "small.toml", profiles=ProfileFiles())


def once(data: dict[str, Any], seed: int = 1) -> Replication:
    plan = planned(SMALL | data)
    return replicate(plan, plan.policies[0], seed, lambda _share: None)


@pytest.fixture(scope="module")
def compared() -> Forecast:
    policies = [{"name": "p"}, {"name": "one", "mode": "progressive"}, {"name": "6", "agents": 6}]
    return run(planned(SMALL | {"policies": policies}))


def test_the_same_plan_gives_the_same_forecast_in_one_process_and_in_two(
    compared: Forecast,
) -> None:
    policies = [{"name": "p"}, {"name": "one", "mode": "progressive"}, {"name": "6", "agents": 6}]
    assert run(planned(SMALL | {"policies": policies}), jobs=2) == compared


def test_another_seed_meets_other_people() -> None:
    assert once({}, seed=1) != once({}, seed=2)


def test_policies_stand_side_by_side(compared: Forecast) -> None:
    assert [policy.name for policy in compared.policies] == ["p", "one", "6"]
    assert [policy.agents for policy in compared.policies] == [4, 4, 6]
    first, one, six = compared.policies
    assert not first.against_first
    gain = one.against_first["talks"].mean
    assert gain == pytest.approx(one.figures["talks"].mean - first.figures["talks"].mean)
    assert six.figures["talks"].mean > first.figures["talks"].mean
    assert one.figures["lines_needed"].most <= 4


def test_each_law_of_the_profile_is_stated_with_its_limit(compared: Forecast) -> None:
    for policy in compared.policies:
        assert [(law.window, law.limit_ratio) for law in policy.laws] == [
            ("campaign_total", 0.03),
            ("calendar_day", 0.04),
        ]


def test_a_day_over_its_limit_is_said_to_be_where_the_whole_campaign_is_not() -> None:
    """100 answers with 3 abandoned on a Tuesday (3 %), 20 with 1 on the Wednesday (5 %): 3.3 % in all."""
    profile = ProfileFiles().get("IT-GARANTE")
    tuesday = datetime(2026, 11, 24, 22, 30, tzinfo=UTC)  # 23:30 in Rome
    wednesday = tuesday + timedelta(hours=1)
    answers = [(tuesday, number < 3) for number in range(100)]
    answers += [(wednesday, number < 1) for number in range(20)]
    total, day = laws(profile, answers, tuesday)
    assert (total.answered, total.abandoned, total.over) == (120, 4, True)
    assert (day.answered, day.abandoned, day.over) == (20, 1, True)
    total, day = laws(profile, answers[:100], tuesday)
    assert not total.over  # exactly at the limit is not over it
    assert not day.over
    assert laws(profile, [], None)[0].ratio == 0


def test_agents_who_all_leave_at_once_show_in_the_abandoned() -> None:
    """Six agents, from the third minute on none: whom the calls in flight reach then finds nobody."""
    gone = {"agents": 6, "login_spread": 1.0, "changes": [{"after_minutes": 3, "agents": 0}]}
    results = [once({"people": EVERYBODY, "team": gone}, seed=seed) for seed in range(3)]
    assert any(result.laws[0].over for result in results)
    for result in results:
        assert result.laws[0].abandoned == result.abandoned


def test_a_list_of_people_who_all_answer_is_used_up_with_one_call_each() -> None:
    """Progressive abandons nobody; forty talks of ten seconds by four agents take a few minutes."""
    result = once(
        {
            "people": EVERYBODY,
            "durations": {"talk": {"exactly": 10}},
            "leads": {"count": 40},
            "campaign": {"profile": "DEMO", "mode": "progressive"},
        }
    )
    assert (result.dialled, result.talks, result.leads_left) == (40, 40, 0)
    assert result.hours_exhausted is not None
    assert result.hours_first_pass is not None
    assert 40 * 10 / 4 / 3600 < result.hours_first_pass <= result.hours_exhausted < 0.1


def test_leads_are_tried_as_often_as_the_campaign_says_and_no_more() -> None:
    """Nobody ever answers: each lead is tried three times, six minutes apart, and is then done with."""
    nobody = dict.fromkeys(EVERYBODY, 0.0)
    result = once(
        {
            "people": nobody,
            "shift": {"hours": 0.5},
            "leads": {"count": 12},
            "campaign": {
                "profile": "DEMO",
                "mode": "progressive",
                "max_attempts": 3,
                "retry_minutes": {"no_answer": 6},
            },
        }
    )
    assert result.dialled == 3 * 12
    assert result.leads_left == 0
    assert result.hours_exhausted is not None
    assert result.hours_exhausted > 2 * 6 / 60


def test_whom_the_day_has_no_more_calls_for_is_called_on_the_next() -> None:
    """Nobody answers, and each is due again after a minute: four calls a day is what a person gets, and six in all."""
    nobody = dict.fromkeys(EVERYBODY, 0.0)
    campaign = {"profile": "DEMO", "mode": "progressive", "max_attempts": 6}
    campaign |= {"retry_minutes": {"no_answer": 1}}
    given = {"people": nobody, "leads": {"count": 5}, "campaign": campaign}
    one = once(given | {"shift": {"hours": 0.5}})
    two = once(given | {"shift": {"hours": 0.5, "days": 2}})
    assert (one.dialled, one.leads_left) == (4 * 5, 5)
    assert (two.dialled, two.leads_left) == (6 * 5, 0)


def test_a_list_too_long_for_the_days_is_said_to_be_left() -> None:
    forecast = run(planned(SMALL | {"leads": {"count": 5000}}))
    (policy,) = forecast.policies
    assert policy.list is not None
    assert policy.list.exhausted == 0
    assert policy.list.hours_exhausted is None
    assert policy.list.leads_left.mean > 4000


def test_a_second_day_goes_on_with_what_the_first_one_left() -> None:
    """What was not answered on the first day is due again after a day: on the second it is tried again."""
    nobody = dict.fromkeys(EVERYBODY, 0.0)
    result = once(
        {
            "people": nobody,
            "shift": {"hours": 0.1, "days": 2},
            "leads": {"count": 10},
            "campaign": {
                "profile": "DEMO",
                "mode": "progressive",
                "max_attempts": 2,
                "retry_minutes": {"no_answer": 600},
            },
        }
    )
    assert result.dialled == 20
    assert result.leads_left == 0
    assert result.starved_share > 0.1


def test_idle_time_without_leads_is_no_waiting() -> None:
    result = once(
        {
            "people": EVERYBODY,
            "durations": {"talk": {"exactly": 10}},
            "leads": {"count": 4},
            "shift": {"hours": 0.1, "days": 1},
        }
    )
    assert result.wait_seconds < 60


def test_the_work_is_seen_from_its_first_minute_on() -> None:
    """Two agents at once, for six minutes in 48 steps: in each somebody is there, and calls are up."""
    result = once({"team": {"agents": 2, "login_spread": 1.0}, "people": EVERYBODY})
    assert all(step.talk_share is not None for step in result.timeline)
    assert all(step.lines > 0 for step in result.timeline[1:])


# --- the command ------------------------------------------------------------------------------------------------------


@pytest.fixture
def scenario(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.toml"
    path.write_text(
        "replications = 2\n[shift]\nhours = 0.02\n[team]\nagents = 2\nlogin_spread = 1\n"
        '[campaign]\nprofile = "DEMO"\n[leads]\ncount = 500\n'
    )
    return path


def test_the_command_prints_json(scenario: Path) -> None:
    done = CliRunner().invoke(app, ["simulate", str(scenario), "--json"])
    assert done.exit_code == 0, done.output
    forecast = json.loads(done.stdout)
    (policy,) = forecast["policies"]
    assert policy["replications"] == 2
    assert set(policy["figures"]["talk_share"]) == {"mean", "half", "least", "most"}
    assert policy["laws"][0]["limit_ratio"] == 0.03


@pytest.mark.parametrize(("language", "place"), [("en", 0), ("it", 1)])
def test_the_command_prints_a_table_in_both_languages(
    scenario: Path, language: str, place: int
) -> None:
    arguments = ["simulate", str(scenario), "--language", language, "--replications", "1"]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.output
    for key in ("talk_share", "wait_seconds", "lines_needed", "exhausted"):
        assert TEXTS[f"forecast.{key}"][place] in done.stdout


@pytest.mark.parametrize(("kind", "begin"), [("png", b"\x89PNG"), ("svg", b"<?xml")])
def test_the_plots_are_files_of_the_kind_that_was_asked_for(
    compared: Forecast, tmp_path: Path, kind: str, begin: bytes
) -> None:
    paths = draw(compared, tmp_path / "new", kind, Language.IT)
    assert [path.name for path in paths] == [f"frontier.{kind}", f"timeline.{kind}"]
    for path in paths:
        assert path.read_bytes().startswith(begin)


def test_a_plot_names_its_policies_and_the_limits_and_is_the_same_each_time(
    compared: Forecast, tmp_path: Path
) -> None:
    first, again = (draw(compared, tmp_path / name, "svg", Language.EN)[0] for name in "ab")
    drawn = first.read_text(encoding="utf-8")
    assert drawn == again.read_text(encoding="utf-8")
    for word in ("one", "DEMO: 3 %", "wait between talks, seconds"):
        assert word in drawn


def test_a_folder_that_cannot_be_made_is_refused_by_name(
    compared: Forecast, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InvalidInputError, match="file"):
        draw(compared, tmp_path / "file", "svg", Language.EN)


def test_the_command_draws(scenario: Path, tmp_path: Path) -> None:
    arguments = ["simulate", str(scenario), "--replications", "1", "--plots", str(tmp_path / "p")]
    done = CliRunner().invoke(app, [*arguments, "--plot-format", "svg"])
    assert done.exit_code == 0, done.output
    assert (tmp_path / "p" / "frontier.svg").is_file()
    assert "timeline.svg" in done.stdout


def test_a_day_ends_although_the_ends_of_its_calls_are_never_told() -> None:
    """The last talks of the day are found by looking at the exchange."""
    data = {"shift": {"hours": 0.1}, "team": {"agents": 5}, "wire": {"lost_ends": 0.5}}
    plan = plan_of(scenario_of(data, "x.toml"), "x.toml", profiles=ProfileFiles())
    (policy,) = plan.policies
    assert replicate(plan, policy, 1, lambda _done: None).talks > 0
