"""The latest decision of the pacing loop, with what it was made from and one sentence that says it."""

from typing import Self

from pydantic import Field

from api.fields import Answer
from dialer.explain import Explanation, Spread, WindowDetails, details, explain, window_name
from dialer.pacing import Binding, PacingDecision
from dialer.texts import Language


class ToCome(Answer):
    """A number of agents or answers within 10 seconds."""

    mean: float
    standard_deviation: float

    @classmethod
    def of(cls, spread: Spread) -> Self:
        return cls(mean=spread.mean, standard_deviation=spread.deviation)


class Window(Answer):
    """One legal window over which the abandon ratio is counted, at the decision."""

    name: str = Field(examples=["campaign_period"])
    label: str = Field(description="In the language asked for")
    days: float | None = Field(description="Length, of a window of fixed length")
    limit_ratio: float = Field(description="0: nothing is allowed yet (guard cautious)")
    answered: int
    abandoned: int
    abandon_ratio: float
    used_ratio: float | None = Field(description="abandon_ratio / limit_ratio")
    room: float | None = Field(
        description="Abandoned calls that may still happen; calls in flight, and what is lent until the team stops, are in it"
    )
    binding: bool = Field(description="It lowers the risk that is allowed")

    @classmethod
    def of(cls, window: WindowDetails, language: Language) -> Self:
        return cls(
            name=window.name,
            label=window_name(window.name, window.days, language),
            days=window.days,
            limit_ratio=window.limit_ratio,
            answered=window.answered,
            abandoned=window.abandoned,
            abandon_ratio=window.abandon_ratio,
            used_ratio=window.used_ratio,
            room=window.room,
            binding=window.binding,
        )


class Inputs(Answer):
    """Of the team, on the servers that were decided for."""

    idle: int = Field(description="Agents free now")
    reserved: int = Field(description="Agents to whom a person is being joined")
    busy: int = Field(description="Agents in a talk or in wrap-up")
    waiting: int = Field(description="Persons without an agent")
    ringing: int
    screening: int = Field(description="Picked up; person or machine is being found out")
    likely_free: int = Field(
        description="The most agents of whom so many are free within 10 seconds with at least 80 %"
    )
    free: ToCome = Field(description="Agents free within 10 seconds")
    answers: ToCome = Field(description="Of the calls in flight, within 10 seconds")
    theta_ratio: float = Field(description="Risk per call that the controller has found")
    allowed_ratio: float | None = Field(description="What the abandon limits leave of it")
    room: float | None = Field(
        description="Abandoned calls that may still happen, in the window that has the least"
    )
    windows: list[Window]

    @classmethod
    def of(cls, made: Explanation, language: Language) -> Self:
        return cls(
            idle=made.idle,
            reserved=made.reserved,
            busy=made.busy,
            waiting=made.waiting,
            ringing=made.ringing,
            screening=made.screening,
            likely_free=made.likely_free,
            free=ToCome.of(made.free),
            answers=ToCome.of(made.answers),
            theta_ratio=made.theta_ratio,
            allowed_ratio=made.allowed_ratio,
            room=made.room,
            windows=[Window.of(window, language) for window in made.windows],
        )


class Decision(Answer):
    """The latest answer of the pacing loop."""

    calls_to_place: int
    calls_to_revoke: int = Field(description="Taken back before any phone rang")
    limited_by: Binding
    sentence: str = Field(description="Why so many and no more, in the language asked for")
    risk_ratio: float = Field(
        description="That the next call, which is not placed, finds no agent: at least so much"
    )
    expected_free: float = Field(description="Agents free within 10 seconds")
    expected_answers: float = Field(description="Of the calls in flight, within 10 seconds")
    inputs: Inputs | None = Field(
        description="What it was made from; null: another server, of an earlier version, decided"
    )

    @classmethod
    def of(cls, decision: PacingDecision, language: Language) -> Self:
        made = details(decision)
        return cls(
            calls_to_place=decision.calls_to_place,
            calls_to_revoke=decision.calls_to_revoke,
            limited_by=decision.limited_by,
            sentence=explain(decision, language),
            risk_ratio=decision.risk,
            expected_free=decision.expected_free,
            expected_answers=decision.expected_answers,
            inputs=Inputs.of(made, language) if made else None,
        )
