"""The ledger; what a call's class is made from; the audit of "machine" verdicts"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0035"
down_revision = "0030"
branch_labels = None
depends_on = None
oldest_code = "0003"  # it adds columns and tables that older code does not look at

COLUMNS: dict[str, Any] = {
    "profile": sa.String(64),
    "trunk_country": sa.String(2),
    "checks": sa.Text(),
    "screened": sa.Boolean(),
    "screening": sa.String(16),
    "message": sa.Boolean(),
    "waited_ms": sa.BigInteger(),
}


def key(length: int) -> Any:
    """An id. On PostgreSQL it sorts as its letters are coded, whatever the language of the database."""
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


def upgrade() -> None:
    for name, kind in COLUMNS.items():
        op.add_column("attempts", sa.Column(name, kind))
    create_ledger()
    create_audits()


def create_ledger() -> None:
    op.create_table(
        "ledger",
        sa.Column("chain", key(64), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("chain", "seq", name="pk_ledger"),
    )
    op.create_index("ix_ledger_at", "ledger", ["chain", "at"])
    op.create_table(
        "ledger_heads",
        sa.Column("chain", key(64), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.Column("first_seq", sa.BigInteger(), nullable=False),
        sa.Column("first_prev", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("chain", name="pk_ledger_heads"),
    )
    op.create_table(
        "ledger_salts",
        sa.Column("lead_id", key(36), nullable=False),
        sa.Column("salt", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("lead_id", name="pk_ledger_salts"),
    )


def create_audits() -> None:
    op.create_table(
        "machine_audits",
        sa.Column("call_id", key(36), nullable=False),
        sa.Column("campaign_id", key(64), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("label", sa.String(16)),
        sa.Column("labelled_by", sa.Text()),
        sa.Column("labelled_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("call_id", name="pk_machine_audits"),
    )
    op.create_index("ix_machine_audits_campaign", "machine_audits", ["campaign_id", "label"])


def downgrade() -> None:
    for table in ("machine_audits", "ledger_salts", "ledger_heads", "ledger"):
        op.drop_table(table)
    for name in reversed(COLUMNS):
        op.drop_column("attempts", name)
