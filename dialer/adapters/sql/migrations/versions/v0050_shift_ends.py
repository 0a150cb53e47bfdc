"""When an agent's shift ends, which a restart must not forget"""

import sqlalchemy as sa
from alembic import op

revision = "0050"
down_revision = "0049"
branch_labels = None
depends_on = None
oldest_code = "0003"  # a column that older code does not look at


def upgrade() -> None:
    op.add_column("agents", sa.Column("shift_ends_at", sa.DateTime(timezone=True)))


def downgrade() -> None:
    op.drop_column("agents", "shift_ends_at")
