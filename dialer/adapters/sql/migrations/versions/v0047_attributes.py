"""Attributes of leads: what a client's own list says of them"""

import sqlalchemy as sa
from alembic import op

revision = "0047"
down_revision = "0045"
branch_labels = None
depends_on = None
oldest_code = "0003"  # a column that older code does not look at, null where it adds leads


def upgrade() -> None:
    op.add_column("leads", sa.Column("attributes", sa.Text()))


def downgrade() -> None:
    op.drop_column("leads", "attributes")
