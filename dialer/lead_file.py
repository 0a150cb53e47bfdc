"""`dialer leads import`: a file (CSV, XLSX, JSON lines) into a campaign's store, in batches, each of them whole or not at all.

An import that was cut short, even by kill -9, goes on when the same command is run again: a journal beside the report says
which batches the store has. The last one may be in the store without being in the journal; its ids would be the same
again, so nothing is added twice, and the totals are those of the whole file.
"""

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, aclosing, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from pathlib import Path
from random import SystemRandom

from rich.console import Console
from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar
from sqlalchemy.engine import make_url

from dialer.adapters.csv_rows import Survey, survey
from dialer.adapters.import_batches import Batch, JudgedBatch, judge_all
from dialer.adapters.import_journal import ImportJournal, Subject, Totals, open_journal
from dialer.adapters.lead_columns import BY_WORDS, ColumnRules
from dialer.adapters.lead_table import OpenTable, Rejected, open_table
from dialer.adapters.sql.duplicates import Dedupe
from dialer.adapters.sql.engine import connect
from dialer.adapters.sql.lead_import import ONCE_A_CAMPAIGN, SqlLeadImport
from dialer.adapters.sql.migrate import migrate
from dialer.adapters.sql.store import stores_on
from dialer.adapters.system_clock import SystemClock
from dialer.config import Settings
from dialer.errors import InvalidInputError, NotFoundError
from dialer.ids import CampaignId, LeadId
from dialer.lead_lists import LeadList, ListSettings
from dialer.ports import ImportReport, Stores
from dialer.texts import Language, text

BATCH = 20_000
"""Rows in one transaction. Part of what an interrupted import goes by: with another number it begins anew."""

FORMAT = 4
"""Of the journal, and of the rules that say what is a row."""

MOST_WORKERS = 4
WORTH_A_WORKER = 2_000_000
"""Bytes. A smaller file is read before a process has started."""

LINE_EVERY = 100_000
"""Rows between two lines of progress."""

SHOWN = 20
"""Rejected rows that the terminal shows; the report has them all."""


@dataclass(frozen=True, slots=True)
class Progress:
    read: int  # bytes of the file
    size: int
    totals: Totals


@dataclass(frozen=True, slots=True)
class FileReport:
    """Of the whole file, whatever an earlier run did of it."""

    totals: Totals
    shown: tuple[Rejected, ...]  # the first of this run
    report: Path | None  # the rejected rows; None: there are none
    resumed: bool

    def exit_code(self) -> int:
        """0: all rows could be used; 3: some; 1: none, and there were some."""
        if not self.totals.rejected:
            return 0
        return 3 if self.totals.added or self.totals.duplicates else 1


@dataclass(frozen=True, kw_only=True, slots=True)
class ImportOptions:
    """`region`: the country of numbers without a prefix. `zone`: of rows that name none and whose number leaves it open.
    `report`: where rejected rows go; None: beside the file. `workers`: processes; None: as many as pay.
    `list_name`: the list of the leads; made when the campaign has none of this name."""

    region: str = "IT"
    zone: str | None = None
    report: Path | None = None
    workers: int | None = None
    batch: int = BATCH
    list_name: str = ""
    columns: ColumnRules = BY_WORDS
    dedupe: Dedupe = ONCE_A_CAMPAIGN

    def report_of(self, file: Path) -> Path:
        """Raises InvalidInputError."""
        report = self.report or file.with_name(f"{file.stem}.rejected.csv")
        if report.resolve() == file.resolve():
            raise InvalidInputError("report", "is the file that is imported")
        if report.is_dir():
            raise InvalidInputError("report", "is a folder")
        return report


def _ignore(_: Progress) -> None:
    pass


@contextmanager
def telling(
    console: Console, language: Language = Language.EN
) -> Iterator[Callable[[Progress], None]]:
    """Says how far an import is: a bar on a terminal; elsewhere a line now and then."""
    if not console.is_terminal:
        yield _LineTeller(console, language)
        return
    columns = (TextColumn("{task.fields[said]}"), BarColumn(), TaskProgressColumn())
    with Bar(*columns, TimeRemainingColumn(), console=console, transient=True) as bar:
        task = bar.add_task("", said=text("import.reading", language), total=None)
        yield lambda now: bar.update(
            task, said=_said(now, language), completed=now.read, total=now.size
        )


class _LineTeller:
    def __init__(self, console: Console, language: Language) -> None:
        self._console = console
        self._language = language
        self._due = LINE_EVERY

    def __call__(self, now: Progress) -> None:
        if now.totals.rows >= self._due:
            self._due = now.totals.rows + LINE_EVERY
            share = min(now.read / max(now.size, 1), 1.0)
            said = text(
                "import.share",
                self._language,
                said=_said(now, self._language),
                share=f"{share:.0%}",
            )
            self._console.print(said, highlight=False)


def _said(now: Progress, language: Language) -> str:
    said = summary(now.totals, language)
    return text("import.progress", language, rows=now.totals.rows, summary=said)


def summary(totals: Totals, language: Language = Language.EN) -> str:
    return text(
        "import.summary",
        language,
        added=totals.added,
        duplicates=totals.duplicates,
        rejected=totals.rejected,
    )


async def import_file(
    settings: Settings,
    file: Path,
    campaign: str,
    options: ImportOptions,
    on_progress: Callable[[Progress], None] = _ignore,
) -> FileReport:
    """Raises NotFoundError when there is no such campaign, InvalidInputError for an unusable file, ConflictError while
    another process imports it."""
    report = options.report_of(file)
    found = survey(file)
    url = settings.database.url
    await migrate(url)
    database = connect(url)
    stores = stores_on(database, SystemRandom())
    try:
        for client in settings.clients:
            await stores.clients.save(client.client())
        for configured in settings.campaigns:
            await stores.campaigns.save(configured.policy())
        campaign_id = await find_campaign(stores, campaign)
        with ExitStack() as stack:
            opened = stack.enter_context(
                open_table(
                    file,
                    region=options.region,
                    zone=options.zone,
                    found=found,
                    rules=options.columns,
                )
            )
            journal = stack.enter_context(open_journal(report))
            importer = SqlLeadImport(database)
            to = await _list(stores, campaign_id, options.list_name)
            key = _key(found, campaign_id, url, options)
            run = _Run(opened, found, to, importer, journal, options, on_progress)
            await run.prepare(key)
            await run.go()
            run.check_unchanged(file)
            journal.done()
    finally:
        await stores.close()
    return FileReport(
        totals=journal.totals,
        shown=tuple(run.shown),
        report=report if journal.totals.rejected else None,
        resumed=run.resumed,
    )


async def find_campaign(stores: Stores, campaign: str) -> CampaignId:
    """By name or id. Raises NotFoundError, which names those that there are."""
    found = await stores.campaigns.by_name(campaign)
    if found is not None:
        return found.policy.campaign_id
    try:
        return (await stores.campaigns.get(CampaignId(campaign))).policy.campaign_id
    except NotFoundError:
        known = ", ".join(each.policy.name for each in await stores.campaigns.all()) or "none"
        raise NotFoundError(f"no campaign {campaign!r}; there are: {known}") from None


async def _list(stores: Stores, campaign_id: CampaignId, name: str) -> LeadList:
    for known in await stores.lists.all(campaign_id):
        if known.settings.name == name:
            return known
    wanted = ListSettings(campaign_id=campaign_id, name=name)
    return await stores.lists.put(wanted, at=SystemClock().now())


def _key(found: Survey, campaign_id: CampaignId, url: str, options: ImportOptions) -> str:
    """What makes two imports the same one."""
    database = make_url(url).render_as_string(hide_password=True)
    rules = f"{FORMAT} {options.batch} {options.region} {options.zone} {options.list_name}"
    rules = f"{rules}\n{options.columns.key}\n{options.dedupe.scope} {options.dedupe.by}"
    facts = "\n".join([rules, found.digest, campaign_id, database])
    return hashlib.blake2b(facts.encode(), digest_size=16).hexdigest()


class _Run:
    """One import, from its preparation to its last batch."""

    def __init__(
        self,
        opened: OpenTable,
        found: Survey,
        to: LeadList,
        importer: SqlLeadImport,
        journal: ImportJournal,
        options: ImportOptions,
        on_progress: Callable[[Progress], None],
    ) -> None:
        self._opened = opened
        self._found = found
        self._to = to
        self._importer = importer
        self._journal = journal
        self._options = options
        self._on_progress = on_progress
        self._perhaps_written = 0  # batches before this one may be in the store, with the same ids
        self.resumed = False
        self.shown: list[Rejected] = []

    async def prepare(self, key: str) -> None:
        """Go on where an earlier run was cut short, if the store has what that run wrote; else begin."""
        journal = self._journal
        if journal.take_up(key):
            self._perhaps_written = journal.totals.batches + 1
            in_store = await self._importer.has_all(journal.witnesses)
            self.resumed = in_store and journal.has_report()
            if not self.resumed:  # the database is an older copy, or the report is gone
                journal.start(journal.subject)
            return
        now = SystemClock().now().isoformat()
        journal.start(
            Subject(key=key, seed=f"{SystemRandom().getrandbits(128):032x}", started_at=now)
        )

    async def go(self) -> None:
        batches = islice(self._batches(), self._journal.totals.batches, None)
        async with aclosing(judge_all(batches, workers=self._workers())) as judged:
            async for batch in judged:
                await self._keep(batch)

    def check_unchanged(self, file: Path) -> None:
        """Raises InvalidInputError when somebody wrote into the file meanwhile."""
        if survey(file) != self._found:
            raise InvalidInputError("file", "was changed while it was imported; import it again")

    def _batches(self) -> Iterator[Batch]:
        subject = self._journal.subject
        started_at = datetime.fromisoformat(subject.started_at)
        rows = self._opened.source.rows()
        number = 0
        while taken := list(islice(rows, self._options.batch)):
            table, order = self._opened.table, self._to.settings
            yield Batch(number, table, taken, subject.seed, started_at, order.order, order.seed)
            number += 1

    def _workers(self) -> int:
        if self._options.workers is not None:
            return self._options.workers
        if self._found.size < WORTH_A_WORKER:
            return 0
        return min(os.cpu_count() or 1, MOST_WORKERS)

    async def _keep(self, batch: JudgedBatch) -> None:
        """Into the store first: the journal never says more than the store has."""
        repeated = batch.number < self._perhaps_written
        found = await self._importer.add(
            self._to, batch.leads, repeated=repeated, rule=self._options.dedupe
        )
        source, journal = self._opened.source, self._journal
        size = journal.report(batch.rejected, source.header.cells, source.delimiter)
        before = journal.totals
        totals = replace(
            before,
            batches=batch.number + 1,
            rows=before.rows + batch.rows,
            added=before.added + found.added,
            duplicates=before.duplicates + found.duplicates,
            rejected=before.rejected + len(batch.rejected),
            report_size=size,
        )
        journal.record(replace(totals, witness=await self._witness(batch, found)))
        self.shown += batch.rejected[: SHOWN - len(self.shown)]
        self._on_progress(Progress(source.position(), self._found.size, journal.totals))

    async def _witness(self, batch: JudgedBatch, found: ImportReport) -> LeadId | None:
        if not found.added:
            return None
        return await self._importer.any_of([lead.lead_id for lead in batch.leads])
