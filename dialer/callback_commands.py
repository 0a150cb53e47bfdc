"""`dialer callbacks ...`: what people were promised; to list, to move, to cancel. docs/howto/callbacks.md."""

import csv
import sys
from datetime import datetime
from typing import Annotated

import typer

from dialer.adapters.number_rows import instant
from dialer.adapters.profile_files import ProfileFiles
from dialer.adapters.system_clock import SystemClock
from dialer.callback_ports import CallbackFilter
from dialer.callbacks import Callback, CallbackState
from dialer.config import read_settings
from dialer.dnc_commands import ConfigOption, run_with_stores
from dialer.engine.calling_back import cancel_callback, move_callback
from dialer.errors import InvalidInputError
from dialer.ids import AgentId, CallbackId
from dialer.lead_file import find_campaign
from dialer.ports import Stores
from dialer.texts import Language, text

callbacks_app = typer.Typer(no_args_is_help=True, help="Callbacks: what people were promised.")

LanguageOption = Annotated[Language, typer.Option(help="Of what is said.")]
CallbackArgument = Annotated[str, typer.Argument(help="Its id, as `callbacks list` shows it.")]

COLUMNS = (
    *("id", "state", "kind", "due_at", "agent", "lead_id", "tries", "most_tries"),
    *("booked_at", "booked_by", "reason", "note"),
)
PAGE = 1000


@callbacks_app.command("list")
def list_callbacks(
    campaign: Annotated[str, typer.Argument(help="The campaign's name or id.")],
    state: Annotated[
        CallbackState | None, typer.Option(help="Only those in this state.  [default: all]")
    ] = None,
    agent: Annotated[str, typer.Option(help="Only those for this agent.")] = "",
    due_from: Annotated[str, typer.Option("--from", help="Due at this instant or later.")] = "",
    due_before: Annotated[str, typer.Option("--before", help="Due before this instant.")] = "",
    config: ConfigOption = None,
) -> None:
    """As CSV, in the order in which they were agreed; instants in UTC.

    Exit codes: 0; 1 nothing could be read.
    """
    wanted = CallbackFilter(
        state=state,
        agent_id=AgentId(agent) if agent else None,
        due_from=instant(due_from, "from") if due_from else None,
        due_before=instant(due_before, "before") if due_before else None,
    )
    found = run_with_stores(config, lambda stores: _all(stores, campaign, wanted))
    writer = csv.writer(sys.stdout)
    writer.writerow(COLUMNS)
    writer.writerows(_cells(each) for each in found)


@callbacks_app.command()
def cancel(
    callback: CallbackArgument,
    language: LanguageOption = Language.EN,
    config: ConfigOption = None,
) -> None:
    """The person is not called for it: its lead is over.

    Exit codes: 0; 1 it could not be done.
    """
    now = SystemClock().now()

    async def work(stores: Stores) -> None:
        await cancel_callback(stores, CallbackId(callback), now=now)

    run_with_stores(config, work)
    typer.echo(text("callbacks.cancelled", language))


@callbacks_app.command()
def move(
    callback: CallbackArgument,
    to: Annotated[
        str,
        typer.Option(
            help="Another time. Without an offset: by the person's clocks.  [default: as it is]"
        ),
    ] = "",
    agent: Annotated[str, typer.Option(help="Whom it is for.  [default: as it is]")] = "",
    anyone: Annotated[bool, typer.Option("--anyone", help="For anyone of the team.")] = False,
    language: LanguageOption = Language.EN,
    config: ConfigOption = None,
) -> None:
    """Another time, or somebody else. A time that the law would not let ring is refused, with the next that it would.

    Exit codes: 0; 1 it could not be done; 2 neither was said.
    """
    if not (to or agent or anyone) or (agent and anyone):
        raise typer.BadParameter("give --to, and --agent or --anyone")
    settings, now = read_settings(config), SystemClock().now()

    async def work(stores: Stores) -> Callback:
        known = await stores.callbacks.get(CallbackId(callback))
        return await move_callback(
            stores,
            ProfileFiles(settings.profiles_folder),
            known.callback_id,
            due_at=_time(to) if to else None,
            agent_id=AgentId(agent) if agent else None if anyone else known.agent_id,
            centre=settings.country,
            now=now,
        )

    moved = run_with_stores(config, work)
    typer.echo(text("callbacks.moved", language, when=f"{moved.due_at:%Y-%m-%d %H:%M} UTC"))


async def _all(stores: Stores, campaign: str, wanted: CallbackFilter) -> list[Callback]:
    campaign_id = await find_campaign(stores, campaign)
    found: list[Callback] = []
    while True:
        after = found[-1].callback_id if found else None
        page = await stores.callbacks.page(campaign_id, wanted, after=after, limit=PAGE)
        found += page
        if len(page) < PAGE:
            return found


def _time(said: str) -> datetime:
    """With or without an offset."""
    try:
        return datetime.fromisoformat(said)
    except ValueError:
        raise InvalidInputError("to", "is no time such as 2026-11-23T10:00") from None


def _cells(callback: Callback) -> list[str]:
    return [
        callback.callback_id,
        callback.state.value,
        callback.kind.value,
        callback.due_at.isoformat(),
        callback.agent_id or "",
        callback.lead_id,
        str(callback.tries),
        str(callback.most_tries),
        callback.booked_at.isoformat(),
        callback.booked_by,
        callback.reason,
        callback.note,
    ]
