"""The ProfileBook port on the JSON files of dialer/profile_data; holidays come from the `holidays` library."""

import json
from datetime import date
from importlib import resources
from typing import Any

import holidays

from dialer.errors import NotFoundError
from dialer.profiles import Profile, parse

YEARS = range(2024, 2041)


class ProfileFiles:
    def __init__(self) -> None:
        folder = resources.files("dialer") / "profile_data"
        files = sorted(
            (file for file in folder.iterdir() if file.name.endswith(".json")),
            key=lambda file: file.name,
        )
        read = [_profile(json.loads(file.read_text(encoding="utf-8"))) for file in files]
        self._profiles = {profile.id: profile for profile in read}

    def get(self, profile_id: str) -> Profile:
        if profile_id not in self._profiles:
            known = ", ".join(self._profiles)
            raise NotFoundError(f"no profile {profile_id!r}; there are: {known}")
        return self._profiles[profile_id]

    def all(self) -> list[Profile]:
        return list(self._profiles.values())


def _profile(data: dict[str, Any]) -> Profile:
    return parse(data, holidays_of(data["hours"]["holiday_calendar"]))


def holidays_of(country: str) -> frozenset[date]:
    """National holidays of a country (ISO 3166 alpha-2), years 2024 to 2040."""
    return frozenset(holidays.country_holidays(country, years=YEARS))
