"""A campaign that a restore holds back; the oldest code that may work on the schema"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None
oldest_code = "0003"  # it adds a column and a table that older code does not look at


def upgrade() -> None:
    op.add_column("campaigns", sa.Column("held_at", sa.DateTime(timezone=True)))
    op.create_table(
        "schema_support",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("oldest_code", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_schema_support"),
    )


def downgrade() -> None:
    op.drop_table("schema_support")
    op.drop_column("campaigns", "held_at")
