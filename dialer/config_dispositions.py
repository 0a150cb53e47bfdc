"""The settings of one disposition, in the settings file and in the API."""

from datetime import timedelta
from typing import Self

from pydantic import Field, model_validator

from dialer.config_table import Strict, setting
from dialer.dispositions import DEFAULT_DISPOSITIONS, FINAL, Category, Disposition, checked
from dialer.errors import InvalidInputError
from dialer.leads import Outcome


class DispositionSettings(Strict):
    """What an agent of the campaign may say of a call. Naming any replaces the whole default set
    (docs/reference/dispositions.md)."""

    code: str = Field(
        pattern=r"^[A-Za-z0-9_.-]{1,64}$", description="What is sent, stored and exported"
    )
    category: Category = Field(
        description="What it means: `contact`, `no_contact`, `success`, `refusal`, `wrong_number`, `do_not_call`, `callback`"
        " or `machine`",
    )
    en: str = setting("", "What agents read, in English", "the code is shown", max_length=200)
    it: str = setting("", "And in Italian", "the code is shown", max_length=200)
    final: bool | None = setting(
        None,
        "The lead is not called again in this campaign",
        "true for `success`, `refusal`, `wrong_number` and `do_not_call`; a refusal and a do-not-call are always final",
    )
    asks_time: bool | None = setting(
        None, "The agent must give the time of a callback", "true for `callback`"
    )
    blocks_number: bool | None = setting(
        None, "The number is not rung again, in any campaign", "true for `wrong_number`"
    )
    counts_as: Outcome | None = setting(
        None,
        "The lead is tried again as after this outcome",
        "without it, it stays as the outcome of the call left it",
    )
    retry_seconds: float | None = setting(
        None,
        "The lead is tried again after this long",
        "the delay of `counts_as`, if that is given",
        gt=0,
        le=366 * 86400,
    )

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        try:
            self.disposition()
        except InvalidInputError as error:
            raise ValueError(str(error)) from None
        return self

    def disposition(self) -> Disposition:
        """Raises InvalidInputError."""
        by_category = {
            "final": self.category in FINAL,
            "asks_time": self.category is Category.CALLBACK,
            "blocks_number": self.category is Category.WRONG_NUMBER,
        }
        return Disposition(
            code=self.code,
            category=self.category,
            en=self.en,
            it=self.it,
            counts_as=self.counts_as,
            delay=None if self.retry_seconds is None else timedelta(seconds=self.retry_seconds),
            **{
                name: default if getattr(self, name) is None else getattr(self, name)
                for name, default in by_category.items()
            },
        )

    @classmethod
    def of(cls, one: Disposition) -> Self:
        return cls(
            code=one.code,
            category=one.category,
            en=one.en,
            it=one.it,
            final=one.final,
            asks_time=one.asks_time,
            blocks_number=one.blocks_number,
            counts_as=one.counts_as,
            retry_seconds=one.delay.total_seconds() if one.delay else None,
        )


def dispositions_of(settings: list[DispositionSettings]) -> tuple[Disposition, ...]:
    """Of one campaign; none named: the default set. Raises InvalidInputError."""
    return checked(one.disposition() for one in settings)


def shown(dispositions: tuple[Disposition, ...]) -> list[DispositionSettings]:
    """The settings that make this set; none for the default one."""
    if dispositions == DEFAULT_DISPOSITIONS:
        return []
    return [DispositionSettings.of(one) for one in dispositions]
