"""`dialer simulate SCENARIO.toml`."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from dialer.adapters.profile_files import ProfileFiles
from dialer.config import read_settings
from dialer.forecast.page import page
from dialer.forecast.plan import plan_of, read_scenario
from dialer.forecast.runner import MOST_JOBS, Progress, run
from dialer.texts import Language, text

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
    config: Annotated[
        Path | None, typer.Option("--config", help="Settings: for your own profiles.")
    ] = None,
) -> None:
    """Forecast a campaign before its launch: simulated people, the pacing that dials. Rings nobody, writes nothing."""
    described = read_scenario(scenario)
    if replications is not None:
        described = described.model_copy(update={"replications": replications})
    profiles = ProfileFiles(read_settings(config).profiles_folder)
    plan = plan_of(described, str(scenario), profiles=profiles)
    total = len(plan.seeds) * len(plan.policies)
    with _progress(total, language) as tell:
        forecast = run(plan, jobs=jobs, progress=tell)
    if as_json:
        typer.echo(json.dumps(forecast.as_json(), indent=1))
        return
    console = Console(width=None if Console().is_terminal else WIDTH)
    console.print(page(forecast, plan, language))


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
