"""Leads with what the store knows of their numbers: one look for all of them, whenever leads are reserved."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from dialer.ids import ClientId
from dialer.leads import Lead
from dialer.number_facts import NumberFacts
from dialer.ports import Stores


async def with_facts(
    stores: Stores, leads: Sequence[Lead], client_id: ClientId, at: datetime
) -> list[Lead]:
    """In their order. Raises StoreUnavailableError."""
    phones = {lead.phone for lead in leads}
    if not phones:
        return []
    dnc = await stores.do_not_call.matching(phones, client_id=client_id, at=at)
    registers = await stores.registers.results(phones)
    consents = await stores.consents.of(phones, client_id=client_id)
    facts = {
        phone: NumberFacts(
            at=at,
            dnc=dnc.get(phone, ()),
            registers=registers.get(phone, ()),
            consents=consents.get(phone, ()),
        )
        for phone in phones
    }
    return [replace(lead, facts=facts[lead.phone]) for lead in leads]
