"""The tables. Instants are stored as UTC and read back aware; enums are stored as their lower-case word.

How a lead waits. `wakes_at` says until when nobody may take it: the end of the lease while RESERVED, `next_attempt_at`
in RETRY, null otherwise. `reserve_due` first wakes the sleepers whose time has come (sets `wakes_at` null, once per
sleep), then takes from the ready ones, list by list, in the order of one partial index (`ix_leads_line`). Both steps touch
only the rows they return, however many leads the campaign has and however many of them sleep. The order of a list is in the
leads themselves (`rank`).
"""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, TypeVar

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    false,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeEngine

from dialer.callbacks import CallbackKind, CallbackState
from dialer.campaign import CampaignState
from dialer.dispositions import Category
from dialer.do_not_call import DncAction
from dialer.events import Screening
from dialer.lead_lists import LeadOrder
from dialer.leads import LeadState, Outcome

EnumT = TypeVar("EnumT", bound=StrEnum)


class UtcDateTime(TypeDecorator[datetime]):
    """Aware instants in and out, UTC in the table. A naive instant is refused."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("an instant without a time zone cannot be stored")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Word(TypeDecorator[EnumT]):
    """A StrEnum stored as its word."""

    impl = String(16)
    cache_ok = True

    def __init__(self, enum: type[EnumT]) -> None:
        super().__init__()
        self.enum = enum

    def process_bind_param(self, value: EnumT | str | None, dialect: Dialect) -> str | None:
        return None if value is None else self.enum(value).value

    def process_result_value(self, value: Any | None, dialect: Dialect) -> EnumT | None:
        return None if value is None else self.enum(value)


metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _key(length: int) -> TypeEngine[str]:
    """An id. Sorts as its letters are coded, whatever the language of the database."""
    return String(length).with_variant(String(length, collation="C"), "postgresql")


key = _key


def _partial(name: str, *columns: Any, where: str, unique: bool = False) -> Index:
    """An index over the rows that fulfil `where`, on either database."""
    clause = text(where)
    return Index(name, *columns, unique=unique, sqlite_where=clause, postgresql_where=clause)


clients = Table(
    "clients",
    metadata,
    Column("id", _key(64), primary_key=True),
    Column("name", Text, nullable=False),
)

campaigns = Table(
    "campaigns",
    metadata,
    Column("id", _key(64), primary_key=True),
    Column("name", Text, nullable=False),
    Column("team_id", _key(64), nullable=False),
    Column("state", Word(CampaignState), nullable=False),
    Column("policy", JSON().with_variant(JSONB(), "postgresql"), nullable=False),
    Column("held_at", UtcDateTime()),  # a restore holds it back since then
    Column("client_id", _key(64), nullable=False, server_default="main"),
    Column("purpose", String(32), nullable=False, server_default="telemarketing"),
    Column("sector", String(32), nullable=False, server_default=""),
    Column("check_registers", Boolean, nullable=False, server_default=false()),
    Column("check_consents", Boolean, nullable=False, server_default=false()),
    UniqueConstraint("name"),
    # SQLite adds no column that refers to another table and is never null: there only the store looks
    ForeignKeyConstraint(["client_id"], ["clients.id"]).ddl_if(dialect="postgresql"),
)

schema_support = Table(
    "schema_support",
    metadata,
    Column("id", Integer, primary_key=True),  # 1: the only row
    Column("oldest_code", String(32), nullable=False),  # the newest migration it must know
)

trunks = Table(
    "trunks",
    metadata,
    Column("id", _key(64), primary_key=True),
    Column("lines", Integer),  # null: no limit
    Column("calls_per_second", Float),
    Column("settings", JSON().with_variant(JSONB(), "postgresql"), nullable=False),
)

team_leases = Table(
    "team_leases",
    metadata,
    Column("team_id", _key(64), primary_key=True),
    Column("owner", Text),  # null: nobody's
    Column("fence", BigInteger, nullable=False),  # the number of acquisitions
    Column("until", UtcDateTime(), nullable=False),
)

agents = Table(
    "agents",
    metadata,
    Column("id", _key(64), primary_key=True),
    Column("name", Text, nullable=False),
    Column("team_id", _key(64), nullable=False),
    Column("shift_ends_at", UtcDateTime()),
)

do_not_call = Table(
    "do_not_call",
    metadata,
    Column("phone", String(20), primary_key=True),
    Column("reason", Text, nullable=False),
    Column("added_at", UtcDateTime(), nullable=False),
    Column("source", Text, nullable=False, server_default=""),
    Column("who", Text, nullable=False, server_default=""),
    Column("expires_at", UtcDateTime()),
)
"""Whole numbers that nobody rings, whoever the client is: also servers of the release before look here."""

do_not_call_entries = Table(
    "do_not_call_entries",
    metadata,
    Column("client_id", _key(64), primary_key=True),  # empty: for everybody
    Column("digits", _key(20), primary_key=True),
    Column("by_prefix", Boolean, primary_key=True),
    Column("reason", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("who", Text, nullable=False),
    Column("added_at", UtcDateTime(), nullable=False),
    Column("expires_at", UtcDateTime()),
)
"""The others: numbers of one client, and beginnings of numbers."""

do_not_call_changes = Table(
    "do_not_call_changes",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("at", UtcDateTime(), nullable=False),
    Column("action", Word(DncAction), nullable=False),
    Column("client_id", _key(64), nullable=False),
    Column("digits", _key(20), nullable=False),
    Column("by_prefix", Boolean, nullable=False),
    Column("who", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("source", Text, nullable=False),
)

register_results = Table(
    "register_results",
    metadata,
    Column("phone", String(20), primary_key=True),
    Column("register", _key(32), primary_key=True),
    Column("checked_at", UtcDateTime(), nullable=False),
    Column("listed", Boolean, nullable=False),
)

consents = Table(
    "consents",
    metadata,
    Column("phone", String(20), primary_key=True),
    Column("client_id", _key(64), ForeignKey("clients.id"), primary_key=True),
    Column("purpose", String(32), primary_key=True),
    Column("sector", String(32), primary_key=True),
    Column("obtained_at", UtcDateTime(), primary_key=True),
    Column("basis", String(32), nullable=False),
    Column("text_version", Text, nullable=False),
    Column("expires_at", UtcDateTime()),
    Column("withdrawn_at", UtcDateTime()),
    Column("proof", Text, nullable=False),
    Column("who", Text, nullable=False),
)

lists = Table(
    "lists",
    metadata,
    Column("campaign_id", _key(64), ForeignKey("campaigns.id"), primary_key=True),
    Column("id", Integer, primary_key=True, autoincrement=False),  # 0: of leads without a list
    Column("name", Text, nullable=False),
    Column("weight", Integer, nullable=False),
    Column("call_order", Word(LeadOrder), nullable=False),
    Column("seed", BigInteger, nullable=False),
    Column("created_at", UtcDateTime(), nullable=False),
    Column("ranked", Boolean, nullable=False),  # false: some leads still have the ranks of before
    UniqueConstraint("campaign_id", "name"),
)

leads = Table(
    "leads",
    metadata,
    Column("id", _key(36), primary_key=True),  # UUIDv7: sorts by age
    Column("campaign_id", _key(64), ForeignKey("campaigns.id"), nullable=False),
    Column("phone", String(20), nullable=False),
    Column("name", Text, nullable=False),
    Column("zone", String(64), nullable=False),
    Column("priority", Integer, nullable=False),
    Column("external_id", Text),
    Column("state", Word(LeadState), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("never_rang", Integer, nullable=False),
    Column("last_attempt_at", UtcDateTime()),
    Column("last_outcome", Word(Outcome)),
    Column("last_abandoned_at", UtcDateTime()),
    Column("next_attempt_at", UtcDateTime()),
    Column("owner", Text),  # who holds it, while RESERVED
    Column("wakes_at", UtcDateTime()),
    Column("list_id", Integer, nullable=False, server_default="0"),
    Column("rank", BigInteger, nullable=False, server_default="0"),  # lead_lists.rank_of
    Column("answer_odds", Float),
    Column("held_by", String(40)),
    Column("attributes", Text),  # a JSON object; null: none
    Column("numbers", Text),  # person_numbers.packed_numbers; null: `phone` is the only one
    UniqueConstraint("phone", "campaign_id"),
)

READY = "state IN ('new', 'retry', 'reserved') AND wakes_at IS NULL"
"""Leads that may be taken now. The same words stand in the index and in the query: a bound value would hide the index."""

STILL_OPEN = "ended_at IS NULL"
ENDED = "ended_at IS NOT NULL"

_partial(
    "ix_leads_line",
    leads.c.campaign_id,
    leads.c.list_id,
    leads.c.rank,
    leads.c.priority.desc(),
    leads.c.id,
    where=READY,
)
_partial(
    "ix_leads_asleep",
    leads.c.campaign_id,
    leads.c.wakes_at,
    leads.c.state,
    where="wakes_at IS NOT NULL",
)
_partial("ix_leads_held", leads.c.owner, where="owner IS NOT NULL")
Index("ix_leads_state", leads.c.campaign_id, leads.c.state, leads.c.id)
Index("ix_leads_page", leads.c.campaign_id, leads.c.id)

lead_numbers = Table(
    "lead_numbers",
    metadata,
    Column("phone", String(20), primary_key=True),
    Column("campaign_id", _key(64), primary_key=True),
    Column("lead_id", _key(36), nullable=False, index=True),
)
"""All numbers of leads that have several."""

lead_counts = Table(  # kept by triggers: see migration 0052
    "lead_counts",
    metadata,
    Column("campaign_id", _key(64), nullable=False),
    Column("list_id", Integer, nullable=False),
    Column("state", Word(LeadState), nullable=False),
    Column("reason", String(40), nullable=False),
    Column("wakes_hour", String(13), nullable=False),  # UTC; empty: does not sleep
    Column("number", BigInteger, nullable=False),
)
Index(
    "ix_lead_counts_key",
    *(lead_counts.c[name] for name in ("campaign_id", "list_id", "state", "reason", "wakes_hour")),
)

attempts = Table(
    "attempts",
    metadata,
    Column("id", _key(36), primary_key=True),  # the CallId
    Column("campaign_id", _key(64), ForeignKey("campaigns.id"), nullable=False),
    Column("lead_id", _key(36), ForeignKey("leads.id"), nullable=False),
    Column("phone", String(20), nullable=False),
    Column("caller_id", String(40), nullable=False),
    Column("trunk", String(64), nullable=False),
    Column("started_at", UtcDateTime(), nullable=False),
    Column("ringing_at", UtcDateTime()),
    Column("answered_at", UtcDateTime()),
    Column("bridged_at", UtcDateTime()),
    Column("ended_at", UtcDateTime()),
    Column("outcome", Word(Outcome)),
    Column("cause", Integer),
    Column("agent_id", String(64)),
    Column("disposition", Text),
    Column("category", Word(Category)),  # of the disposition
    Column("blocks_number", Boolean),  # true: so says the disposition; else null
    Column("disposed_at", UtcDateTime()),
    # what a disposition that was said while the attempt was open makes of the lead; its close applies it
    Column("ruled", Word(LeadState)),
    Column("callback_at", UtcDateTime()),  # when it is tried again
    Column("node", Text),  # the Asterisk server that carries it
    Column("profile", String(64)),  # the rules that it was placed under: id@version
    Column("trunk_country", String(2)),
    Column("checks", Text),  # ids of what was looked up before, with blanks between
    Column("screened", Boolean),  # detection was asked for
    Column("screening", Word(Screening)),  # what it said
    Column("message", Boolean),  # played when the limit came
    Column("waited_ms", BigInteger),  # answer to talk, or to the end; rounded up
    # whom it is counted for (commands.CallLimits); null: of before
    Column("client_id", Text),
    Column("person", Text),
    Column("subject", Text),
)

_partial("uq_attempts_open_lead", attempts.c.lead_id, where=STILL_OPEN, unique=True)
_partial("uq_attempts_open_phone", attempts.c.phone, where=STILL_OPEN, unique=True)
_partial("ix_attempts_open", attempts.c.campaign_id, where=STILL_OPEN)
_partial("ix_attempts_open_trunk", attempts.c.trunk, where=STILL_OPEN)
_partial(
    "ix_attempts_outcome",
    attempts.c.campaign_id,
    attempts.c.outcome,
    attempts.c.answered_at,
    attempts.c.ended_at,
    where=ENDED,
)
_partial("ix_attempts_blocking", attempts.c.phone, where="blocks_number IS NOT NULL")
Index("ix_attempts_phone", attempts.c.phone, attempts.c.started_at)
_partial("ix_attempts_person", attempts.c.person, attempts.c.started_at, where="person IS NOT NULL")
Index("ix_attempts_trunk_started", attempts.c.trunk, attempts.c.started_at)
Index("ix_attempts_started", attempts.c.campaign_id, attempts.c.started_at)
Index("ix_attempts_lead", attempts.c.lead_id, attempts.c.started_at)

former_dispositions = Table(
    "former_dispositions",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("call_id", _key(36), ForeignKey("attempts.id"), nullable=False),
    Column("agent_id", String(64)),
    Column("disposition", Text, nullable=False),
    Column("category", Word(Category)),
    Column("said_at", UtcDateTime()),
    Column("replaced_at", UtcDateTime(), nullable=False),
    Column("replaced_by", String(64), nullable=False),
)
Index("ix_former_dispositions_call_id", former_dispositions.c.call_id)

callbacks = Table(
    "callbacks",
    metadata,
    Column("id", _key(36), ForeignKey("attempts.id"), primary_key=True),  # where it was agreed
    Column("client_id", _key(64), nullable=False),
    Column("campaign_id", _key(64), ForeignKey("campaigns.id"), nullable=False),
    Column("lead_id", _key(36), ForeignKey("leads.id"), nullable=False),
    Column("kind", Word(CallbackKind), nullable=False),
    Column("due_at", UtcDateTime(), nullable=False),
    Column("agent_id", String(64)),  # null: for anyone
    Column("grace_seconds", Float),  # null: for its agent, however long it takes
    Column("most_tries", Integer, nullable=False),
    Column("note", Text, nullable=False),
    Column("state", Word(CallbackState), nullable=False),
    Column("tries", Integer, nullable=False),
    Column("booked_at", UtcDateTime(), nullable=False),
    Column("booked_by", String(64), nullable=False),
    Column("changed_at", UtcDateTime(), nullable=False),
    Column("reason", String(40), nullable=False),
)

PROMISED = "state IN ('booked', 'escalated')"
_partial("uq_callbacks_promised_lead", callbacks.c.lead_id, where=PROMISED, unique=True)
_partial("ix_callbacks_promised", callbacks.c.campaign_id, callbacks.c.due_at, where=PROMISED)
Index("ix_callbacks_page", callbacks.c.campaign_id, callbacks.c.id)
