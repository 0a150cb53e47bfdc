"""`dialer simulate SCENARIO.toml`."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from random import SystemRandom
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from dialer.adapters.profile_files import ProfileFiles
from dialer.adapters.sql.engine import connect
from dialer.adapters.sql.store import stores_on
from dialer.config import Settings, read_settings
from dialer.errors import InvalidInputError
from dialer.forecast.figures import Forecast
from dialer.forecast.history import Fitted, fit, history_of
from dialer.forecast.page import page
from dialer.forecast.plan import Plan, plan_of, read_scenario, world_of
from dialer.forecast.plots import draw, require_plots
from dialer.forecast.runner import MOST_JOBS, Progress, run
from dialer.forecast.scenario_file import ScenarioFile
from dialer.ports import Attempt
from dialer.texts import Language, text


class PlotFormat(StrEnum):
    PNG = "png"
    SVG = "svg"


WIDTH = 200
"""Columns of a table that nobody looks at on a terminal."""


def simulate(
    scenario: Annotated[
        Path, typer.Argument(help="TOML file; see docs/reference/scenario-files.md.")
    ],
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
    replications: Annotated[
        int | None, typer.Option(min=1, max=1000, help="Instead of the file's.")
    ] = None,
    jobs: Annotated[int, typer.Option(min=1, max=MOST_JOBS, help="Processes.")] = 1,
    language: Annotated[Language, typer.Option(help="Of the table and the plots.")] = Language.EN,
    from_history: Annotated[
        str | None,
        typer.Option(help="A campaign (name or id): its people, rings and talks, for the file's."),
    ] = None,
    plots: Annotated[
        Path | None, typer.Option(help="Folder for the plots: frontier and timeline.")
    ] = None,
    plot_format: Annotated[PlotFormat, typer.Option(help="Of the plots.")] = PlotFormat.PNG,
    config: Annotated[
        Path | None,
        typer.Option("--config", help="Settings: the database, and your own profiles."),
    ] = None,
) -> None:
    """Forecast a campaign before its launch: simulated people, the pacing that dials. Rings nobody, writes nothing."""
    described = read_scenario(scenario)
    if plots is not None:
        require_plots()
    if replications is not None:
        described = described.model_copy(update={"replications": replications})
    settings = read_settings(config)
    fitted = _fitted(described, scenario, from_history, settings) if from_history else None
    plan = plan_of(
        described,
        str(scenario),
        world=fitted[1].world if fitted else None,
        profiles=ProfileFiles(settings.profiles_folder),
    )
    forecast = _worked(plan, jobs, language)
    drawn = draw(forecast, plots, plot_format.value, language) if plots else []
    if as_json:
        learnt = {"history": as_json_of(*fitted)} if fitted else {}
        typer.echo(json.dumps(forecast.as_json() | learnt, indent=1))
        return
    console = Console(width=None if Console().is_terminal else WIDTH)
    console.print(page(forecast, plan, language))
    if fitted:
        console.print(_learnt(*fitted, language))
    for path in drawn:
        typer.echo(path)


def _worked(plan: Plan, jobs: int, language: Language) -> Forecast:
    with _progress(len(plan.seeds) * len(plan.policies), language) as tell:
        return run(plan, jobs=jobs, progress=tell)


def _fitted(
    described: ScenarioFile, file: Path, campaign: str, settings: Settings
) -> tuple[str, Fitted]:
    """The campaign's name, and the world as it was measured."""
    if described.people.later:
        raise InvalidInputError(
            f"{file}: people.later", "cannot stand beside --from-history, whose shares hold all day"
        )
    if described.segments:
        raise InvalidInputError(
            f"{file}: segments", "cannot stand beside --from-history, which is of the whole list"
        )
    name, attempts = asyncio.run(_history(settings.database.url, campaign))
    return name, fit(attempts, world_of(described), name)


async def _history(url: str, campaign: str) -> tuple[str, list[Attempt]]:
    database = connect(url)
    try:
        return await history_of(stores_on(database, SystemRandom()), campaign)
    finally:
        await database.close()


def as_json_of(campaign: str, fitted: Fitted) -> dict[str, Any]:
    return {
        "campaign": campaign,
        "attempts": fitted.attempts,
        "since": fitted.since.isoformat(),
        "until": fitted.until.isoformat(),
        "shares": asdict(fitted.world.shares),
        "times": fitted.times,
    }


def _learnt(campaign: str, fitted: Fitted, language: Language) -> str:
    shares = asdict(fitted.world.shares)
    parts = [f"{name} {share:.1%}" for name, share in shares.items() if share]
    parts += [f"{count} {name}" for name, count in fitted.times.items()]
    return text(
        "forecast.fitted",
        language,
        count=fitted.attempts,
        campaign=campaign,
        since=f"{fitted.since:%Y-%m-%d}",
        until=f"{fitted.until:%Y-%m-%d}",
        parts=", ".join(parts),
    )


@contextmanager
def _progress(total: int, language: Language) -> Iterator[Progress]:
    """A bar on the terminal; nothing where nobody looks."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda _done, _name: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn())
    with Bar(*columns, TimeRemainingColumn(), console=console, transient=True) as bar:
        task = bar.add_task(text("forecast.working", language), total=total)

        def tell(done: float, name: str) -> None:
            described = f"{text('forecast.working', language)}: {name}"
            bar.update(task, completed=done, description=described)

        yield tell
