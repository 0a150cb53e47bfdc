"""LeadStore on SQL."""

from collections import Counter
from collections.abc import Collection, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from random import Random
from typing import Any

from sqlalchemy import (
    Executable,
    Select,
    and_,
    bindparam,
    case,
    exists,
    literal_column,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from dialer.adapters.lead_changes import after_deferral
from dialer.adapters.person_numbers import packed_numbers, phones_of
from dialer.adapters.sql.do_not_call import add_entries, barring, book_of, clients_of
from dialer.adapters.sql.engine import Database, chunks, insert_or_skip, padded
from dialer.adapters.sql.faults import again
from dialer.adapters.sql.fences import holds
from dialer.adapters.sql.lead_counts import (
    HOUR,
    asleep_after,
    fold,
    held_leads,
    next_due_at,
)
from dialer.adapters.sql.lists import lists_of
from dialer.adapters.sql.persons import NewPhones, lead_with, put_numbers, taken, undisturbed
from dialer.adapters.sql.rows import LEAD_COLUMNS, lead_of, settled_values
from dialer.adapters.sql.tables import READY, UtcDateTime, attempts, campaigns, do_not_call, leads
from dialer.attributes import packed
from dialer.do_not_call import DoNotCall
from dialer.errors import NotFoundError, StoreUnavailableError
from dialer.ids import CampaignId, LeadId, ListId, uuid7
from dialer.lead_lists import LeadList, ListSettings, rank_of, spans
from dialer.leads import DO_NOT_CALL, Lead, LeadState, NewLead
from dialer.list_mix import Credit, ListMix
from dialer.ports import ImportReport, LeadCounts, LeadHoldings

FOLD_EVERY = 32
"""Calls of reserve_due from one tidying of the counts to the next."""

WAKE_AT_ONCE = 5000
"""Sleepers woken by one call. Only while more than this many fall due between two calls may a lead be handed out before
one of higher priority; it keeps a morning with a million callbacks from holding the database for seconds."""


class SqlLeadStore:
    def __init__(self, database: Database, random: Random) -> None:
        self._database = database
        self._random = random
        self._reserved = 0  # times
        self._credit: dict[CampaignId, Credit] = {}  # of the lists: another server begins anew

    @again
    async def add(self, leads: Sequence[NewLead], *, at: datetime) -> ImportReport:
        """One transaction however long the list: whoever imports a file cuts it into pieces of some thousands."""
        if not leads:
            return ImportReport(added=0, duplicates=0)
        ids = sorted(uuid7(at, self._random) for _ in leads)  # the order of the list is their age
        added = 0
        async with self._database.write() as connection:
            wanted = {lead.campaign_id for lead in leads}
            await _check_campaigns(connection, wanted, alone=any(lead.numbers for lead in leads))
            lists = [each for one in sorted(wanted) for each in await lists_of(connection, one)]
            new = list(zip(map(LeadId, ids), leads, strict=True))
            known = await _known_numbers(connection, new)
            new = [each for each in new if each[0] not in known]
            for chunk in chunks(_new_rows(lists, new)):
                added += await _insert(connection, chunk)
            for campaign_id, phones in _phones_by_campaign(new).items():
                await put_numbers(connection, campaign_id, phones)
        return ImportReport(added=added, duplicates=len(leads) - added)

    @again
    async def reserve_due(
        self, campaign_id: CampaignId, count: int, *, owner: str, lease: timedelta, at: datetime
    ) -> list[Lead]:
        if count <= 0:
            return []
        values = {"campaign": campaign_id, "at": at, "holder": owner}
        async with self._database.write() as connection:
            if not await holds(connection, owner):
                return []
            await connection.execute(_WAKE, values)
            taking = values | {"until": at + lease}
            mix = await self._mixed(connection, campaign_id, count, _TAKE, taking)
        self._credit[campaign_id] = mix.credit
        await self._fold_counts()
        return mix.mixed

    async def _mixed(
        self,
        connection: AsyncConnection,
        campaign_id: CampaignId,
        count: int,
        statement: Executable,
        values: dict[str, Any],
    ) -> ListMix[Lead]:
        """What `statement` finds in the campaign's lists, in their turns."""
        lists = {each.list_id: each for each in await lists_of(connection, campaign_id)}
        weights = {each.list_id: each.settings.weight for each in lists.values()}
        mix: ListMix[Lead] = ListMix(weights, self._credit.get(campaign_id, {}), count)
        passed: Counter[ListId] = (
            Counter()
        )  # by list: what a statement that takes nothing would find again
        while wanted := mix.wanted():
            finds = {}
            for list_id, most in sorted(wanted.items()):
                skip = passed[list_id] if statement is _PEEK else 0
                found = await _found(connection, statement, lists[list_id], most + skip, values)
                finds[list_id] = found[skip:]
                passed[list_id] += len(finds[list_id])
            mix.found(finds)
        return mix

    async def _fold_counts(self) -> None:
        """Now and then. Who dials reserves, so what a transaction adds to the counts never becomes much."""
        self._reserved += 1
        if self._reserved % FOLD_EVERY == 0:
            with suppress(StoreUnavailableError):  # the leads are reserved; another time will do
                async with self._database.write() as connection:
                    await fold(connection)

    @again
    async def reserve(
        self, lead_id: LeadId, *, owner: str, lease: timedelta, at: datetime
    ) -> Lead | None:
        values = {"lead": lead_id, "at": at, "holder": owner, "until": at + lease}
        async with self._database.write() as connection:
            if not await holds(connection, owner):
                return None
            taken = (await connection.execute(_TAKE_ONE, values)).one_or_none()
            if taken is not None:
                return lead_of(taken)
        await self.get(lead_id)
        return None

    @again
    async def release(self, lead_ids: Collection[LeadId], *, owner: str) -> None:
        if not lead_ids:
            return
        async with self._database.write() as connection:
            for chunk in chunks(sorted(lead_ids)):
                held = and_(leads.c.id.in_(padded(chunk)), leads.c.owner == owner)
                await connection.execute(GIVE_BACK.where(held))

    @again
    async def release_owner(self, owner: str) -> int:
        async with self._database.write() as connection:
            result = await connection.execute(GIVE_BACK.where(leads.c.owner == owner))
            return result.rowcount

    @again
    async def defer(
        self,
        lead_id: LeadId,
        *,
        owner: str,
        state: LeadState,
        not_before: datetime | None,
        reason: str | None = None,
    ) -> None:
        held = and_(
            leads.c.id == lead_id,
            leads.c.owner == owner,
            leads.c.state == LeadState.RESERVED,
        )
        async with self._database.write() as connection:
            found = await connection.execute(select(*LEAD_COLUMNS).where(held).with_for_update())
            row = found.one_or_none()
            if row is None:
                return
            before = lead_of(row)
            lead = after_deferral(before, state, not_before, reason=reason)
            lead = await undisturbed(connection, before, lead)
            await connection.execute(
                update(leads).where(leads.c.id == lead_id).values(**settled_values(lead))
            )

    async def get(self, lead_id: LeadId) -> Lead:
        async with self._database.read() as connection:
            found = await connection.execute(select(*LEAD_COLUMNS).where(leads.c.id == lead_id))
            row = found.one_or_none()
        if row is None:
            raise NotFoundError("no such lead")
        return lead_of(row)

    async def with_number(self, campaign_id: CampaignId, phone: str) -> Lead | None:
        query = select(*LEAD_COLUMNS).where(
            leads.c.phone == phone, leads.c.campaign_id == campaign_id
        )
        async with self._database.read() as connection:
            row = (await connection.execute(query)).one_or_none()
            if row is None and (found := await lead_with(connection, campaign_id, phone)):
                query = select(*LEAD_COLUMNS).where(leads.c.id == found)
                row = (await connection.execute(query)).one_or_none()
        return None if row is None else lead_of(row)

    async def page(
        self, campaign_id: CampaignId, *, after: LeadId | None, limit: int, state: LeadState | None
    ) -> list[Lead]:
        query = select(*LEAD_COLUMNS).where(leads.c.campaign_id == campaign_id)
        if after is not None:
            query = query.where(leads.c.id > after)
        if state is not None:
            query = query.where(leads.c.state == state)
        query = query.order_by(leads.c.id).limit(max(limit, 0))
        async with self._database.read() as connection:
            return [lead_of(row) for row in await connection.execute(query)]

    async def counts(self, campaign_id: CampaignId, *, at: datetime) -> LeadCounts:
        async with self._database.read() as connection:
            held = await held_leads(connection, campaign_id)
            asleep = await asleep_after(connection, campaign_id, held, at)
            next_at = await next_due_at(connection, campaign_id, at)
        by_state = dict.fromkeys(LeadState, 0)
        for each in held:
            by_state[each.state] += each.number
        waiting = by_state[LeadState.NEW] + by_state[LeadState.RETRY]
        return LeadCounts(by_state=by_state, due=waiting - asleep, next_due_at=next_at)

    async def holdings(self, campaign_id: CampaignId, *, at: datetime) -> LeadHoldings:
        async with self._database.read() as connection:
            held = await held_leads(connection, campaign_id)
            asleep = await asleep_after(connection, campaign_id, held, at)
            still = await asleep_after(connection, campaign_id, held, at + HOUR)
            next_at = await next_due_at(connection, campaign_id, at)
        waiting = sum(
            each.number for each in held if each.state in (LeadState.NEW, LeadState.RETRY)
        )
        return LeadHoldings(
            counted_at=at,
            held=tuple(held),
            due=waiting - asleep,
            next_hour=asleep - still,
            next_due_at=next_at,
        )

    @again
    async def peek(self, campaign_id: CampaignId, count: int, *, at: datetime) -> list[Lead]:
        values = {"campaign": campaign_id, "at": at}
        async with self._database.write() as connection:
            await connection.execute(_WAKE, values)
            mix = await self._mixed(connection, campaign_id, count, _PEEK, values)
        return mix.mixed

    @again
    async def add_do_not_call(self, phone: str, *, reason: str, at: datetime) -> None:
        async with self._database.write() as connection:
            await add_entries(connection, [DoNotCall(digits=phone, reason=reason, added_at=at)])

    async def do_not_call(self, phones: Collection[str]) -> set[str]:
        async with self._database.read() as connection:
            return await listed_numbers(connection, phones)


async def listed_numbers(connection: AsyncConnection, phones: Collection[str]) -> set[str]:
    """Those of `phones` that are on the do-not-call list, as this transaction sees it."""
    listed: set[str] = set()
    for chunk in chunks(sorted(set(phones))):
        query = select(do_not_call.c.phone).where(do_not_call.c.phone.in_(padded(chunk)))
        listed.update((await connection.execute(query)).scalars())
    return listed


async def _check_campaigns(
    connection: AsyncConnection, wanted: set[CampaignId], *, alone: bool
) -> None:
    """`alone`: nobody else adds leads to them until the end of the transaction. Calls can be opened meanwhile."""
    query = select(campaigns.c.id).where(campaigns.c.id.in_(sorted(wanted)))
    query = query.order_by(campaigns.c.id).with_for_update(read=not alone, key_share=alone)
    if set((await connection.execute(query)).scalars()) != wanted:
        raise NotFoundError("no such campaign")


def _phones_by_campaign(
    new: Sequence[tuple[LeadId, NewLead]],
) -> dict[CampaignId, list[NewPhones]]:
    found: dict[CampaignId, list[NewPhones]] = {}
    for lead_id, lead in new:
        phones = tuple(one.phone for one in lead.numbers) or (lead.phone,)
        found.setdefault(lead.campaign_id, []).append((lead_id, phones))
    return found


async def _known_numbers(
    connection: AsyncConnection, new: Sequence[tuple[LeadId, NewLead]]
) -> set[LeadId]:
    found = _phones_by_campaign(new).items()
    return {key for campaign, phones in found for key in await taken(connection, campaign, phones)}


async def _insert(connection: AsyncConnection, rows: list[dict[str, Any]]) -> int:
    """Insert those whose number the campaign does not have; how many that were."""
    client_of = await clients_of(connection, {row["campaign_id"] for row in rows})
    phones = {row["id"]: phones_of(row["phone"], row["numbers"]) for row in rows}
    every = {phone for of_one in phones.values() for phone in of_one}
    book = await book_of(connection, every, client_of.values())
    for row in rows:
        client_id = client_of[row["campaign_id"]]
        barred = any(book.bars(phone, client_id) for phone in phones[row["id"]])
        row["state"] = LeadState.EXCLUDED if barred else LeadState.NEW
        row["held_by"] = DO_NOT_CALL if barred else None
    insert = insert_or_skip(connection, leads).returning(leads.c.id)
    return len((await connection.execute(insert, rows)).all())


async def _found(
    connection: AsyncConnection,
    statement: Executable,
    of: LeadList,
    most: int,
    values: dict[str, Any],
) -> list[Lead]:
    """The first `most` leads of a list that the statement, _TAKE or _PEEK, finds; in the order of the list."""
    taken: list[Lead] = []
    for first, last in spans(of.settings.order, values["at"]):
        bounds = {"list": of.list_id, "first": first, "last": last, "most": most - len(taken)}
        if bounds["most"] <= 0:
            continue
        if statement is _TAKE and connection.dialect.name == "sqlite":
            taken += await _taken_alone(connection, values | bounds)
        else:
            rows = await connection.execute(statement, values | bounds)
            taken += map(lead_of, sorted(rows, key=lambda row: (row.rank, -row.priority, row.id)))
    return taken


async def _taken_alone(connection: AsyncConnection, values: dict[str, Any]) -> list[Lead]:
    """As _TAKE, in two statements: SQLite is quicker so, and nobody else writes between them."""
    rows = (await connection.execute(_PEEK, values)).all()
    for chunk in chunks([row.id for row in rows]):
        await connection.execute(_RESERVE.where(leads.c.id.in_(padded(chunk))), values)
    return [lead_of(row, LeadState.RESERVED) for row in rows]


def _new_rows(
    lists: Sequence[LeadList], new: Sequence[tuple[str, NewLead]]
) -> list[dict[str, Any]]:
    """Raises NotFoundError for a list that is not there."""
    known = {(each.settings.campaign_id, each.list_id): each.settings for each in lists}
    try:
        return [_new_row(key, lead, known[lead.campaign_id, lead.list_id]) for key, lead in new]
    except KeyError:
        raise NotFoundError("no such list") from None


def _new_row(key: str, lead: NewLead, of: ListSettings) -> dict[str, Any]:
    return {
        "list_id": lead.list_id,
        "rank": rank_of(of.order, of.seed, LeadId(key), zone=lead.zone),
        "answer_odds": lead.answer_odds,
        "attributes": packed(lead.attributes),
        "numbers": packed_numbers(lead.numbers),
        "id": key,
        "campaign_id": lead.campaign_id,
        "phone": lead.phone,
        "name": lead.name,
        "zone": lead.zone,
        "priority": lead.priority,
        "external_id": lead.external_id,
        "attempts": 0,
        "never_rang": 0,
    }


# --- statements -------------------------------------------------------------------------------------------------------


def _sleepers() -> Select[Any]:
    """The leads whose lease or delay ends by :at. Rows that another caller has in hand are passed over."""
    asleep = and_(leads.c.campaign_id == bindparam("campaign"), leads.c.wakes_at <= bindparam("at"))
    earliest = select(leads.c.id).where(asleep).order_by(leads.c.wakes_at).limit(WAKE_AT_ONCE)
    return earliest.with_for_update(skip_locked=True)


_client = (
    select(campaigns.c.client_id)
    .where(campaigns.c.id == leads.c.campaign_id)
    .correlate(leads)
    .scalar_subquery()
)
barred_now = barring(leads.c.phone, _client, bindparam("at", type_=UtcDateTime()))
being_rung = exists().where(
    attempts.c.phone == leads.c.phone, attempts.c.ended_at.is_(literal_column("NULL"))
)


def _ready_leads() -> Select[Any]:
    """The ready leads of :list in :campaign whose ranks are from :first to :last, in the order of the list."""
    line = and_(
        leads.c.campaign_id == bindparam("campaign"),
        leads.c.list_id == bindparam("list"),
        leads.c.rank.between(bindparam("first"), bindparam("last")),
        text(READY),
    )
    order = (leads.c.rank, leads.c.priority.desc(), leads.c.id)
    best = select(leads.c.id).where(line, ~barred_now, ~being_rung).order_by(*order)
    return best.limit(bindparam("most"))


_sleeping = _sleepers().cte("sleepers")
_WAKE = update(leads).where(leads.c.id.in_(select(_sleeping.c.id))).values(wakes_at=None)

_columns = (*LEAD_COLUMNS, leads.c.rank)
_taken = _ready_leads().with_for_update(skip_locked=True, of=leads).cte("taken")
"""Rows that another caller has in hand are passed over."""
_RESERVE = update(leads).values(
    state=LeadState.RESERVED, owner=bindparam("holder"), wakes_at=bindparam("until")
)
_TAKE = _RESERVE.where(leads.c.id.in_(select(_taken.c.id))).returning(*_columns)

_PEEK = _ready_leads().with_only_columns(*_columns)

_to_be_had = or_(
    leads.c.state.in_([LeadState.NEW, LeadState.RETRY]),
    and_(
        leads.c.state == LeadState.RESERVED,
        or_(
            leads.c.owner == bindparam("holder"),
            leads.c.wakes_at.is_(None),
            leads.c.wakes_at <= bindparam("at"),
        ),
    ),
)
_TAKE_ONE = (
    update(leads)
    .where(leads.c.id == bindparam("lead"), _to_be_had, ~barred_now, ~being_rung)
    .values(state=LeadState.RESERVED, owner=bindparam("holder"), wakes_at=bindparam("until"))
    .returning(*LEAD_COLUMNS)
)

_never_tried = and_(leads.c.attempts == 0, leads.c.last_attempt_at.is_(None))
GIVE_BACK = (
    update(leads)
    .where(leads.c.state == LeadState.RESERVED)
    .values(
        state=case((_never_tried, LeadState.NEW), else_=LeadState.RETRY),
        next_attempt_at=case((_never_tried, None), else_=leads.c.next_attempt_at),
        wakes_at=case((_never_tried, None), else_=leads.c.next_attempt_at),
        owner=None,
    )
)
