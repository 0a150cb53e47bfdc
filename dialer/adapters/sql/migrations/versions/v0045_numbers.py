"""Do-not-call entries by client and prefix, with their history; results of registers; consents"""

import sqlalchemy as sa
from alembic import op

revision = "0045"
down_revision = "0040"
branch_labels = None
depends_on = None
oldest_code = "0003"  # new tables, and columns with defaults that older code does not look at

INSTANT = sa.DateTime(timezone=True)
FLAGS = ("check_registers", "check_consents")


def upgrade() -> None:
    for name in ("source", "who"):
        op.add_column("do_not_call", _text(name, server_default=""))
    op.add_column("do_not_call", sa.Column("expires_at", INSTANT))
    for name in FLAGS:
        off: sa.Column[bool] = sa.Column(
            name, sa.Boolean(), nullable=False, server_default=sa.false()
        )
        op.add_column("campaigns", off)
    _create_entries()
    _create_results_and_consents()


def _create_entries() -> None:
    op.create_table(
        "do_not_call_entries",
        sa.Column("client_id", _key(64), nullable=False),
        sa.Column("digits", _key(20), nullable=False),
        sa.Column("by_prefix", sa.Boolean(), nullable=False),
        _text("reason"),
        _text("source"),
        _text("who"),
        sa.Column("added_at", INSTANT, nullable=False),
        sa.Column("expires_at", INSTANT),
        sa.PrimaryKeyConstraint("client_id", "digits", "by_prefix", name="pk_do_not_call_entries"),
    )
    op.create_table(
        "do_not_call_changes",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("action", sa.String(16), nullable=False),
        sa.Column("client_id", _key(64), nullable=False),
        sa.Column("digits", _key(20), nullable=False),
        sa.Column("by_prefix", sa.Boolean(), nullable=False),
        _text("who"),
        _text("reason"),
        _text("source"),
        sa.PrimaryKeyConstraint("id", name="pk_do_not_call_changes"),
    )


def _create_results_and_consents() -> None:
    op.create_table(
        "register_results",
        sa.Column("phone", sa.String(20), nullable=False),
        sa.Column("register", _key(32), nullable=False),
        sa.Column("checked_at", INSTANT, nullable=False),
        sa.Column("listed", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("phone", "register", name="pk_register_results"),
    )
    op.create_table(
        "consents",
        sa.Column("phone", sa.String(20), nullable=False),
        sa.Column("client_id", _key(64), nullable=False),
        sa.Column("purpose", sa.String(32), nullable=False),
        sa.Column("sector", sa.String(32), nullable=False),
        sa.Column("obtained_at", INSTANT, nullable=False),
        sa.Column("basis", sa.String(32), nullable=False),
        _text("text_version"),
        sa.Column("expires_at", INSTANT),
        sa.Column("withdrawn_at", INSTANT),
        _text("proof"),
        _text("who"),
        sa.PrimaryKeyConstraint(
            "phone", "client_id", "purpose", "sector", "obtained_at", name="pk_consents"
        ),
        sa.ForeignKeyConstraint(
            ["client_id"], ["clients.id"], name="fk_consents_client_id_clients"
        ),
    )


def downgrade() -> None:
    for table in ("consents", "register_results", "do_not_call_changes", "do_not_call_entries"):
        op.drop_table(table)
    for name in FLAGS:
        op.drop_column("campaigns", name)
    for name in ("expires_at", "who", "source"):
        op.drop_column("do_not_call", name)


def _text(name: str, server_default: str | None = None) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=False, server_default=server_default)


def _key(length: int) -> sa.types.TypeEngine[str]:
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")
