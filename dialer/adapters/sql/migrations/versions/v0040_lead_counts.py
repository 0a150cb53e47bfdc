"""Counts of leads by what holds them back, kept by triggers; why a lead waits

Triggers, since servers of the release before change leads too while an upgrade goes on, and know of no counts. On PostgreSQL
a transaction only adds rows, so that no two wait for each other; the rows are added up when they are read, and now and then
for good. On SQLite there is one writer, and a count is one row.
"""

import sqlalchemy as sa
from alembic import op

revision = "0040"
down_revision = "0036"
branch_labels = None
depends_on = None
oldest_code = "0003"  # triggers count what older code does

KEY = "campaign_id, list_id, state, reason, wakes_hour"
REASON = (
    "CASE WHEN {0}state IN ('retry', 'done', 'excluded')"
    " THEN coalesce({0}held_by, {0}last_outcome, '') ELSE '' END"
)
ASLEEP = "CASE WHEN {0}state = 'retry' AND {0}wakes_at IS NOT NULL THEN {1} ELSE '' END"
HOUR = {
    "sqlite": "substr({0}wakes_at, 1, 13)",
    "postgresql": "to_char({0}wakes_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24')",
}


def upgrade() -> None:
    key = sa.String(64).with_variant(sa.String(64, collation="C"), "postgresql")
    op.add_column("leads", sa.Column("held_by", sa.String(40)))
    op.create_table(
        "lead_counts",
        sa.Column("campaign_id", key, nullable=False),
        sa.Column("list_id", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("reason", sa.String(40), nullable=False),
        sa.Column("wakes_hour", sa.String(13), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
    )
    op.create_index("ix_lead_counts_key", "lead_counts", KEY.split(", "))
    for statement in SQLITE if _on_sqlite() else POSTGRESQL:
        op.execute(sa.text(statement))
    op.execute(
        f"INSERT INTO lead_counts ({KEY}, number)"
        f" SELECT {_key_of('')}, count(*) FROM leads GROUP BY 1, 2, 3, 4, 5"
    )


def downgrade() -> None:
    for name in ("inserted", "updated", "deleted"):
        on = "" if _on_sqlite() else " ON leads"
        op.execute(f"DROP TRIGGER count_{name}_leads{on}")
    if not _on_sqlite():
        op.execute("DROP FUNCTION count_leads()")
    op.drop_index("ix_lead_counts_key", "lead_counts")
    op.drop_table("lead_counts")
    op.drop_column("leads", "held_by")


def _on_sqlite() -> bool:
    return op.get_bind().dialect.name == "sqlite"


def _key_of(row: str, dialect: str | None = None) -> str:
    """The values of KEY for a lead; `row`: "NEW.", "OLD." or nothing."""
    hour = HOUR[dialect or op.get_bind().dialect.name].format(row)
    reason, asleep = REASON.format(row), ASLEEP.format(row, hour)
    return f"{row}campaign_id, {row}list_id, {row}state, {reason}, {asleep}"


def _sqlite_step(row: str, change: str) -> str:
    values = _key_of(row, "sqlite")
    return (
        f"UPDATE lead_counts SET number = number + {change} WHERE ({KEY}) = ({values});"
        f" INSERT INTO lead_counts ({KEY}, number) SELECT {values}, {change} WHERE changes() = 0;"
    )


LEAVES, COMES = _sqlite_step("OLD.", "-1"), _sqlite_step("NEW.", "1")
SQLITE = (
    f"CREATE TRIGGER count_inserted_leads AFTER INSERT ON leads BEGIN {COMES} END",
    f"CREATE TRIGGER count_deleted_leads AFTER DELETE ON leads BEGIN {LEAVES} END",
    "CREATE TRIGGER count_updated_leads AFTER UPDATE ON leads"
    f" WHEN ({_key_of('OLD.', 'sqlite')}) IS NOT ({_key_of('NEW.', 'sqlite')})"
    f" BEGIN {LEAVES} {COMES} END",
)

OF_LEADS = _key_of("", "postgresql")
POSTGRESQL = (
    "CREATE FUNCTION count_leads() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
    " IF TG_OP = 'INSERT' THEN"
    f"  INSERT INTO lead_counts ({KEY}, number)"
    f"  SELECT {OF_LEADS}, count(*) FROM fresh GROUP BY 1, 2, 3, 4, 5;"
    " ELSIF TG_OP = 'DELETE' THEN"
    f"  INSERT INTO lead_counts ({KEY}, number)"
    f"  SELECT {OF_LEADS}, -count(*) FROM stale GROUP BY 1, 2, 3, 4, 5;"
    " ELSE"
    f"  INSERT INTO lead_counts ({KEY}, number) SELECT {KEY}, sum(change) FROM"
    f"  (SELECT {OF_LEADS}, 1 FROM fresh UNION ALL SELECT {OF_LEADS}, -1 FROM stale)"
    f"  AS changes ({KEY}, change) GROUP BY {KEY} HAVING sum(change) <> 0;"
    " END IF; RETURN NULL; END $$",
    "CREATE TRIGGER count_inserted_leads AFTER INSERT ON leads REFERENCING NEW TABLE AS fresh"
    " FOR EACH STATEMENT EXECUTE FUNCTION count_leads()",
    "CREATE TRIGGER count_deleted_leads AFTER DELETE ON leads REFERENCING OLD TABLE AS stale"
    " FOR EACH STATEMENT EXECUTE FUNCTION count_leads()",
    "CREATE TRIGGER count_updated_leads AFTER UPDATE ON leads"
    " REFERENCING OLD TABLE AS stale NEW TABLE AS fresh"
    " FOR EACH STATEMENT EXECUTE FUNCTION count_leads()",
)
