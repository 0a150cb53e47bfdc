"""Client companies; a campaign's client, purpose and sector"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None
oldest_code = "0003"  # the new columns have defaults, and older code does not look at them

CLIENTS = sa.table("clients", sa.column("id", sa.String), sa.column("name", sa.Text))
FOREIGN_KEY = "fk_campaigns_client_id_clients"


def upgrade() -> None:
    key = sa.String(64).with_variant(sa.String(64, collation="C"), "postgresql")
    op.create_table(
        "clients",
        sa.Column("id", key, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_clients"),
    )
    op.execute(sa.insert(CLIENTS).values(id="main", name="main"))
    op.add_column("campaigns", _text("client_id", key, "main"))
    op.add_column("campaigns", _text("purpose", sa.String(32), "telemarketing"))
    op.add_column("campaigns", _text("sector", sa.String(32), ""))
    if op.get_bind().dialect.name == "postgresql":
        op.create_foreign_key(FOREIGN_KEY, "campaigns", "clients", ["client_id"], ["id"])


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.drop_constraint(FOREIGN_KEY, "campaigns")
    for column in ("sector", "purpose", "client_id"):
        op.drop_column("campaigns", column)
    op.drop_table("clients")


def _text(name: str, kind: sa.types.TypeEngine[str], default: str) -> sa.Column[str]:
    return sa.Column(name, kind, nullable=False, server_default=default)
