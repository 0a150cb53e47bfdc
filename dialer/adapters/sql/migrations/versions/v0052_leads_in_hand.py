"""A lead in a hopper is counted as what it is when it is given back, so that taking and giving back change no count

Reserving and releasing are what happens to leads most often, hundreds at a time. How many are in hand is counted when it is
asked (they are few, and an index has them), and taken off the counts.
"""

import sqlalchemy as sa
from alembic import op

revision = "0052"
down_revision = "0051"
branch_labels = None
depends_on = None
oldest_code = "0003"  # older code shows leads in hand as waiting, until it is gone

KEY = "campaign_id, list_id, state, reason, wakes_hour"
NEVER_TRIED = "{0}attempts = 0 AND {0}last_attempt_at IS NULL"
AT_REST = (
    "CASE WHEN {0}state <> 'reserved' THEN {0}state"
    f" WHEN {NEVER_TRIED} THEN 'new' ELSE 'retry' END"
)
HELD_BY = (
    "CASE WHEN {0}state IN ('retry', 'done', 'excluded')"
    f" OR ({{0}}state = 'reserved' AND NOT ({NEVER_TRIED}))"
    " THEN coalesce({0}held_by, {0}last_outcome, '') ELSE '' END"
)
AT_ONCE = (
    "NOT (OLD.state IN ('new', 'reserved') AND NEW.state IN ('new', 'reserved')"
    " AND OLD.attempts = 0 AND NEW.attempts = 0 AND OLD.last_attempt_at IS NULL"
    " AND NEW.last_attempt_at IS NULL AND OLD.list_id = NEW.list_id) AND"
)
"""The commonest change, which changes no count, seen without the whole comparison."""
AS_STORED = "{0}state"
HELD_BY_AS_STORED = (
    "CASE WHEN {0}state IN ('retry', 'done', 'excluded')"
    " THEN coalesce({0}held_by, {0}last_outcome, '') ELSE '' END"
)
"""As migration 0040 counts."""
ASLEEP = "CASE WHEN {0}state = 'retry' AND {0}wakes_at IS NOT NULL THEN {1} ELSE '' END"
HOUR = {
    "sqlite": "substr({0}wakes_at, 1, 13)",
    "postgresql": "to_char({0}wakes_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24')",
}


def upgrade() -> None:
    _count_by(AT_REST, HELD_BY)


def downgrade() -> None:
    _count_by(AS_STORED, HELD_BY_AS_STORED)


def _count_by(state: str, reason: str) -> None:
    """From here on triggers count so; what is counted already is counted again where it may differ."""
    dialect = op.get_bind().dialect.name
    if dialect == "sqlite":
        op.execute("DROP TRIGGER count_inserted_leads")
        op.execute("DROP TRIGGER count_deleted_leads")
        op.execute("DROP TRIGGER count_updated_leads")
        for statement in _sqlite(state, reason):
            op.execute(sa.text(statement))
    else:  # nobody changes a lead until this is committed
        op.execute("LOCK TABLE leads IN SHARE ROW EXCLUSIVE MODE")
        op.execute(sa.text(_postgresql(state, reason)))
    _recount_those_in_hand(dialect, state, reason)


def _recount_those_in_hand(dialect: str, state: str, reason: str) -> None:
    """Off with what they were counted as, on with what they are; then one row of each key again."""
    before = (AT_REST, HELD_BY) if state == AS_STORED else (AS_STORED, HELD_BY_AS_STORED)
    for (of_state, of_reason), sign in ((before, "-"), ((state, reason), "")):
        values = _values("", of_state, of_reason, dialect)
        op.execute(
            f"INSERT INTO lead_counts ({KEY}, number) SELECT {values}, {sign}count(*) FROM leads"
            " WHERE campaign_id IN (SELECT id FROM campaigns) AND state = 'reserved'"
            " GROUP BY 1, 2, 3, 4, 5"
        )
    op.execute(
        f"CREATE TEMPORARY TABLE counted AS SELECT {KEY}, sum(number) AS number"
        f" FROM lead_counts GROUP BY {KEY} HAVING sum(number) <> 0"
    )
    op.execute("DELETE FROM lead_counts")
    op.execute(f"INSERT INTO lead_counts ({KEY}, number) SELECT {KEY}, number FROM counted")
    op.execute("DROP TABLE counted")


def _values(row: str, state: str, reason: str, dialect: str) -> str:
    """The values of KEY for a lead; `row`: "NEW.", "OLD." or nothing."""
    hour = ASLEEP.format(row, HOUR[dialect].format(row))
    return f"{row}campaign_id, {row}list_id, {state.format(row)}, {reason.format(row)}, {hour}"


def _sqlite(state: str, reason: str) -> tuple[str, ...]:
    new, old = (_values(row, state, reason, "sqlite") for row in ("NEW.", "OLD."))
    leaves, comes = _step(old, "-1"), _step(new, "1")
    return (
        f"CREATE TRIGGER count_inserted_leads AFTER INSERT ON leads BEGIN {comes} END",
        f"CREATE TRIGGER count_deleted_leads AFTER DELETE ON leads BEGIN {leaves} END",
        "CREATE TRIGGER count_updated_leads AFTER UPDATE ON leads"
        f" WHEN {AT_ONCE if state == AT_REST else ''} ({old}) IS NOT ({new})"
        f" BEGIN {leaves} {comes} END",
    )


def _step(values: str, change: str) -> str:
    return (
        f"UPDATE lead_counts SET number = number + {change} WHERE ({KEY}) = ({values});"
        f" INSERT INTO lead_counts ({KEY}, number) SELECT {values}, {change} WHERE changes() = 0;"
    )


def _postgresql(state: str, reason: str) -> str:
    values = _values("", state, reason, "postgresql")
    return (
        "CREATE OR REPLACE FUNCTION count_leads() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " IF TG_OP = 'INSERT' THEN"
        f"  INSERT INTO lead_counts ({KEY}, number)"
        f"  SELECT {values}, count(*) FROM fresh GROUP BY 1, 2, 3, 4, 5;"
        " ELSIF TG_OP = 'DELETE' THEN"
        f"  INSERT INTO lead_counts ({KEY}, number)"
        f"  SELECT {values}, -count(*) FROM stale GROUP BY 1, 2, 3, 4, 5;"
        " ELSE"
        f"  INSERT INTO lead_counts ({KEY}, number) SELECT {KEY}, sum(change) FROM"
        f"  (SELECT {values}, 1 FROM fresh UNION ALL SELECT {values}, -1 FROM stale)"
        f"  AS changes ({KEY}, change) GROUP BY {KEY} HAVING sum(change) <> 0;"
        " END IF; RETURN NULL; END $$"
    )
