"""`dialer leads import`: a CSV file into a campaign's store, in batches."""

from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from dialer.adapters.csv_import import Rejected, read_leads
from dialer.adapters.sql.store import open_stores
from dialer.adapters.system_clock import SystemClock
from dialer.config import Settings
from dialer.errors import InvalidInputError, NotFoundError
from dialer.ids import CampaignId
from dialer.leads import NewLead
from dialer.ports import Stores

BATCH = 2000


@dataclass(frozen=True, slots=True)
class FileReport:
    added: int
    duplicates: int
    rejected: tuple[Rejected, ...]


async def import_file(settings: Settings, file: Path, campaign: str, region: str) -> FileReport:
    """Raises NotFoundError when there is no such campaign, InvalidInputError for an unusable file."""
    stores = await open_stores(settings.database.url)
    try:
        for configured in settings.campaigns:
            await stores.campaigns.save(configured.policy())
        campaign_id = await _find(stores, campaign)
        return await _add(stores, file, campaign_id, region)
    except OSError as error:
        raise InvalidInputError(str(file), error.strerror or "cannot be read") from error
    finally:
        await stores.close()


async def _find(stores: Stores, campaign: str) -> CampaignId:
    found = await stores.campaigns.by_name(campaign)
    if found is not None:
        return found.policy.campaign_id
    try:
        return (await stores.campaigns.get(CampaignId(campaign))).policy.campaign_id
    except NotFoundError:
        known = ", ".join(each.policy.name for each in await stores.campaigns.all()) or "none"
        raise NotFoundError(f"no campaign {campaign!r}; there are: {known}") from None


async def _add(stores: Stores, file: Path, campaign_id: CampaignId, region: str) -> FileReport:
    added = duplicates = 0
    rejected: list[Rejected] = []
    clock = SystemClock()
    rows = read_leads(file, campaign_id, region=region)
    while batch := list(islice(rows, BATCH)):
        rejected += [row for row in batch if isinstance(row, Rejected)]
        leads = [row for row in batch if isinstance(row, NewLead)]
        report = await stores.leads.add(leads, at=clock.now())
        added += report.added
        duplicates += report.duplicates
    return FileReport(added, duplicates, tuple(rejected))
