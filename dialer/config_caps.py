"""The settings of a cap: how often one person may be called, in the settings file and in the API."""

from datetime import timedelta
from typing import Self

from pydantic import Field, model_validator

from dialer.config_table import Strict, setting
from dialer.profiles import Cap, CapPer


class CapSettings(Strict):
    """At most so many calls to one number or person, in rolling hours or in local calendar days (today is the first)."""

    most: int = Field(ge=1, le=1000, description="Calls that ring, or may have rung")
    per: CapPer = setting(
        CapPer.CALLED_PERSON_AND_CLIENT,
        "Whose: `called_number`, `called_person`, `called_person_and_client` or `called_person_and_subject`; a person is the"
        " lead's `external_id`, or the number",
        "another campaign of the same client is the same nuisance",
    )
    hours: float | None = setting(
        None, "In any so many hours", "one of `hours` and `days`", gt=0, le=24 * 366
    )
    days: int | None = setting(
        None, "In so many calendar days of the person", "one of `hours` and `days`", ge=1, le=366
    )

    @model_validator(mode="after")
    def _is_over_something(self) -> Self:
        if (self.hours is None) == (self.days is None):
            raise ValueError("give one of hours and days")
        return self

    def cap(self) -> Cap:
        length = timedelta(hours=self.hours) if self.hours is not None else None
        return Cap(most=self.most, per=self.per, length=length, days=self.days)

    @classmethod
    def of(cls, cap: Cap) -> Self:
        hours = cap.length / timedelta(hours=1) if cap.length is not None else None
        return cls(most=cap.most, per=cap.per, hours=hours, days=cap.days)
