"""Callbacks: what was promised to people, beside the next time of their leads"""

import sqlalchemy as sa
from alembic import op

revision = "0048"
down_revision = "0047"
branch_labels = None
depends_on = None
oldest_code = "0003"  # a new table, which older code does not look at

INSTANT = sa.DateTime(timezone=True)
PROMISED = sa.text("state IN ('booked', 'escalated')")


def upgrade() -> None:
    op.create_table(
        "callbacks",
        sa.Column("id", _key(36), nullable=False),
        sa.Column("client_id", _key(64), nullable=False),
        sa.Column("campaign_id", _key(64), nullable=False),
        sa.Column("lead_id", _key(36), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("due_at", INSTANT, nullable=False),
        sa.Column("agent_id", sa.String(64)),
        sa.Column("grace_seconds", sa.Float()),
        sa.Column("most_tries", sa.Integer(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("booked_at", INSTANT, nullable=False),
        sa.Column("booked_by", sa.String(64), nullable=False),
        sa.Column("changed_at", INSTANT, nullable=False),
        sa.Column("reason", sa.String(40), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_callbacks"),
        _refers("id", "attempts"),
        _refers("campaign_id", "campaigns"),
        _refers("lead_id", "leads"),
    )
    _index("uq_callbacks_promised_lead", "lead_id", unique=True)
    _index("ix_callbacks_promised", "campaign_id", "due_at")
    op.create_index("ix_callbacks_page", "callbacks", ["campaign_id", "id"])


def _index(name: str, *columns: str, unique: bool = False) -> None:
    op.create_index(
        name,
        "callbacks",
        list(columns),
        unique=unique,
        sqlite_where=PROMISED,
        postgresql_where=PROMISED,
    )


def downgrade() -> None:
    op.drop_table("callbacks")


def _refers(column: str, table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{table}.id"], name=f"fk_callbacks_{column}_{table}")


def _key(length: int) -> sa.types.TypeEngine[str]:
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")
