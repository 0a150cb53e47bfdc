"""The settings of a retry rule, in the settings file and in the API."""

from datetime import timedelta
from typing import Self

from pydantic import Field

from dialer.config_table import Strict, setting
from dialer.leads import Outcome
from dialer.retry_rules import RetryRule


class RetryRuleSettings(Strict):
    """How the delay after one outcome develops from try to try of a lead."""

    outcome: Outcome = Field(description="Of the call, as `busy` or `no_answer`")
    growth: float = setting(1.0, "Times so much for each try before", "steady", ge=1, le=10)
    shift_seconds: float = setting(
        0.0,
        "Longer by this for each try before: some hours move the tries through the day",
        "steady",
        ge=0,
        le=7 * 86400,
    )
    longest_seconds: float = setting(
        7 * 86400.0, "No delay grows beyond this", "a week", gt=0, le=366 * 86400
    )
    most: int | None = setting(
        None,
        "After so many tries of the lead this outcome ends it",
        "`max_attempts` of the campaign alone",
        ge=1,
        le=1000,
    )

    def rule(self) -> RetryRule:
        return RetryRule(
            growth=self.growth,
            shift=timedelta(seconds=self.shift_seconds),
            longest=timedelta(seconds=self.longest_seconds),
            most=self.most,
        )

    @classmethod
    def of(cls, outcome: Outcome, rule: RetryRule) -> Self:
        return cls(
            outcome=outcome,
            growth=rule.growth,
            shift_seconds=rule.shift.total_seconds(),
            longest_seconds=rule.longest.total_seconds(),
            most=rule.most,
        )


def rules_of(settings: list[RetryRuleSettings]) -> dict[Outcome, RetryRule]:
    """Of one campaign; where an outcome is there twice, the last one holds."""
    return {one.outcome: one.rule() for one in settings}
