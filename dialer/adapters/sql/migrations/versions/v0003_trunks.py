"""Trunks as things; the Asterisk server that carried an attempt"""

import json
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

DOCUMENT = sa.JSON().with_variant(JSONB(), "postgresql")
OPEN = sa.text("ended_at IS NULL")
CAMPAIGNS = sa.table("campaigns", sa.column("id", sa.String), sa.column("policy", DOCUMENT))


def upgrade() -> None:
    key = sa.String(64).with_variant(sa.String(64, collation="C"), "postgresql")
    op.create_table(
        "trunks",
        sa.Column("id", key, nullable=False),
        sa.Column("lines", sa.Integer()),
        sa.Column("calls_per_second", sa.Float()),
        sa.Column("settings", DOCUMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_trunks"),
    )
    op.add_column("attempts", sa.Column("node", sa.Text()))
    op.create_index(
        "ix_attempts_open_trunk", "attempts", ["trunk"], sqlite_where=OPEN, postgresql_where=OPEN
    )
    op.create_index("ix_attempts_trunk_started", "attempts", ["trunk", "started_at"])
    _rewrite(lambda policy: {"trunks": [policy["trunk"]]}, "trunk")


def downgrade() -> None:
    _rewrite(lambda policy: {"trunk": policy["trunks"][0]}, "trunks")
    op.drop_index("ix_attempts_trunk_started", "attempts")
    op.drop_index("ix_attempts_open_trunk", "attempts")
    op.drop_column("attempts", "node")
    op.drop_table("trunks")


def _rewrite(added: Any, dropped: str) -> None:
    """A campaign had one trunk, by the name of its PJSIP endpoint; it has a list of them, and the name stays."""
    connection = op.get_bind()
    for row in connection.execute(sa.select(CAMPAIGNS)).all():
        policy = json.loads(row.policy) if isinstance(row.policy, str) else dict(row.policy)
        if dropped in policy:
            policy |= added(policy)
            del policy[dropped]
            change = sa.update(CAMPAIGNS).where(CAMPAIGNS.c.id == row.id)
            connection.execute(change.values(policy=policy))
