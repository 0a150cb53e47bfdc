"""A campaign's leads, page by page, as the bytes of a file."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from dialer.adapters.lead_writers import Format, writer_of
from dialer.errors import NotFoundError
from dialer.ids import CampaignId, LeadId, ListId
from dialer.leads import Lead, LeadState
from dialer.ports import Stores

PAGE = 1000


@dataclass(slots=True)
class Export:
    """`list_name`: of one list only; None: of all. `count`: those written so far."""

    campaign_id: CampaignId
    form: Format
    list_name: str | None = None
    state: LeadState | None = None
    count: int = 0

    async def pieces(self, stores: Stores) -> AsyncIterator[bytes]:
        """Oldest lead first; each page as it is when it is read. Raises NotFoundError before the first piece."""
        names = {
            each.list_id: each.settings.name for each in await stores.lists.all(self.campaign_id)
        }
        wanted = _wanted(names, self.list_name)
        writer = writer_of(self.form)
        yield writer.begin()
        after: LeadId | None = None
        while page := await stores.leads.page(
            self.campaign_id, after=after, limit=PAGE, state=self.state
        ):
            after = page[-1].lead_id
            leads = [lead for lead in page if wanted is None or lead.list_id == wanted]
            self.count += len(leads)
            yield writer.leads(leads, lambda lead: _name_of(lead, names))
        yield writer.end()


def _wanted(names: dict[ListId, str], name: str | None) -> ListId | None:
    if name is None:
        return None
    for list_id, known in names.items():
        if known == name:
            return list_id
    raise NotFoundError("the campaign has no such list")


def _name_of(lead: Lead, names: dict[ListId, str]) -> str:
    return names.get(lead.list_id, "")
