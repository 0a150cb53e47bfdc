"""Leads with several telephone numbers

`numbers` says how each of them stands, and changes with the lead. The table says whose a number is: it holds all numbers of leads
that have several, and changes only when such leads come and go.
"""

import sqlalchemy as sa
from alembic import op

revision = "0051"
down_revision = "0050"
branch_labels = None
depends_on = None
oldest_code = "0003"  # older code rings the number whose turn it is, and knows of no other


def upgrade() -> None:
    def key(length: int) -> sa.types.TypeEngine[str]:
        return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")

    op.add_column("leads", sa.Column("numbers", sa.Text()))
    op.create_table(
        "lead_numbers",
        sa.Column("phone", sa.String(20), primary_key=True),
        sa.Column("campaign_id", key(64), primary_key=True),
        sa.Column("lead_id", key(36), nullable=False),
    )
    op.create_index("ix_lead_numbers_lead_id", "lead_numbers", ["lead_id"])


def downgrade() -> None:
    op.drop_index("ix_lead_numbers_lead_id", "lead_numbers")
    op.drop_table("lead_numbers")
    op.drop_column("leads", "numbers")
