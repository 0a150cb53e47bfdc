"""The scenario file: what `dialer simulate` reads. Every key has its default; durations are seconds unless the name says else."""

from datetime import date, datetime, time, timedelta
from typing import Any, Self
from zoneinfo import ZoneInfo, available_timezones

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from dialer.config import CampaignSettings
from dialer.errors import InvalidInputError
from dialer.leads import Outcome
from dialer.profiles import WEEKDAYS
from dialer.simulator.distributions import (
    Below,
    Constant,
    Distribution,
    Exponential,
    LogNormal,
    Mixture,
    Shifted,
    Uniform,
)
from dialer.simulator.scenario import Screener, Segment, Shares, Wire

SHARES = Shares()
SCREENER = Screener()
SHARE = {"ge": 0.0, "le": 1.0}


def key(default: Any, what: str, **limits: Any) -> Any:
    """A key with its default; both stand in docs/reference/scenario-files.md."""
    return Field(default, description=what, **limits)


class Part(BaseModel):
    """A table of the file. A key that does not exist is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class DurationPart(Part):
    """How long something takes. Give one of: `mean` (with `cv`), `exponential`, `between`, `exactly`, `mixture`."""

    mean: float | None = key(None, "Log-normal: its mean", gt=0)
    cv: float | None = key(None, "Log-normal: standard deviation / mean; 1 if not given", gt=0)
    exponential: float | None = key(None, "Exponential: its mean", gt=0)
    between: tuple[float, float] | None = key(None, "Uniform: from, to")
    exactly: float | None = key(None, "Always the same", ge=0)
    mixture: "list[KindPart]" = key(
        [],
        "Of several kinds, each in this way with its `share`; the shares come to 1",
        max_length=10,
    )
    plus: float = key(0.0, "Added to what is drawn", ge=0)
    below: float | None = key(None, "Drawn again until it is below this", gt=0)

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        kinds = [self.mean, self.exponential, self.between, self.exactly, self.mixture or None]
        if sum(each is not None for each in kinds) != 1:
            raise ValueError("give one of mean (with cv), exponential, between, exactly, mixture")
        if self.mixture and abs(sum(kind.share for kind in self.mixture) - 1) > 1e-9:
            raise ValueError("mixture: the shares must come to 1")
        if self.cv is not None and self.mean is None:
            raise ValueError("cv belongs to mean")
        if self.between is not None and not 0 <= self.between[0] <= self.between[1]:
            raise ValueError("between: give two numbers, the smaller first, none negative")
        return self

    def distribution(self) -> Distribution:
        drawn = self._kind()
        if self.below is not None:
            drawn = Below(self.below, drawn)
        return Shifted(self.plus, drawn) if self.plus else drawn

    def _kind(self) -> Distribution:
        if self.mean is not None:
            return LogNormal(self.mean, self.cv or 1.0)
        if self.exponential is not None:
            return Exponential(self.exponential)
        if self.between is not None:
            return Uniform(*self.between)
        if self.mixture:
            return Mixture(tuple((kind.share, kind.distribution()) for kind in self.mixture))
        return Constant(self.exactly or 0.0)


class KindPart(DurationPart):
    """One kind of a mixture."""

    share: float = key(..., "Of the durations that are of this kind", **SHARE)


DurationPart.model_rebuild()


def _log_normal(
    mean: float, cv: float, *, plus: float = 0.0, below: float | None = None
) -> DurationPart:
    return DurationPart(mean=mean, cv=cv, plus=plus, below=below)


class ShiftPart(Part):
    """When the team works."""

    begins: time = key(time(9, 0), "Local time of day")
    hours: float = key(4.0, "Length of a working day", gt=0, le=16)
    first_day: date = key(
        date(2026, 11, 24), "The first working day, if the law lets dial on it; else the next"
    )
    days: int = key(1, "Working days at most; a list that is used up ends it earlier", ge=1, le=60)
    weekdays: list[str] = key(["mon", "tue", "wed", "thu", "fri"], "Days of the week worked")
    zone: str = key("Europe/Rome", "Time zone of the team and of the people called")

    @field_validator("weekdays")
    @classmethod
    def _are_weekdays(cls, names: list[str]) -> list[str]:
        if not names or set(names) - set(WEEKDAYS):
            raise ValueError(f"give some of {', '.join(WEEKDAYS)}")
        return names

    @field_validator("zone")
    @classmethod
    def _is_a_zone(cls, name: str) -> str:
        if name not in available_timezones():
            raise ValueError("is no time zone such as Europe/Rome")
        return name

    def begin_of(self, day: date) -> datetime:
        return datetime.combine(day, self.begins, ZoneInfo(self.zone))


class ChangePart(Part):
    """Another number of agents from some time of the day on."""

    after_minutes: float = Field(ge=0, description="Since the begin of the day")
    agents: int = Field(ge=0, le=2000, description="So many from then on")


class TeamPart(Part):
    """Who works."""

    agents: int = key(20, "Agents at the begin of the day", ge=1, le=2000)
    login_spread: float = key(30.0, "They log in one by one over so long", ge=0)
    changes: list[ChangePart] = key([], "Later numbers; who is too many leaves after the call")
    wrap_up: DurationPart = key(
        _log_normal(15.0, 0.6),
        "After a talk; the campaign's `wrap_up_seconds` ends it at the latest",
    )
    break_share: float = key(
        0.0, "Of talks, after whose wrap-up the agent takes a break; asked for in the talk", **SHARE
    )
    break_seconds: DurationPart = key(_log_normal(240.0, 0.8), "A break")


class LeadsPart(Part):
    """Whom to call. Without this table the list never ends, and every lead is new."""

    count: int = Field(ge=1, le=500_000, description="Leads in the list, all of them new")


class SharesPart(Part):
    """What a dialled number comes to. What is left of 1 rings and nobody answers."""

    person: float = key(SHARES.person, "A person answers", **SHARE)
    machine: float = key(SHARES.machine, "A machine answers", **SHARE)
    fax: float = key(SHARES.fax, "A fax answers: at every attempt", **SHARE)
    busy: float = key(SHARES.busy, "Busy", **SHARE)
    invalid: float = key(SHARES.invalid, "The number does not exist: at every attempt", **SHARE)
    rejected: float = key(SHARES.rejected, "Declined", **SHARE)
    congested: float = key(SHARES.congested, "No room in the network or the trunk", **SHARE)
    dead: float = key(SHARES.dead, "No reply from the network", **SHARE)

    @model_validator(mode="after")
    def _at_most_all(self) -> Self:
        if sum(getattr(self, name) for name in SharesPart.model_fields) > 1 + 1e-9:
            raise ValueError("the shares come to more than 1")
        return self

    def shares(self) -> Shares:
        return Shares(**{name: getattr(self, name) for name in SharesPart.model_fields})


class LaterPart(Part):
    """Other shares from some time of the day on. What is not given stays as in `[people]`."""

    after_minutes: float = Field(ge=0, description="Since the begin of the day")
    person: float | None = key(None, "A person answers", **SHARE)
    machine: float | None = key(None, "A machine answers", **SHARE)
    fax: float | None = key(None, "A fax answers", **SHARE)
    busy: float | None = key(None, "Busy", **SHARE)
    invalid: float | None = key(None, "The number does not exist", **SHARE)
    rejected: float | None = key(None, "Declined", **SHARE)
    congested: float | None = key(None, "No room in the network or the trunk", **SHARE)
    dead: float | None = key(None, "No reply from the network", **SHARE)


class PeoplePart(SharesPart):
    """Who answers."""

    later: list[LaterPart] = key([], "Other shares later in the day")
    impatient: float = key(0.06, "Of persons, hang up by themselves while they wait", **SHARE)
    patience: DurationPart = key(_log_normal(1.5, 0.6), "Answer until an impatient one hangs up")
    agent_ends: float = key(0.35, "Of talks, ended by the agent", **SHARE)

    @model_validator(mode="after")
    def _at_most_all_later(self) -> Self:
        if any(sum(self._later(part).values()) > 1 + 1e-9 for part in self.later):
            raise ValueError("later: with those of [people], the shares come to more than 1")
        return self

    def shares_later(self) -> list[tuple[float, Shares]]:
        """(minutes since the begin of the day, shares from then on), ascending."""
        parts = sorted(self.later, key=lambda part: part.after_minutes)
        return [(part.after_minutes, Shares(**self._later(part))) for part in parts]

    def _later(self, part: LaterPart) -> dict[str, float]:
        given = part.model_dump(exclude_none=True, exclude={"after_minutes"})
        return {name: getattr(self, name) for name in SharesPart.model_fields} | given


def _drawn(part: DurationPart | None) -> Distribution | None:
    return None if part is None else part.distribution()


class SegmentPart(Part):
    """Numbers that differ from the rest of the list; which ones is drawn, once for all attempts. Their shares hold all day."""

    name: str = Field(min_length=1, max_length=40, description="For the reader; each once")
    share: float = key(..., "Of the list; those of all segments come to 1 at most", **SHARE)
    person: float | None = key(None, "A person answers; of each share: as in `[people]`", **SHARE)
    machine: float | None = key(None, "A machine answers", **SHARE)
    fax: float | None = key(None, "A fax answers", **SHARE)
    busy: float | None = key(None, "Busy", **SHARE)
    invalid: float | None = key(None, "The number does not exist", **SHARE)
    rejected: float | None = key(None, "Declined", **SHARE)
    congested: float | None = key(None, "No room in the network or the trunk", **SHARE)
    dead: float | None = key(None, "No reply from the network", **SHARE)
    ring: DurationPart | None = key(None, "Instead of that in `[durations]`")
    machine_ring: DurationPart | None = key(None, "Instead of that in `[durations]`")
    talk: DurationPart | None = key(None, "Instead of that in `[durations]`")

    def segment(self, people: SharesPart) -> Segment:
        """Raises InvalidInputError where the shares come to more than 1."""
        given = self.model_dump(exclude_none=True, include=set(SharesPart.model_fields))
        rest = {name: getattr(people, name) for name in SharesPart.model_fields}
        return Segment(
            name=self.name,
            share=self.share,
            shares=Shares(**(rest | given)) if given else None,
            ring=_drawn(self.ring),
            machine_ring=_drawn(self.machine_ring),
            talk=_drawn(self.talk),
        )


class DurationsPart(Part):
    """How long it takes."""

    post_dial: DurationPart = key(_log_normal(2.0, 0.4, plus=0.5), "From dialling to ringing")
    ring: DurationPart = key(_log_normal(9.0, 0.55, below=25.0), "Ringing until a person answers")
    machine_ring: DurationPart = key(_log_normal(17.0, 0.3), "Ringing until a machine answers")
    talk: DurationPart = key(_log_normal(90.0, 1.0), "A talk with a person")
    machine_talk: DurationPart = key(
        _log_normal(6.0, 0.3), "Until an agent ends the call with a machine"
    )


class ScreeningPart(Part):
    """Answering-machine detection, where the campaign has `screen = true`."""

    person_seconds: DurationPart = key(DurationPart(between=(0.8, 2.5)), "Until it knows a person")
    machine_seconds: DurationPart = key(
        DurationPart(between=(1.5, 4.5)), "Until it knows a machine"
    )
    person_as_machine: float = key(SCREENER.person_as_machine, "Persons hung up on", **SHARE)
    machine_as_person: float = key(SCREENER.machine_as_person, "Machines let through", **SHARE)
    unsure: float = key(SCREENER.unsure, "Undecided: treated as persons", **SHARE)


class CarrierPart(Part):
    """What the trunks carry."""

    lines: int | None = key(None, "Calls at once; more come back as congestion. None: any", ge=1)


class WirePart(Part):
    """How late the server hears of what happened. A call whose end is never told is looked up on the exchange."""

    delay: DurationPart = key(DurationPart(exactly=0.0), "Of each event; none overtakes another")
    lost_ends: float = key(0.0, "Of calls, never told as ended", **SHARE)

    def wire(self) -> Wire:
        return Wire(delay=self.delay.distribution(), lost_ends=self.lost_ends)


class CampaignPart(CampaignSettings):
    """The keys of `[[campaigns]]` in the settings (docs/reference/settings.md): a campaign's table can be copied as it is.
    `id`, `team`, `trunks`, `caller_id` and `running` mean nothing here. In addition:"""

    id: str = key("forecast", "Means nothing here")
    retry_minutes: dict[Outcome, float] = key(
        {}, "By outcome (`busy = 30`): how soon to try again, instead of the product's own delays"
    )

    @field_validator("retry_minutes")
    @classmethod
    def _not_negative(cls, delays: dict[Outcome, float]) -> dict[Outcome, float]:
        if min(delays.values(), default=0.0) < 0:
            raise ValueError("a delay cannot be negative")
        return delays

    def delays(self) -> dict[Outcome, timedelta]:
        return {outcome: timedelta(minutes=each) for outcome, each in self.retry_minutes.items()}


class PolicyPart(BaseModel):
    """One way to run the campaign, to be compared: any key of `[campaign]`, and:"""

    model_config = ConfigDict(extra="allow", frozen=True)

    name: str = Field(min_length=1, max_length=40, description="Its name in tables and plots")
    agents: int | None = key(None, "A team of another size", ge=1, le=2000)

    @property
    def overrides(self) -> dict[str, Any]:
        return dict(self.model_extra or {})


class ScenarioFile(Part):
    name: str = key("", "What the report is headed with; the file's name if not given")
    replications: int = key(
        10, "Shifts simulated of each policy, each with people of its own", ge=1, le=1000
    )
    seed: int = key(1, "Of the first replication; the others count on from it", ge=0)
    shift: ShiftPart = ShiftPart()
    team: TeamPart = TeamPart()
    leads: LeadsPart | None = None
    people: PeoplePart = PeoplePart()
    durations: DurationsPart = DurationsPart()
    screening: ScreeningPart = ScreeningPart()
    carrier: CarrierPart = CarrierPart()
    wire: WirePart = WirePart()
    segments: list[SegmentPart] = []
    campaign: CampaignPart = CampaignPart()
    policies: list[PolicyPart] = []

    @model_validator(mode="after")
    def _segments_fit(self) -> Self:
        names = [segment.name for segment in self.segments]
        if twice := [name for name in names if names.count(name) > 1]:
            raise ValueError(f"segments: two are named {twice[0]!r}")
        if sum(segment.share for segment in self.segments) > 1 + 1e-9:
            raise ValueError("segments: together they are more than the list")
        for segment in self.segments:
            try:
                segment.segment(self.people)
            except InvalidInputError:
                raise ValueError(
                    f"segments: {segment.name!r}: with those of [people], the shares come to more than 1"
                ) from None
        return self
