"""`dialer leads ...`: lists in and out."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from dialer.adapters.lead_columns import ColumnRules, column_rules
from dialer.adapters.lead_writers import Format
from dialer.adapters.sql.duplicates import By, Dedupe, Scope
from dialer.config import Settings, read_settings
from dialer.errors import InvalidInputError
from dialer.import_texts import in_italian
from dialer.lead_export import export_file
from dialer.lead_file import FileReport, ImportOptions, import_file, summary, telling
from dialer.lead_preview import Fate, Preview, PreviewedRow, preview_file
from dialer.leads import LeadState
from dialer.texts import Language, text

leads_app = typer.Typer(no_args_is_help=True, help="Lists of people to call.")

ConfigOption = Annotated[
    Path | None, typer.Option("--config", help="TOML file; DIALER_* variables win over it.")
]
LanguageOption = Annotated[Language, typer.Option(help="Of what is said.")]


@leads_app.command("import")
def import_leads(
    file: Annotated[Path, typer.Argument(help="CSV, XLSX or JSON lines: phone, name, zone, ...")],
    campaign: Annotated[str, typer.Option(help="The campaign's name or id.")],
    config: ConfigOption = None,
    region: Annotated[str, typer.Option(help="Country of numbers without a prefix.")] = "IT",
    zone: Annotated[
        str | None, typer.Option(help="Time zone of rows that name none, if the number allows it.")
    ] = None,
    list_name: Annotated[
        str, typer.Option("--list", help="The campaign's list that they belong to; new or not.")
    ] = "",
    report: Annotated[
        Path | None, typer.Option(help="Where rejected rows go.  [default: FILE.rejected.csv]")
    ] = None,
    columns: Annotated[
        list[str] | None,
        typer.Option("--map", help="MEANING=HEADING, such as phone=Telefono; as often as needed."),
    ] = None,
    map_file: Annotated[
        Path | None, typer.Option(help='TOML with lines such as phone = "Telefono".')
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Refuse a file with columns nobody knows.")
    ] = False,
    kinds: Annotated[
        list[str] | None,
        typer.Option("--type", help="HEADING=KIND of a column of your own, such as Born=date."),
    ] = None,
    ignore: Annotated[
        list[str] | None, typer.Option(help="The heading of a column that is passed over.")
    ] = None,
    preview: Annotated[
        int, typer.Option(min=0, help="Show what would become of so many rows; write nothing.")
    ] = 0,
    dedupe: Annotated[Scope, typer.Option(help="Where a lead must be the only one.")] = (
        Scope.CAMPAIGN
    ),
    by: Annotated[By, typer.Option(help="What makes two leads the same one.")] = By.NUMBER,
    language: LanguageOption = Language.EN,
) -> None:
    """Add the leads of a file to a campaign. Cut short? The same command again goes on.

    Exit codes: 0 every row could be used; 3 some were rejected; 1 nothing could be done.
    """
    with _said_in(language):
        options = ImportOptions(
            region=region,
            zone=zone,
            report=report,
            list_name=list_name,
            columns=_rules(columns, map_file, strict, kinds, ignore),
            dedupe=Dedupe(dedupe, by),
        )
        settings = read_settings(config)
        if preview:
            found = asyncio.run(preview_file(settings, file, campaign, options, preview))
            _show_preview(found, language)
            raise typer.Exit(found.exit_code())
        done = _import(settings, file, campaign, options, language)
    _show(done, language)
    raise typer.Exit(done.exit_code())


@leads_app.command("export")
def export_leads(
    file: Annotated[Path, typer.Argument(help="Where they go; must not be there yet.")],
    campaign: Annotated[str, typer.Option(help="The campaign's name or id.")],
    config: ConfigOption = None,
    form: Annotated[Format, typer.Option("--format")] = Format.CSV,
    list_name: Annotated[
        str | None, typer.Option("--list", help="Of this list only; empty: of the unnamed one.")
    ] = None,
    state: Annotated[LeadState | None, typer.Option(help="In this state only.")] = None,
    language: LanguageOption = Language.EN,
) -> None:
    """Write a campaign's leads into a file, with what became of them."""
    with _said_in(language):
        writing = export_file(
            read_settings(config), file, campaign, form, list_name=list_name, state=state
        )
        count = asyncio.run(writing)
    typer.echo(text("export.done", language, file=file, count=count))


def _rules(
    pairs: list[str] | None,
    file: Path | None,
    strict: bool,
    kinds: list[str] | None,
    ignored: list[str] | None,
) -> ColumnRules:
    return column_rules(pairs or (), file, strict=strict, kinds=kinds or (), ignored=ignored or ())


def _import(
    settings: Settings, file: Path, campaign: str, options: ImportOptions, language: Language
) -> FileReport:
    with telling(Console(stderr=True), language) as tell:
        return asyncio.run(import_file(settings, file, campaign, options, tell))


@contextmanager
def _said_in(language: Language) -> Iterator[None]:
    """What is wrong with the input, in the language."""
    try:
        yield
    except InvalidInputError as error:
        raise InvalidInputError(error.field, _problem(error.problem, language)) from None


def _problem(problem: str, language: Language) -> str:
    return in_italian(problem) if language is Language.IT else problem


def _show(done: FileReport, language: Language) -> None:
    for row in done.shown:
        problem = _problem(row.problem, language)
        said = text("import.row", language, line=row.line, field=row.field, problem=problem)
        typer.echo(said, err=True)
    rejected = done.totals.rejected
    if rejected > len(done.shown):
        typer.echo(text("import.rejected_in_all", language, rejected=rejected), err=True)
    typer.echo(summary(done.totals, language))
    if done.report:
        typer.echo(text("import.report", language, file=done.report))


def _show_preview(found: Preview, language: Language) -> None:
    for heading, meaning in found.columns:
        typer.echo(text("import.column", language, heading=heading, meaning=meaning))
    for row in found.rows:
        typer.echo(_previewed(row, language))
    counts = {
        "added": found.count(Fate.ADDED),
        "duplicates": found.count(Fate.DUPLICATE),
        "rejected": found.count(Fate.REJECTED),
    }
    typer.echo(text("import.summary", language, **counts))
    typer.echo(text("import.nothing_written", language, rows=len(found.rows)))


def _previewed(row: PreviewedRow, language: Language) -> str:
    match row.fate:
        case Fate.ADDED:
            return text("import.would_add", language, line=row.line)
        case Fate.DUPLICATE:
            return text("import.is_duplicate", language, line=row.line)
        case Fate.REJECTED:
            problem = _problem(row.problem, language)
            return text("import.row", language, line=row.line, field=row.field, problem=problem)
