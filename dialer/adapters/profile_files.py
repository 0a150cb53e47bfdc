"""The ProfileBook port on the JSON files of dialer/profile_data; holidays come from the `holidays` library."""

import json
from datetime import date
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

import holidays

from dialer.errors import InvalidInputError, NotFoundError
from dialer.profiles import Profile, parse

YEARS = range(2024, 2041)


class ProfileFiles:
    """The shipped profiles, and those of `folder`, which may add profiles but not replace a shipped one."""

    def __init__(self, folder: Path | None = None) -> None:
        shipped = resources.files("dialer") / "profile_data"
        self._profiles: dict[str, Profile] = {}
        for file in [*_json_files(shipped), *(_json_files(folder) if folder else ())]:
            profile = _profile(json.loads(file.read_text(encoding="utf-8")))
            if profile.id in self._profiles:
                raise InvalidInputError("profiles_folder", f"profile {profile.id!r} is there twice")
            self._profiles[profile.id] = profile

    def get(self, profile_id: str) -> Profile:
        if profile_id not in self._profiles:
            known = ", ".join(self._profiles)
            raise NotFoundError(f"no profile {profile_id!r}; there are: {known}")
        return self._profiles[profile_id]

    def all(self) -> list[Profile]:
        return list(self._profiles.values())


def _json_files(folder: Traversable) -> list[Traversable]:
    if not folder.is_dir():
        raise InvalidInputError("profiles_folder", f"{folder} is no folder")
    files = [file for file in folder.iterdir() if file.name.endswith(".json")]
    return sorted(files, key=lambda file: file.name)


def _profile(data: dict[str, Any]) -> Profile:
    return parse(data, holidays_of(data["hours"]["holiday_calendar"]))


@cache
def holidays_of(country: str) -> frozenset[date]:
    """National holidays of a country (ISO 3166 alpha-2), years 2024 to 2040."""
    return frozenset(holidays.country_holidays(country, years=YEARS))
