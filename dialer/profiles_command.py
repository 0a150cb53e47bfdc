"""`dialer profiles list` and `dialer profiles show`: what law the dialler knows, and how far it was checked."""

import json
from pathlib import Path
from typing import Annotated

import typer

from dialer.adapters.profile_files import ProfileFiles
from dialer.config import read_settings
from dialer.profiles import Profile
from dialer.texts import Language, text

profiles_app = typer.Typer(no_args_is_help=True, help="Jurisdiction profiles: the law as data.")

ConfigOption = Annotated[
    Path | None, typer.Option("--config", help="Settings, for profiles of your own.")
]
LanguageOption = Annotated[Language, typer.Option(help="Of what is said.")]


@profiles_app.command("list")
def list_profiles(config: ConfigOption = None, language: LanguageOption = Language.EN) -> None:
    """Every profile: its name, place, when it is in force, and how it was checked."""
    for profile in _book(config).all():
        cells = (f"{profile.name:<26}", f"{_place(profile):<10}", _force(profile, language))
        typer.echo("  ".join((*cells, text(f"law.status.{profile.status}", language))))
    typer.echo(f"\n{text('law.counsel', language)}.")


@profiles_app.command("show")
def show_profile(
    profile_id: Annotated[str, typer.Argument(metavar="ID", help="Such as IT-GARANTE.")],
    config: ConfigOption = None,
    language: LanguageOption = Language.EN,
    as_json: Annotated[
        bool, typer.Option("--json", help="The values alone, for programs.")
    ] = False,
) -> None:
    """One profile, what it inherits included. ID@VERSION: that version; ID: the latest."""
    book = _book(config)
    profile = book.get(profile_id)
    values = book.file(profile.name)
    if as_json:
        counsel = {"counsel": text("law.counsel", language)}
        typer.echo(json.dumps({**counsel, **values}, indent=1, ensure_ascii=False))
        return
    typer.echo("\n".join(_head(profile, language)))
    for section, value in values.items():
        if isinstance(value, dict):
            typer.echo(f"\n{section}")
            typer.echo("\n".join(f"  {name}: {_shown(each)}" for name, each in value.items()))
    for key, lines in (("law.sources", profile.sources), ("law.notes", profile.notes)):
        if lines:
            typer.echo("\n".join([f"\n{text(key, language)}", *(f"- {line}" for line in lines)]))


def _book(config: Path | None) -> ProfileFiles:
    return ProfileFiles(read_settings(config).profiles_folder)


def _head(profile: Profile, language: Language) -> list[str]:
    return [
        profile.name,
        f"{text('law.place', language)}: {_place(profile)}",
        f"{text('law.status', language)}: {text(f'law.status.{profile.status}', language)}",
        _force(profile, language),
        f"{text('law.counsel', language)}.",
    ]


def _place(profile: Profile) -> str:
    return f"{profile.jurisdiction} {profile.sector}".strip()


def _force(profile: Profile, language: Language) -> str:
    until = profile.effective_to or text("law.further_notice", language)
    since = f"{text('law.from', language)} {profile.effective_from}"
    return f"{since} {text('law.until', language)} {until}"


def _shown(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
