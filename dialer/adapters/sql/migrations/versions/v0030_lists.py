"""Lists of leads, each with its order; how likely a lead answers"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0020"
branch_labels = None
depends_on = None
oldest_code = "0003"  # older code takes all leads as one list, and adds such

READY = sa.text("state IN ('new', 'retry', 'reserved') AND wakes_at IS NULL")


def upgrade() -> None:
    key = sa.String(64).with_variant(sa.String(64, collation="C"), "postgresql")
    op.create_table(
        "lists",
        sa.Column("campaign_id", key, nullable=False),
        sa.Column("id", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("weight", sa.Integer(), nullable=False),
        sa.Column("call_order", sa.String(16), nullable=False),
        sa.Column("seed", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ranked", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("campaign_id", "id", name="pk_lists"),
        sa.UniqueConstraint("campaign_id", "name", name="uq_lists_campaign_id_name"),
        sa.ForeignKeyConstraint(
            ["campaign_id"], ["campaigns.id"], name="fk_lists_campaign_id_campaigns"
        ),
    )
    op.add_column("leads", sa.Column("list_id", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("leads", sa.Column("rank", sa.BigInteger(), nullable=False, server_default="0"))
    op.add_column("leads", sa.Column("answer_odds", sa.Float()))
    columns: list[Any] = ["campaign_id", "list_id", "rank", sa.text("priority DESC"), "id"]
    op.create_index("ix_leads_line", "leads", columns, sqlite_where=READY, postgresql_where=READY)


def downgrade() -> None:
    op.drop_index("ix_leads_line", "leads")
    for column in ("answer_odds", "rank", "list_id"):
        op.drop_column("leads", column)
    op.drop_table("lists")
