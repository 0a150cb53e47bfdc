"""What an import would do to the first rows of a file. Reads only: no list is made, no report written, no database created."""

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from pathlib import Path
from random import SystemRandom
from tempfile import TemporaryDirectory
from typing import NamedTuple

from sqlalchemy.engine import make_url

from dialer.adapters.csv_rows import Row, survey
from dialer.adapters.import_batches import IdentifiedLead
from dialer.adapters.lead_table import Judged, judge, open_table
from dialer.adapters.sql.duplicates import duplicates_of, numbers_of
from dialer.adapters.sql.engine import Database, address_of, connect
from dialer.adapters.sql.migrate import migrate
from dialer.adapters.sql.store import stores_on
from dialer.config import Settings
from dialer.ids import CampaignId, LeadId, ListId
from dialer.lead_file import ImportOptions, find_campaign
from dialer.lead_lists import LeadList, ListSettings

MOST = 100_000
"""Rows: a preview holds them all in memory."""


class Fate(StrEnum):
    ADDED = "added"
    DUPLICATE = "duplicate"
    REJECTED = "rejected"


class PreviewedRow(NamedTuple):
    line: int
    fate: Fate
    field: str = ""  # of a rejected one
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Preview:
    rows: list[PreviewedRow]
    columns: list[tuple[str, str]]  # heading, meaning; of those that are read

    def count(self, fate: Fate) -> int:
        return sum(row.fate is fate for row in self.rows)

    def exit_code(self) -> int:
        """As the import's would be, if the file had these rows only."""
        rejected = self.count(Fate.REJECTED)
        if not rejected:
            return 0
        return 3 if rejected < len(self.rows) else 1


async def preview_file(
    settings: Settings, file: Path, campaign: str, options: ImportOptions, count: int
) -> Preview:
    """Raises as `import_file` does."""
    found, columns = survey(file), options.columns
    opening = open_table(file, region=options.region, zone=options.zone, found=found, rules=columns)
    with opening as opened:
        rows = list(islice(opened.source.rows(), min(count, MOST)))
        read = [
            (heading, name)
            for heading, name in zip(opened.source.header.cells, opened.table.names, strict=True)
            if name
        ]
        judged = judge(opened.table, rows)
    leads = _identified(rows, judged)
    barred = await _barred(settings, campaign, options, leads)
    told = [PreviewedRow(r.line, Fate.REJECTED, r.field, r.problem) for r in judged.rejected]
    for lead in leads:
        fate = Fate.DUPLICATE if lead.lead_id in barred else Fate.ADDED
        told.append(PreviewedRow(int(lead.lead_id), fate))
    return Preview(sorted(told, key=lambda row: row.line), read)


def _identified(rows: Sequence[Row], judged: Judged) -> list[IdentifiedLead]:
    """With their lines for ids, padded so that they sort."""
    rejected = Counter(row.line for row in judged.rejected)
    good = [row.line for row in rows if not rejected[row.line]]
    return [
        IdentifiedLead(LeadId(f"{line:012d}"), *cells, 0)
        for line, cells in zip(good, judged.leads, strict=True)
    ]


async def _barred(
    settings: Settings, campaign: str, options: ImportOptions, leads: Sequence[IdentifiedLead]
) -> set[LeadId]:
    """The duplicates among them."""
    barred: set[LeadId] = set()
    seen: set[str] = set()
    for lead in leads:
        if not seen.isdisjoint(lead.phones):
            barred.add(lead.lead_id)
        seen.update(lead.phones)
    async with _database(settings) as database:
        to = await _list(database, settings, campaign, options.list_name)
        async with database.read() as connection:
            there = await numbers_of(connection, to, sorted(seen))
            barred |= {lead.lead_id for lead in leads if lead.phone in there}
            fresh = [lead for lead in leads if lead.lead_id not in barred]
            return barred | await duplicates_of(connection, to, fresh, options.dedupe)


@asynccontextmanager
async def _database(settings: Settings) -> AsyncIterator[Database]:
    """The one that there is; an empty one for as long as the preview takes, where an import would make it."""
    url = settings.database.url
    file = address_of(url).database
    with ExitStack() as stack:
        if make_url(url).get_backend_name() == "sqlite" and not _is_there(file):
            folder = stack.enter_context(TemporaryDirectory(prefix="dialer-preview-"))
            url = f"sqlite:///{folder}/empty.sqlite3"
            await migrate(url)
        database = connect(url)
        try:
            yield database
        finally:
            await database.close()


def _is_there(file: str | None) -> bool:
    return Path(file or "").is_file()


async def _list(database: Database, settings: Settings, campaign: str, name: str) -> LeadList:
    """Raises NotFoundError. A list that an import would make has no leads: its number is nobody's."""
    stores = stores_on(database, SystemRandom())
    configured = {each.id: each.policy() for each in settings.campaigns}
    named = (key for key, policy in configured.items() if campaign in (key, policy.name))
    key = next(named, None)
    campaign_id = CampaignId(key) if key else await find_campaign(stores, campaign)
    for known in await stores.lists.all(campaign_id):
        if known.settings.name == name:
            return known
    return LeadList(list_id=ListId(-1), settings=ListSettings(campaign_id=campaign_id, name=name))
