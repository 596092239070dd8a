"""Triggers that mark whose facts (``customer_facts``) are to be read anew, in the transaction of the change.

They only add rows to ``customer_facts_due``: a screen pop or an import waits for nobody, and no writer can forget them.
``crm.commands.customers.customer_facts`` reads the marks. For migrations; what a released step made stays as it is.
"""

from __future__ import annotations

from typing import Final

_FUNCTION: Final = """
CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO customer_facts_due (customer_id) {marked};
    RETURN NULL;
END $$
"""
_TRIGGER: Final = """
CREATE TRIGGER {name}_{event} AFTER {event} ON {table} REFERENCING {tables}
FOR EACH STATEMENT EXECUTE FUNCTION {function}()
"""
_ROW_FUNCTION: Final = """
CREATE OR REPLACE FUNCTION mark_customer_of_row() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'DELETE' AND NEW.customer_id IS NOT NULL THEN
        INSERT INTO customer_facts_due (customer_id) VALUES (NEW.customer_id);
    END IF;
    IF TG_OP <> 'INSERT' AND OLD.customer_id IS NOT NULL
        AND (TG_OP = 'DELETE' OR OLD.customer_id IS DISTINCT FROM NEW.customer_id) THEN
        INSERT INTO customer_facts_due (customer_id) VALUES (OLD.customer_id);
    END IF;
    RETURN NULL;
END $$
"""


def whole_statements(table: str, select: str, inserted: str | None = None) -> list[str]:
    """Marks by statement, for tables that are written by the thousand. ``select`` finds the customers' ids in
    ``changed``, which stands for the rows before and after; ``inserted`` those of new rows, where that is another."""
    once, new, twice = (f"mark_facts_{table}{end}" for end in ("", "_new", "_both"))
    both = f"{select} UNION {select.replace('FROM changed', 'FROM before')}"
    return [
        _FUNCTION.format(name=once, marked=select),
        _FUNCTION.format(name=new, marked=inserted or select),
        _FUNCTION.format(name=twice, marked=both),
        _TRIGGER.format(name=once, table=table, event="INSERT", tables="NEW TABLE AS changed", function=new),
        _TRIGGER.format(name=once, table=table, event="DELETE", tables="OLD TABLE AS changed", function=once),
        _TRIGGER.format(
            name=once, table=table, event="UPDATE", tables="OLD TABLE AS before NEW TABLE AS changed", function=twice
        ),
    ]


def facts_marks(table: str) -> list[str]:
    """Marks by statement of a table whose ``customer_id`` names the customer. Rows that come with their customer, in
    the same transaction, need no second mark: an import writes thousands of them."""
    return whole_statements(
        table,
        "SELECT DISTINCT customer_id FROM changed",
        "SELECT DISTINCT n.customer_id FROM changed n JOIN customer c ON c.id = n.customer_id"
        " WHERE c.xmin <> pg_current_xact_id()::xid",
    )


def single_rows(table: str, columns: tuple[str, ...], only: str = "true") -> list[str]:
    """Marks by row, for tables whose rows change one at a time and often: only when one of ``columns`` or the customer
    did, and ``only`` holds of the row ``{row}``."""
    now, before = only.format(row="NEW"), only.format(row="OLD")
    sides = ("customer_id", *columns)
    was, is_now = (", ".join(f"{side}.{column}" for column in sides) for side in ("OLD", "NEW"))
    name = f"mark_facts_{table}"
    end = "FOR EACH ROW WHEN ({condition}) EXECUTE FUNCTION mark_customer_of_row()"
    return [
        f"CREATE TRIGGER {name}_insert AFTER INSERT ON {table} {end.format(condition=now)}",
        f"CREATE TRIGGER {name}_delete AFTER DELETE ON {table} {end.format(condition=before)}",
        f"CREATE TRIGGER {name}_update AFTER UPDATE ON {table} "
        + end.format(condition=f"({was}) IS DISTINCT FROM ({is_now}) AND (({now}) OR ({before}))"),
    ]


#: What the first step that has facts makes.
FIRST: Final[tuple[str, ...]] = (
    _ROW_FUNCTION,
    *whole_statements("customer", "SELECT id FROM changed"),
    *facts_marks("contact_point"),
    *facts_marks("customer_tag"),
    *facts_marks("purchase"),
    *whole_statements(
        "suppression",
        "SELECT DISTINCT p.customer_id FROM changed s JOIN contact_point p ON p.value_index = s.address_index",
    ),
    # Calls count once they are over: whoever is ringing is in nobody's way.
    *single_rows("call", ("offered_at", "ended_at", "merged_into_id", "ivr"), "{row}.ended_at IS NOT NULL"),
    *single_rows("ticket", ("kind", "state", "provisional", "discarded_as", "resolved_at")),
    *single_rows("conversation", ("last_in_at", "last_out_at")),
    "INSERT INTO customer_facts_due (customer_id) SELECT id FROM customer",
)
