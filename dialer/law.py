"""Which profiles hold for a call: those of the called person's country and state, the campaign's own, the centre's country's and
the campaign's sector's, as they are in force on that day.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from functools import lru_cache

from dialer.area_codes import state_of
from dialer.errors import InvalidInputError
from dialer.phones import country_of
from dialer.profile_merge import Rules
from dialer.profiles import ANYWHERE, CALLED_PARTY, Profile, Status

Calendar = Callable[[str], frozenset[date]]
"""The holidays of a country or of one of its subdivisions, by ISO 3166 code."""

TERRITORIES = {
    **dict.fromkeys(("AS", "GU", "MP", "PR", "VI"), "US"),
    **dict.fromkeys(("BL", "GF", "GP", "MF", "MQ", "PM", "RE", "YT"), "FR"),
    **dict.fromkeys(("CC", "CX"), "AU"),
}
"""Places with numbers and an ISO code of their own where the law of another country holds."""

_MOST_KEPT = 1024
_FOR_GOOD = timedelta(days=36_500)


class Law:
    """The law of one campaign. `base`: the profile that it names; `known`: the latest version of every profile."""

    def __init__(
        self,
        base: Profile,
        known: Sequence[Profile] = (),
        calendar: Calendar = lambda name: frozenset(),
        *,
        sector: str = "",
        centre: str = "",
    ) -> None:
        self.base = base
        self._known, self._calendar = tuple(known), calendar
        self._sector, self._centre = sector, centre
        self._kept: dict[tuple[str, str, date], Rules] = {}
        self._alone = Rules((base,))

    @property
    def is_alone(self) -> bool:
        """No other profile is ever laid over the campaign's."""
        return not self._known or self.base.status is Status.DEMONSTRATION

    def of_campaign(self, now: datetime) -> Rules:
        """What holds for the campaign as a whole: people of the country of its own profile."""
        country = "" if self.base.country == ANYWHERE else self.base.country
        return self.of_place(country, "", now)

    def results_since(self, register: str, now: datetime) -> datetime:
        """What a public register said before this instant is too old for the campaign. Raises InvalidInputError where its
        profile does not name the register."""
        profile = self.of_campaign(now).values
        if register not in profile.registries:
            known = ", ".join(profile.registries) or "none"
            raise InvalidInputError("register", f"the profile {self.base.id} names: {known}")
        return now - (profile.scrub_max_age or _FOR_GOOD)

    def of_call(self, phone: str, region: str, now: datetime) -> Rules:
        """What holds for a call to this number. `region`: the person's state or province (ISO 3166-2 without the country),
        as far as it is known; else the state of an American area code is presumed."""
        if self.is_alone:
            return self._alone
        return self.of_place(*place_of(phone, region), now)

    def of_place(self, country: str, region: str, now: datetime) -> Rules:
        """What holds for people of this country (ISO 3166; empty: unknown)."""
        if self.is_alone:
            return self._alone
        day = now.astimezone(self.base.zone).date()
        key = (country, region, day)
        found = self._kept.get(key)
        if found is None:
            if len(self._kept) >= _MOST_KEPT:
                self._kept.clear()
            chosen = self._chosen(country, region, day)
            found = self._kept[key] = Rules([self._dated(each, country, region) for each in chosen])
        return found

    def _chosen(self, country: str, region: str, day: date) -> list[Profile]:
        """In order: the called person's, the campaign's own, the centre's, the sector's."""
        called = self._called(country, region, day)
        centre = self._of(self._centre, day) if self._centre != self.base.country else []
        sector = [
            each
            for each in self._known
            if each.sector and each.sector == self._sector and each.in_force(day)
            if each.jurisdiction in (country or self.base.country, self._centre, ANYWHERE)
        ]
        if not country or country == self.base.country:
            order = [self.base, *called, *centre, *sector]
        else:
            order = [*called, self.base, *centre, *sector]
        return list(dict.fromkeys(order))

    def _called(self, country: str, region: str, day: date) -> list[Profile]:
        if not country:
            return []
        states = self._of(f"{country}-{region}", day) if region else []
        if country == self.base.country:
            return states
        national = self._of(country, day) or self._of(ANYWHERE, day)
        return [*national, *states]

    def _of(self, jurisdiction: str, day: date) -> list[Profile]:
        return [
            each
            for each in self._known
            if each.jurisdiction == jurisdiction and not each.sector and each.in_force(day)
            if each.status is not Status.DEMONSTRATION
        ]

    def _dated(self, profile: Profile, country: str, region: str) -> Profile:
        """The profile with the holidays of the place, as far as it has a say there."""
        named = profile.holiday_calendar
        calendar = country if named == CALLED_PARTY else named
        if region and calendar == country and country:
            calendar = f"{country}-{region}"
        if calendar == named or not calendar:
            return profile
        return replace(profile, holidays=self._calendar(calendar) | profile.holidays)


def sectors_of(profiles: Iterable[Profile]) -> frozenset[str]:
    """Sectors of which any of the profiles says something."""
    return frozenset(
        word for each in profiles for word in (*each.sector_opt_in, each.sector) if word
    )


def place_of(phone: str, region: str = "") -> tuple[str, str]:
    """(country, state or province) whose law the person is under, as far as the number tells; `region`, where it is known."""
    country = country_called(phone)
    home = TERRITORIES.get(country, country)
    if home == "US":
        return home, region or (country if country != home else state_of(phone))
    return home, region


@lru_cache(maxsize=16_384)
def country_called(phone: str) -> str:
    """As phones.country_of, remembered."""
    return country_of(phone)
