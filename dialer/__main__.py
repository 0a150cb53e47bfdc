"""The command line: `dialer run`, `demo`, `doctor`, `why`, `simulate`, `replay`, `leads`, `database`, `asterisk`.

What only one command needs, the whole server with its API above all, is imported by that command: the others begin sooner.
"""

import asyncio
import json
import sys
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from dialer.abandonment_commands import abandonment, machines_app
from dialer.callback_commands import callbacks_app
from dialer.check_command import check_number
from dialer.config import read_settings
from dialer.consent_commands import consents_app
from dialer.database_commands import database_app
from dialer.dnc_commands import dnc_app
from dialer.doctor import healthy
from dialer.errors import DialerError, InvalidInputError
from dialer.forecast.command import simulate
from dialer.lead_commands import leads_app
from dialer.ledger_commands import ledger_app
from dialer.logs import log_to_stderr
from dialer.profiles_command import profiles_app
from dialer.register_commands import registers_app
from dialer.testbed import Unavailable, pair_for
from dialer.texts import Language
from dialer.why_command import why

app = typer.Typer(
    no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__
)
asterisk_app = typer.Typer(no_args_is_help=True, help="The prepared pair: PBX and far end.")
app.add_typer(leads_app, name="leads")
app.add_typer(asterisk_app, name="asterisk")
app.add_typer(database_app, name="database")
app.add_typer(ledger_app, name="ledger")
app.add_typer(profiles_app, name="profiles")
app.add_typer(machines_app, name="machines")
app.add_typer(dnc_app, name="dnc")
app.add_typer(registers_app, name="registers")
app.add_typer(consents_app, name="consents")
app.add_typer(callbacks_app, name="callbacks")
app.command()(simulate)
app.command()(why)
app.command("check")(check_number)
app.command()(abandonment)

ConfigOption = Annotated[
    Path | None, typer.Option("--config", help="TOML file; DIALER_* variables win over it.")
]


@app.command()
def run(config: ConfigOption = None) -> None:
    """Run the server until SIGINT or SIGTERM."""
    from dialer import serve

    settings = read_settings(config)
    log_to_stderr(settings.log_level, settings.log_format)
    asyncio.run(serve.serve(settings))


@app.command()
def demo(
    seconds: Annotated[float | None, typer.Option(help="Stop by itself after so long.")] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="No live picture; one JSON summary.")
    ] = False,
    asterisk: Annotated[bool, typer.Option(help="Against the prepared real pair.")] = False,
    agents: Annotated[int, typer.Option(min=1, max=500)] = 20,
    leads: Annotated[int, typer.Option(min=1, max=10_000)] = 5000,
    seed: Annotated[int, typer.Option(help="Which simulated people.")] = 1,
    port: Annotated[int, typer.Option(help="API and metrics; 0: any free one.")] = 8000,
    language: Annotated[Language, typer.Option(help="Of the live picture.")] = Language.EN,
) -> None:
    """A whole dialling system, with nobody real at the other end."""
    from dialer.demo import DemoOptions
    from dialer.demo_command import demonstrate

    log_to_stderr("WARNING" if as_json else "ERROR")
    options = DemoOptions(agents=agents, leads=leads, seed=seed, port=port, asterisk=asterisk)
    summary = asyncio.run(demonstrate(options, seconds, None if as_json else language))
    typer.echo(json.dumps(summary, indent=None if as_json else 1))


@app.command()
def doctor(
    config: ConfigOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
    language: Annotated[Language, typer.Option(help="Of what is said.")] = Language.EN,
) -> None:
    """Look at Asterisk, the database and the settings; say what to mend. Changes nothing, rings nobody."""
    from dialer import doctor_run

    findings = asyncio.run(doctor_run.examine(read_settings(config)))
    show = doctor_run.as_json if as_json else doctor_run.as_text
    typer.echo(show(findings, language))
    if not healthy(findings):
        raise typer.Exit(1)


@app.command()
def replay(
    files: Annotated[list[Path], typer.Argument(help="Pacing logs: *.pacing")],
    decisions: Annotated[
        bool, typer.Option("--decisions", help="Every decision too, as one JSON object a line.")
    ] = False,
    language: Annotated[Language, typer.Option(help="Of what is said.")] = Language.EN,
) -> None:
    """Make every decision of a pacing log again, and compare them bit for bit.

    Exit codes: 0 all agree; 1 one differs; 2 a file cannot be read.
    """
    from dialer import replay_run

    verdict = partial(typer.echo, err=decisions)
    show = typer.echo if decisions else None
    raise typer.Exit(replay_run.replay_files(files, language, verdict, show))


@asterisk_app.command()
def up() -> None:
    """Start the pair (scripts/prepare-asterisk makes it ready first)."""
    from dialer.demo import pair_up

    pair = pair_up()
    ami = pair.pbx.ami
    typer.echo(f"up; AMI of the PBX: {ami.host}:{ami.port}, user {ami.username}")
    typer.echo(f"its secret, and all ports: {pair.folder / 'pair.json'}")


@asterisk_app.command()
def down() -> None:
    """Stop the pair."""
    from dialer.demo import PAIR_NAME

    pair = pair_for(PAIR_NAME)
    if isinstance(pair, Unavailable):
        raise InvalidInputError("asterisk", pair.reason)
    pair.down()
    typer.echo("down")


@asterisk_app.command()
def status() -> None:
    """Which of the two runs."""
    from dialer.demo import PAIR_NAME

    pair = pair_for(PAIR_NAME)
    if isinstance(pair, Unavailable):
        typer.echo(f"not available: {pair.reason}")
        return
    for name, runs in pair.status().items():
        typer.echo(f"{name}: {'running' if runs else 'stopped'}")


def main() -> None:
    """Errors of ours are one line, not a traceback."""
    try:
        app()
    except DialerError as error:
        typer.echo(f"dialer: {error}", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
