"""`dialer profiles`: every profile is shown with how it was checked, and with the advice to ask counsel."""

import json

import pytest
from typer.testing import CliRunner

from dialer.__main__ import app
from dialer.adapters.profile_files import ProfileFiles
from dialer.errors import NotFoundError

BOOK = ProfileFiles()


def said(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["profiles", *arguments])
    assert result.exit_code == 0, result.output
    return result.output


def test_the_list_has_every_profile_with_its_status() -> None:
    lines = said("list").splitlines()
    for profile in BOOK.all():
        (line,) = [each for each in lines if each.startswith(f"{profile.name} ")]
        assert str(profile.effective_from) in line
    assert "not verified" in next(each for each in lines if each.startswith("US-TX@"))
    assert lines[-1].endswith("Have your counsel confirm it before you call anybody.")


@pytest.mark.parametrize("name", ["IT-GARANTE", "US-FL", "GENERIC-STRICT", "IT-ENERGY"])
def test_a_profile_is_shown_whole_in_both_languages(name: str) -> None:
    english, italian = said("show", name), said("show", name, "--language", "it")
    assert "Have your counsel confirm it" in english
    assert "Farlo confermare dal proprio legale" in italian
    assert "Status: " in english
    assert "after_abandon_block_s" in english
    for source in BOOK.get(name).sources:
        assert source in english


def test_programs_get_the_values_with_the_same_advice() -> None:
    shown = json.loads(said("show", "US-FL@2026.11.0", "--json"))
    assert shown["redial"]["caps"][0]["max"] == 3
    assert shown["dnc"]["registries"] == ["US-NATIONAL-DNC"]  # inherited
    assert shown["status"] == "secondary_source"
    assert "counsel" in shown["counsel"]


def test_one_that_is_not_there() -> None:
    result = CliRunner().invoke(app, ["profiles", "show", "ATLANTIS"])
    assert isinstance(result.exception, NotFoundError)
