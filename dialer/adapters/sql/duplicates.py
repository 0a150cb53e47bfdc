"""Which rows of an import are duplicates of leads that are there already, beyond what the table itself forbids.

A campaign has a number once: that is a rule of the table. On top of it a user may ask for one lead a number in all campaigns
of the client company, or for one lead an external id. There is no index over external ids, which would slow down every
import: asking for them reads the leads of the campaign (or of the client) once a batch.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection

from dialer.adapters.import_batches import IdentifiedLead
from dialer.adapters.sql.engine import CHUNK, chunks
from dialer.adapters.sql.persons import has_persons, taken
from dialer.errors import InvalidInputError
from dialer.ids import LeadId
from dialer.lead_lists import LeadList


class Scope(StrEnum):
    """Where a lead must be the only one."""

    LIST = "list"
    CAMPAIGN = "campaign"
    CLIENT = "client"  # all campaigns of the client company


class By(StrEnum):
    """What makes two leads the same one."""

    NUMBER = "number"
    EXTERNAL_ID = "external_id"  # rows without one: by number


@dataclass(frozen=True, slots=True)
class Dedupe:
    """Raises InvalidInputError for what cannot be."""

    scope: Scope = Scope.CAMPAIGN
    by: By = By.NUMBER

    def __post_init__(self) -> None:
        if (self.scope, self.by) == (Scope.LIST, By.NUMBER):
            problem = "a campaign has a number once, whatever the list: list goes with external_id"
            raise InvalidInputError("dedupe", problem)


async def duplicates_of(
    connection: AsyncConnection, to: LeadList, rows: Sequence[IdentifiedLead], rule: Dedupe
) -> set[LeadId]:
    """Of `rows`, those that the rule bars: another lead is there, or an earlier row. That one of them is in the store itself,
    under its own id, does not count."""
    campaign_id, several = to.settings.campaign_id, any(row.numbers for row in rows)
    barred: set[LeadId] = set()
    if several or await has_persons(connection, campaign_id):
        new = [(row.lead_id, row.phones) for row in rows]
        barred = await taken(connection, campaign_id, new)
    if rule.by is By.EXTERNAL_ID:
        return barred | await _by_external_id(connection, to, rows, rule.scope)
    if rule.scope is Scope.CLIENT:
        return barred | await _by_number_of_client(connection, to, rows)
    return barred


async def numbers_of(connection: AsyncConnection, to: LeadList, phones: Sequence[str]) -> set[str]:
    """Those of `phones` that the campaign has."""
    found: set[str] = set()
    for chunk in chunks(phones, CHUNK):
        found.update((await _asked(connection, "numbers", chunk, to)).scalars())
    return found


async def _by_external_id(
    connection: AsyncConnection, to: LeadList, rows: Sequence[IdentifiedLead], scope: Scope
) -> set[LeadId]:
    named = sorted((row for row in rows if row.external_id), key=lambda row: row.lead_id)
    own = {row.lead_id for row in named}
    wanted = [row.external_id for row in named if row.external_id]
    there = await _asked(connection, scope.value, wanted, to)
    taken = {row.external_id for row in there if row.id not in own}
    barred = set()
    for row in named:  # in the order of the file: the first one counts
        if row.external_id in taken:
            barred.add(row.lead_id)
        taken.add(row.external_id)
    return barred


async def _by_number_of_client(
    connection: AsyncConnection, to: LeadList, rows: Sequence[IdentifiedLead]
) -> set[LeadId]:
    found: set[str] = set()
    for chunk in chunks([phone for row in rows for phone in row.phones], CHUNK):
        found.update((await _asked(connection, "elsewhere", chunk, to)).scalars())
    return {row.lead_id for row in rows if not found.isdisjoint(row.phones)}


async def _asked(
    connection: AsyncConnection, what: str, wanted: Sequence[str], to: LeadList
) -> Any:
    on_sqlite = connection.dialect.name == "sqlite"
    values = {"campaign": to.settings.campaign_id, "list": to.list_id}
    statement = _STATEMENTS[connection.dialect.name][what]
    used = {name: value for name, value in values.items() if f":{name}" in statement.text}
    wanted_here = json.dumps(wanted) if on_sqlite else list(wanted)
    return await connection.execute(statement, used | {"wanted": wanted_here})


_OF_CLIENT = (
    "campaign_id IN (SELECT c.id FROM campaigns c WHERE c.client_id ="
    " (SELECT o.client_id FROM campaigns o WHERE o.id = :campaign))"
)
_EXTERNAL = "SELECT id, external_id FROM leads WHERE external_id IN ({0}) AND "
_PHONE = "SELECT phone FROM leads WHERE phone IN ({0}) AND "
_QUERIES = {
    "list": _EXTERNAL + "campaign_id = :campaign AND list_id = :list",
    "campaign": _EXTERNAL + "campaign_id = :campaign",
    "client": _EXTERNAL + _OF_CLIENT,
    "numbers": _PHONE + "campaign_id = :campaign",
    "elsewhere": (
        _PHONE + "campaign_id <> :campaign AND " + _OF_CLIENT + " UNION "
        "SELECT phone FROM lead_numbers WHERE phone IN ({0}) AND campaign_id <> :campaign AND "
        + _OF_CLIENT
    ),
}
_WANTED = {
    "sqlite": "SELECT value FROM json_each(:wanted)",
    "postgresql": "SELECT unnest(CAST(:wanted AS text[]))",
}
_STATEMENTS: Mapping[str, Mapping[str, TextClause]] = {
    dialect: {name: text(query.format(wanted)) for name, query in _QUERIES.items()}
    for dialect, wanted in _WANTED.items()
}
