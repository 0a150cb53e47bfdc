"""Campaigns, agents, leads, attempts, the do-not-call list"""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def key(length: int) -> Any:
    """An id. On PostgreSQL it sorts as its letters are coded, whatever the language of the database."""
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


def instant(name: str, *, nullable: bool = True) -> sa.Column[Any]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def partial_index(
    name: str, table: str, columns: list[Any], where: str, *, unique: bool = False
) -> None:
    op.create_index(
        name,
        table,
        columns,
        unique=unique,
        sqlite_where=sa.text(where),
        postgresql_where=sa.text(where),
    )


def upgrade() -> None:
    create_settings()
    create_leads()
    create_attempts()


def create_settings() -> None:
    op.create_table(
        "campaigns",
        sa.Column("id", key(64), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("team_id", key(64), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("policy", sa.JSON().with_variant(JSONB(), "postgresql"), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_campaigns"),
        sa.UniqueConstraint("name", name="uq_campaigns_name"),
    )
    op.create_table(
        "agents",
        sa.Column("id", key(64), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("team_id", key(64), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_agents"),
    )
    op.create_table(
        "do_not_call",
        sa.Column("phone", sa.String(20), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        instant("added_at", nullable=False),
        sa.PrimaryKeyConstraint("phone", name="pk_do_not_call"),
    )


def create_leads() -> None:
    op.create_table(
        "leads",
        sa.Column("id", key(36), nullable=False),
        sa.Column("campaign_id", key(64), nullable=False),
        sa.Column("phone", sa.String(20), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("zone", sa.String(64), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("external_id", sa.Text()),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("never_rang", sa.Integer(), nullable=False),
        instant("last_attempt_at"),
        sa.Column("last_outcome", sa.String(16)),
        instant("last_abandoned_at"),
        instant("next_attempt_at"),
        sa.Column("owner", sa.Text()),
        instant("wakes_at"),
        sa.PrimaryKeyConstraint("id", name="pk_leads"),
        sa.UniqueConstraint("phone", "campaign_id", name="uq_leads_phone_campaign_id"),
        sa.ForeignKeyConstraint(
            ["campaign_id"], ["campaigns.id"], name="fk_leads_campaign_id_campaigns"
        ),
    )
    partial_index(
        "ix_leads_ready",
        "leads",
        ["campaign_id", sa.text("priority DESC"), "id"],
        "state IN ('new', 'retry', 'reserved') AND wakes_at IS NULL",
    )
    partial_index(
        "ix_leads_asleep", "leads", ["campaign_id", "wakes_at", "state"], "wakes_at IS NOT NULL"
    )
    partial_index("ix_leads_held", "leads", ["owner"], "owner IS NOT NULL")
    op.create_index("ix_leads_state", "leads", ["campaign_id", "state", "id"])
    op.create_index("ix_leads_page", "leads", ["campaign_id", "id"])


def create_attempts() -> None:
    op.create_table(
        "attempts",
        sa.Column("id", key(36), nullable=False),
        sa.Column("campaign_id", key(64), nullable=False),
        sa.Column("lead_id", key(36), nullable=False),
        sa.Column("phone", sa.String(20), nullable=False),
        sa.Column("caller_id", sa.String(40), nullable=False),
        sa.Column("trunk", sa.String(64), nullable=False),
        instant("started_at", nullable=False),
        instant("ringing_at"),
        instant("answered_at"),
        instant("bridged_at"),
        instant("ended_at"),
        sa.Column("outcome", sa.String(16)),
        sa.Column("cause", sa.Integer()),
        sa.Column("agent_id", sa.String(64)),
        sa.Column("disposition", sa.Text()),
        instant("callback_at"),
        sa.PrimaryKeyConstraint("id", name="pk_attempts"),
        sa.ForeignKeyConstraint(
            ["campaign_id"], ["campaigns.id"], name="fk_attempts_campaign_id_campaigns"
        ),
        sa.ForeignKeyConstraint(["lead_id"], ["leads.id"], name="fk_attempts_lead_id_leads"),
    )
    still_open, ended = "ended_at IS NULL", "ended_at IS NOT NULL"
    partial_index("uq_attempts_open_lead", "attempts", ["lead_id"], still_open, unique=True)
    partial_index("uq_attempts_open_phone", "attempts", ["phone"], still_open, unique=True)
    partial_index("ix_attempts_open", "attempts", ["campaign_id"], still_open)
    partial_index(
        "ix_attempts_outcome",
        "attempts",
        ["campaign_id", "outcome", "answered_at", "ended_at"],
        ended,
    )
    op.create_index("ix_attempts_started", "attempts", ["campaign_id", "started_at"])
    op.create_index("ix_attempts_lead", "attempts", ["lead_id", "started_at"])


def downgrade() -> None:
    for table in ("attempts", "leads", "do_not_call", "agents", "campaigns"):
        op.drop_table(table)
