"""What a disposition means and rules; the words that were replaced"""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0005"
branch_labels = None
depends_on = None
oldest_code = "0003"  # it adds columns, a table and an index that older code does not look at

BLOCKS = sa.text("blocks_number IS NOT NULL")


def upgrade() -> None:
    instant = sa.DateTime(timezone=True)
    op.add_column("attempts", sa.Column("category", sa.String(16)))
    op.add_column("attempts", sa.Column("blocks_number", sa.Boolean()))
    op.add_column("attempts", sa.Column("ruled", sa.String(16)))
    op.add_column("attempts", sa.Column("disposed_at", instant))
    op.create_index(
        "ix_attempts_blocking", "attempts", ["phone"], sqlite_where=BLOCKS, postgresql_where=BLOCKS
    )
    key = sa.String(36).with_variant(sa.String(36, collation="C"), "postgresql")
    op.create_table(
        "former_dispositions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("call_id", key, nullable=False),
        sa.Column("agent_id", sa.String(64)),
        sa.Column("disposition", sa.Text(), nullable=False),
        sa.Column("category", sa.String(16)),
        sa.Column("said_at", instant),
        sa.Column("replaced_at", instant, nullable=False),
        sa.Column("replaced_by", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_former_dispositions"),
        sa.ForeignKeyConstraint(
            ["call_id"], ["attempts.id"], name="fk_former_dispositions_call_id_attempts"
        ),
    )
    op.create_index("ix_former_dispositions_call_id", "former_dispositions", ["call_id"])


def downgrade() -> None:
    op.drop_table("former_dispositions")
    op.drop_index("ix_attempts_blocking", "attempts")
    for name in ("disposed_at", "ruled", "blocks_number", "category"):
        op.drop_column("attempts", name)
