"""The ProfileBook port on the JSON files of dialer/profile_data; holidays come from the `holidays` library."""

import hashlib
import json
from datetime import date
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

import holidays

from dialer.adapters.profile_schema import ProfileFile, checked, inherited, profile_of
from dialer.errors import InvalidInputError, NotFoundError
from dialer.law import Law, sectors_of
from dialer.profiles import ANYWHERE, CALLED_PARTY, Profile

YEARS = range(2024, 2041)
RELEASED = "released.sha256"
"""The digests of the shipped files, as `sha256sum` writes them. A released file never changes: a change is a new version."""


class ProfileFiles:
    """The shipped profiles, and those of `folder`, which may add profiles but not replace a shipped one."""

    def __init__(self, folder: Path | None = None) -> None:
        shipped = _texts(shipped_folder())
        _check_released(shipped)
        files = [_object(name, text) for name, text in shipped.items()]
        known = {data.get("id") for data in files}
        own = [_object(name, text) for name, text in (_texts(folder) if folder else {}).items()]
        raw = {f"{data.get('id')}@{data.get('version')}": data for data in [*files, *own]}
        again = [data.get("id") for data in own if data.get("id") in known]
        if again or len(raw) < len(files) + len(own):
            twice = again[0] if again else _twice(own)
            raise InvalidInputError("profiles_folder", f"profile {twice!r} is there twice")
        self._files = {name: checked(inherited(data, raw)) for name, data in raw.items()}
        self._profiles = {name: _profile(file) for name, file in self._files.items()}
        self._latest = {
            each.id: each for each in sorted(self._profiles.values(), key=lambda p: _number(p))
        }

    def get(self, profile_id: str) -> Profile:
        """By id, the latest version; or by id@version."""
        found = self._profiles.get(profile_id) or self._latest.get(profile_id)
        if found is None:
            known = ", ".join(sorted(self._latest))
            raise NotFoundError(f"no profile {profile_id!r}; there are: {known}")
        return found

    def file(self, name: str) -> dict[str, Any]:
        """The file of id@version as JSON, with what it inherits."""
        return self._files[name].model_dump(mode="json")

    def all(self) -> list[Profile]:
        """Every version, by id."""
        return sorted(self._profiles.values(), key=lambda each: (each.id, _number(each)))

    def law(self, profile_id: str, *, sector: str = "", centre: str = "") -> Law:
        """What holds for a campaign under this profile. `centre`: the country from which it calls. Raises NotFoundError."""
        return Law(
            self.get(profile_id),
            tuple(self._latest.values()),
            holidays_of,
            sector=sector,
            centre=centre,
        )

    @property
    def sectors(self) -> frozenset[str]:
        """Those of which any profile says something."""
        return sectors_of(self._latest.values())


def shipped_folder() -> Traversable:
    return resources.files("dialer") / "profile_data"


def released() -> dict[str, str]:
    """Digest by file name."""
    lines = (shipped_folder() / RELEASED).read_text(encoding="utf-8").splitlines()
    pairs = [line.split() for line in lines]
    return {name: digest for digest, name in pairs}


def _texts(folder: Traversable) -> dict[str, str]:
    if not folder.is_dir():
        raise InvalidInputError("profiles_folder", f"{folder} is no folder")
    files = [file for file in folder.iterdir() if file.name.endswith(".json")]
    return {
        file.name: file.read_text(encoding="utf-8") for file in sorted(files, key=lambda f: f.name)
    }


def _check_released(texts: dict[str, str]) -> None:
    known = released()
    for name, text in texts.items():
        if known.get(name) != hashlib.sha256(text.encode()).hexdigest():
            raise InvalidInputError(name, "is not the profile that was released")


def _object(name: str, text: str) -> dict[str, Any]:
    try:
        data = json.loads(text)
    except ValueError as error:
        raise InvalidInputError(name, f"is not JSON: {error}") from error
    if not isinstance(data, dict):
        raise InvalidInputError(name, "must be a JSON object")
    return data


def _twice(files: list[dict[str, Any]]) -> str:
    names = [f"{data.get('id')}@{data.get('version')}" for data in files]
    return next(name for name in names if names.count(name) > 1)


def _number(profile: Profile) -> tuple[int, ...]:
    return tuple(int(part) for part in profile.version.split("."))


def _profile(file: ProfileFile) -> Profile:
    return profile_of(file, holidays_of(file.hours.holiday_calendar))


@cache
def holidays_of(calendar: str) -> frozenset[date]:
    """Holidays of a country (ISO 3166), or of one of its subdivisions with the national ones, years 2024 to 2040. A place
    that the library does not know has those of its country, or none."""
    country, _, subdivision = calendar.partition("-")
    if calendar in (CALLED_PARTY, "", ANYWHERE):
        return frozenset()
    known = holidays.list_supported_countries(include_aliases=False)
    if country not in known:
        return frozenset()
    part = subdivision if subdivision in known[country] else None
    return frozenset(holidays.country_holidays(country, subdiv=part, years=YEARS))
