"""The tables of the ledger, and of the audit of "machine" verdicts."""

from sqlalchemy import BigInteger, Column, Index, String, Table, Text

from dialer.abandonment import AuditLabel
from dialer.adapters.sql.tables import UtcDateTime, Word, key, metadata

ledger = Table(
    "ledger",
    metadata,
    Column("chain", key(64), primary_key=True),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("at", UtcDateTime(), nullable=False),
    Column("body", Text, nullable=False),
    Column("hash", String(64), nullable=False),
)
Index("ix_ledger_at", ledger.c.chain, ledger.c.at)

ledger_heads = Table(
    "ledger_heads",
    metadata,
    Column("chain", key(64), primary_key=True),
    Column("rows", BigInteger, nullable=False),
    Column("hash", String(64), nullable=False),
    Column("first_seq", BigInteger, nullable=False),
    Column("first_prev", String(64), nullable=False),
)

ledger_salts = Table(
    "ledger_salts",
    metadata,
    Column("lead_id", key(36), primary_key=True),
    Column("salt", String(32), nullable=False),
)

machine_audits = Table(
    "machine_audits",
    metadata,
    Column("call_id", key(36), primary_key=True),
    Column("campaign_id", key(64), nullable=False),
    Column("answered_at", UtcDateTime(), nullable=False),
    Column("label", Word(AuditLabel)),  # null: nobody has listened yet
    Column("labelled_by", Text),
    Column("labelled_at", UtcDateTime()),
)
Index("ix_machine_audits_campaign", machine_audits.c.campaign_id, machine_audits.c.label)
