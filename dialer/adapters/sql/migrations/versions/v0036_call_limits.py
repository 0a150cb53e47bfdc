"""Whom an attempt is counted for, and how it is found by number and by person"""

import sqlalchemy as sa
from alembic import op

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None
oldest_code = "0003"  # it adds columns and indexes that older code does not look at

KNOWN = sa.text("person IS NOT NULL")


def upgrade() -> None:
    for name in ("client_id", "person", "subject"):
        op.add_column("attempts", sa.Column(name, sa.Text()))
    op.create_index("ix_attempts_phone", "attempts", ["phone", "started_at"])
    op.create_index(
        "ix_attempts_person",
        "attempts",
        ["person", "started_at"],
        sqlite_where=KNOWN,
        postgresql_where=KNOWN,
    )


def downgrade() -> None:
    op.drop_index("ix_attempts_person", "attempts")
    op.drop_index("ix_attempts_phone", "attempts")
    for name in ("subject", "person", "client_id"):
        op.drop_column("attempts", name)
