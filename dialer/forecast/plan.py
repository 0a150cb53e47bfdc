"""From the scenario file to what is run: the days, the world, and each policy's rules. Names the key that is at fault."""

import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ValidationError

from dialer.adapters.profile_files import ProfileFiles
from dialer.campaign import CampaignPolicy, PacingMode
from dialer.compliance import ComplianceSnapshot, Denied, check
from dialer.config_hints import unknown_key
from dialer.errors import InvalidInputError, NotFoundError
from dialer.forecast.scenario_file import CampaignPart, PolicyPart, ScenarioFile
from dialer.profiles import WEEKDAYS, Profile
from dialer.simulator.scenario import Scenario, Screener, Shares
from dialer.simulator.shift import ShiftRules, Staffing
from dialer.trunks import DEFAULT_TRUNK

LOOK_AHEAD = 400
"""Days searched for working days: beyond that the law lets dial on none of the weekdays."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PolicyPlan:
    """One policy to be simulated. `staffing` holds on every day."""

    name: str
    agents: int
    staffing: Staffing
    rules: ShiftRules

    @property
    def most_agents(self) -> int:
        return max(number for _, number in self.staffing)


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """What is run. `days`: when each working day begins (aware). `leads` None: the list never ends."""

    name: str
    seeds: range
    days: tuple[datetime, ...]
    length: timedelta
    zone: str
    leads: int | None
    policies: tuple[PolicyPlan, ...]


def read_scenario(path: Path) -> ScenarioFile:
    """The scenario of a TOML file. Raises InvalidInputError that names the file and the key."""
    return scenario_of(_toml(path), str(path))


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidInputError(str(path), error.strerror or "cannot be read") from error
    except UnicodeDecodeError as error:
        raise InvalidInputError(str(path), "is not UTF-8 text") from error
    except tomllib.TOMLDecodeError as error:
        raise InvalidInputError(str(path), str(error)) from error


def scenario_of(data: dict[str, Any], file: str) -> ScenarioFile:
    """The scenario of a table; `file` is named in errors. Raises InvalidInputError."""
    scenario: ScenarioFile = _validated(ScenarioFile, data, file, ())
    names = [policy.name for policy in scenario.policies]
    if twice := [name for name in names if names.count(name) > 1]:
        raise InvalidInputError(f"{file}: policies", f"two are named {twice[0]!r}")
    for index, policy in enumerate(scenario.policies):
        _campaign_of(scenario, policy, f"{file}: policies.{index}")
    return scenario


def _validated(model: type[Any], data: dict[str, Any], file: str, place: Sequence[str]) -> Any:
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise _refusal(model, error, file, place) from error


def _refusal(
    model: type[BaseModel], error: ValidationError, file: str, place: Sequence[str]
) -> InvalidInputError:
    first = error.errors(include_input=False, include_url=False)[0]
    field = ".".join([*place, *map(str, first["loc"])])
    if first["type"] == "extra_forbidden":
        problem = unknown_key(model, first["loc"]).replace("setting", "key")
    else:
        problem = first["msg"].removeprefix("Value error, ")
    return InvalidInputError(f"{file}: {field}" if field else file, problem)


def _campaign_of(scenario: ScenarioFile, policy: PolicyPart, where: str) -> CampaignPart:
    """The campaign with the policy's keys over it. Raises InvalidInputError."""
    given = scenario.campaign.model_dump(exclude_unset=True) | policy.overrides
    campaign: CampaignPart = _validated(CampaignPart, given, where, ())
    return campaign


def plan_of(
    scenario: ScenarioFile, file: str, *, world: Scenario | None = None, profiles: ProfileFiles
) -> Plan:
    """What the scenario asks to run. `world`: instead of the one that the file describes (fitted to a history).

    Raises InvalidInputError where a profile is unknown, or where the law lets nobody be rung at that time of day.
    """
    described = world or world_of(scenario)
    parts = scenario.policies or [PolicyPart(name=scenario.campaign.mode.value)]
    policies = tuple(_policy(scenario, part, file, described, profiles) for part in parts)
    days = tuple(_days(scenario, policies[0].rules.profile, file))
    shifted = [
        replace(each, rules=replace(each.rules, scenario=_by_day(described, scenario, days)))
        for each in policies
    ]
    return Plan(
        name=scenario.name or Path(file).stem,
        seeds=range(scenario.seed, scenario.seed + scenario.replications),
        days=days,
        length=timedelta(hours=scenario.shift.hours),
        zone=scenario.shift.zone,
        leads=scenario.leads.count if scenario.leads else None,
        policies=tuple(shifted),
    )


def world_of(scenario: ScenarioFile) -> Scenario:
    """Its people, durations and trunks; without the staffing."""
    people, last, screening = scenario.people, scenario.durations, scenario.screening
    return Scenario(
        name=scenario.name,
        shares=people.shares(),
        post_dial=last.post_dial.distribution(),
        ring=last.ring.distribution(),
        machine_ring=last.machine_ring.distribution(),
        impatient=people.impatient,
        patience=people.patience.distribution(),
        screener=Screener(
            person_seconds=screening.person_seconds.distribution(),
            machine_seconds=screening.machine_seconds.distribution(),
            person_as_machine=screening.person_as_machine,
            machine_as_person=screening.machine_as_person,
            unsure=screening.unsure,
        ),
        talk=last.talk.distribution(),
        machine_talk=last.machine_talk.distribution(),
        agent_ends=people.agent_ends,
        agent_puts_down=0.0,
        login_spread=scenario.team.login_spread,
        wrap_up=scenario.team.wrap_up.distribution(),
        break_share=scenario.team.break_share,
        break_seconds=scenario.team.break_seconds.distribution(),
        segments=tuple(each.segment(people) for each in scenario.segments),
        wire=scenario.wire.wire(),
        lines=scenario.carrier.lines,
    )


def _by_day(world: Scenario, scenario: ScenarioFile, days: tuple[datetime, ...]) -> Scenario:
    """The shares that change in the course of a day do so on every day; time runs from the first day's begin."""
    later: list[tuple[float, Shares]] = []
    for begin in days if scenario.people.later else ():
        since = (begin - days[0]).total_seconds()
        later.append((since, world.shares))
        changes = scenario.people.shares_later()
        later += [(since + 60 * minutes, shares) for minutes, shares in changes]
    return replace(world, shares_later=tuple(later))


def _policy(
    scenario: ScenarioFile, part: PolicyPart, file: str, world: Scenario, profiles: ProfileFiles
) -> PolicyPlan:
    place = f"{file}: policies.{part.name}"
    campaign = _campaign_of(scenario, part, place)
    try:
        profile = profiles.get(campaign.profile)
    except NotFoundError as error:
        raise InvalidInputError(f"{file}: campaign.profile", str(error)) from error
    if campaign.mode is PacingMode.MANUAL:
        raise InvalidInputError(
            f"{place}: mode", "manual calls are asked for by agents; nobody does so in a forecast"
        )
    agents = part.agents or scenario.team.agents
    changes = [] if part.agents else scenario.team.changes
    steps = [(timedelta(minutes=each.after_minutes), each.agents) for each in changes]
    return PolicyPlan(
        name=part.name,
        agents=agents,
        staffing=((timedelta(), agents), *sorted(steps)),
        rules=ShiftRules(policy=_dialled_by(campaign), profile=profile, scenario=world),
    )


def _dialled_by(campaign: CampaignPart) -> CampaignPolicy:
    policy = replace(campaign.policy(), trunks=(DEFAULT_TRUNK,))
    return replace(policy, retry=policy.retry | campaign.delays())


def _days(scenario: ScenarioFile, profile: Profile, file: str) -> Iterator[datetime]:
    """The begins of the working days: those of the weekdays on which the law lets dial at all."""
    shift = scenario.shift
    found = 0
    for ahead in range(LOOK_AHEAD):
        day = shift.first_day + timedelta(days=ahead)
        begin = shift.begin_of(day)
        end = begin + timedelta(hours=shift.hours)
        if WEEKDAYS[day.weekday()] in shift.weekdays and _open(begin, end, profile, shift.zone):
            yield begin
            found += 1
            if found == shift.days:
                return
    if not found:
        raise InvalidInputError(
            f"{file}: shift.begins",
            f"the law of {profile.id} lets nobody be rung in those hours on any of the weekdays",
        )


def _open(begin: datetime, end: datetime, profile: Profile, zone: str) -> bool:
    """Whether the law lets dial at any time of the day's work."""
    snapshot = ComplianceSnapshot(zone=ZoneInfo(zone), attempts=0, max_attempts=1)
    verdict = check(snapshot, profile, begin)
    if not isinstance(verdict, Denied):
        return True
    return verdict.not_before is not None and verdict.not_before < end
