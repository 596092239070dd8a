"""Lists of tickets by page, and how many are in each saved list.

A page is found by ids first, along an index of its order; only what is on it is read whole.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from hotline.crm.database import Reader
from hotline.crm.keys import Keyring
from hotline.crm.queries.tickets.tickets import TicketView, select, ticket_view
from hotline.crm.scopes import Arguments, Bind, tickets_seen_each
from hotline.crm.viewer import Viewer
from hotline.errors import Invalid
from hotline.tickets.states import OPEN
from hotline.tickets.views import Filters, Sort

#: However many are asked for, a page holds no more than this.
MOST: Final = 201
#: A list is counted up to this: "1000 or more" is all that anybody needs to know.
MOST_COUNTED: Final = 1000
#: Tickets that are looked at to count those that a viewer sees who does not see all.
MOST_LOOKED_AT: Final = 500

_CODE: Final = re.compile(r"[a-z0-9_/-]{1,200}")

#: Where a page begins: the value that the list is ordered by (None: those without one), and the ticket.
Place = tuple[datetime | None, UUID]


@dataclass(frozen=True, slots=True)
class _Order:
    column: str | None
    descending: bool = False
    nulls: bool = False

    def by(self) -> str:
        way = " DESC" if self.descending else ""
        return f"t.id{way}" if self.column is None else f"t.{self.column}{way}, t.id{way}"


_ORDERS: Final[dict[Sort, _Order]] = {
    "deadline": _Order("due_at", nulls=True),
    "newest": _Order(None, descending=True),
    "updated": _Order("updated_at", descending=True),
    "callback": _Order("callback_due"),
    "resolved": _Order("resolved_at", descending=True),
}


async def list_tickets(
    db: Reader,
    keyring: Keyring,
    viewer: Viewer,
    filters: Filters,
    *,
    now: datetime,
    limit: int,
    sort: Sort = "newest",
    after: Place | None = None,
    assignee_id: UUID | None = None,
    customer_id: UUID | None = None,
    number: int | None = None,
) -> list[TicketView]:
    """A page. ``assignee_id`` is whom ``filters.assignee`` names by login."""
    bind = Arguments()
    below = (await _categories(db, [filters])).get(filters.category or "", [])
    named = {"customer_id": customer_id, "number": number}
    conditions = _conditions(viewer, filters, now, assignee_id, bind, categories=below, **named)  # type: ignore[arg-type]
    if (seen := tickets_seen_each(viewer, bind)) is not None:
        conditions.append(seen)
    arguments = bind.values
    order = _ORDERS[sort]
    wanted = max(0, min(limit, MOST))
    ids: list[UUID] = []
    if order.column is None:
        if after is not None:
            conditions.append(f"t.id < {bind(after[1])}")
        ids = await _ids(db, conditions, arguments, order.by(), wanted)
    else:
        column = f"t.{order.column}"
        if after is None or after[0] is not None:
            dated, values = [*conditions, f"{column} IS NOT NULL"], list(arguments)
            if after is not None:
                values += [after[0], after[1]]
                sign = "<" if order.descending else ">"
                dated.append(f"({column}, t.id) {sign} (${len(values) - 1}, ${len(values)})")
            ids = await _ids(db, dated, values, order.by(), wanted)
        if order.nulls and len(ids) < wanted:
            dateless, values = [*conditions, f"{column} IS NULL"], list(arguments)
            if after is not None and after[0] is None:
                values.append(after[1])
                dateless.append(f"t.id > ${len(values)}")
            ids += await _ids(db, dateless, values, "t.id", wanted - len(ids))
    if not ids:
        return []
    bind = Arguments(ids)
    rows = await db.fetch(f"{select(viewer, bind)} WHERE t.id = ANY($1::uuid[])", *bind.values)
    found = {view.id: view for view in (ticket_view(keyring, viewer, row) for row in rows)}
    return [found[each] for each in ids if each in found]


@dataclass(frozen=True, slots=True)
class Count:
    """How many tickets a list has; ``more``: it has at least so many."""

    count: int
    more: bool

    def __str__(self) -> str:
        return f"{self.count}+" if self.more else str(self.count)


async def count_tickets(
    db: Reader, viewer: Viewer, lists: Sequence[Filters], *, now: datetime, assignee_id: UUID | None = None
) -> list[Count]:
    """How many tickets each list has, by one statement. Up to MOST_COUNTED; of a viewer who does not see all, those
    among the first MOST_LOOKED_AT."""
    if not lists:
        return []
    below = await _categories(db, lists)
    bind = Arguments()
    seen = tickets_seen_each(viewer, bind)
    most = MOST_COUNTED if seen is None else MOST_LOOKED_AT
    parts = []
    for filters in lists:
        own = below.get(filters.category or "", [])
        where = " AND ".join(_conditions(viewer, filters, now, assignee_id, bind, categories=own)) or "true"
        parts.append(
            f"""ARRAY(SELECT unnest(ARRAY[count(*) FILTER (WHERE {seen or "true"}), count(*)]) FROM (
                SELECT t.id, t.assignee_id, t.created_by_id, t.queue FROM ticket t WHERE {where}
                LIMIT {most}) AS t)"""  # noqa: S608
        )
    row = await db.fetchrow("SELECT " + ", ".join(f"{part} AS list{at}" for at, part in enumerate(parts)), *bind.values)
    found = [] if row is None else list(row.values())
    return [Count(count, looked >= most) for count, looked in found]


async def ticket_counts(db: Reader, viewer: Viewer, now: datetime) -> dict[str, int]:
    """What waits for the viewer: their own open tickets, how many of these are overdue, and the call backs that are
    theirs or nobody's."""
    if viewer.user_id is None or not viewer.may("tickets.read"):
        return {"mine": 0, "overdue": 0, "callbacks": 0}
    row = await db.fetchrow(
        f"""SELECT count(*) AS mine, count(*) FILTER (WHERE due_at < $2) AS overdue,
                (SELECT count(*) FROM (SELECT 1 FROM ticket WHERE callback_due IS NOT NULL AND callback_done_at IS NULL
                 AND state <> 'discarded' AND (assignee_id IS NULL OR assignee_id = $1)
                 LIMIT {MOST_COUNTED}) AS waiting) AS callbacks
            FROM (SELECT due_at FROM ticket WHERE assignee_id = $1 AND NOT provisional
                  AND state IN ('new', 'open', 'waiting') LIMIT {MOST_COUNTED}) AS own""",  # noqa: S608
        *(viewer.user_id, now),
    )
    return dict(row) if row is not None else {}


def place_of(ticket: TicketView, sort: Sort) -> Place:
    """Where the page after this ticket begins."""
    column = _ORDERS[sort].column
    return (None if column is None else getattr(ticket, column)), ticket.id


async def _ids(db: Reader, conditions: Sequence[str], arguments: Sequence[Any], order: str, limit: int) -> list[UUID]:
    where = " AND ".join(conditions) or "true"
    sql = f"SELECT t.id FROM ticket t WHERE {where} ORDER BY {order} LIMIT {limit}"  # noqa: S608
    return [row["id"] for row in await db.fetch(sql, *arguments)]


def _conditions(
    viewer: Viewer,
    filters: Filters,
    now: datetime,
    assignee_id: UUID | None,
    bind: Bind,
    *,
    categories: Sequence[str] = (),
    customer_id: UUID | None = None,
    number: int | None = None,
) -> list[str]:
    """What the filters ask of ``ticket t``. Codes are written out, so that PostgreSQL can tell how many rows they
    leave, and that an index over the open tickets serves."""
    viewer.require("tickets.read")
    conditions = []
    if filters.states:
        conditions.append(f"t.state IN ({_words(filters.states)})")
    elif number is None:
        conditions.append("t.state <> 'discarded'")
    if filters.kinds:
        conditions.append(f"t.kind IN ({_words(filters.kinds)})")
    if filters.priorities:
        conditions.append(f"t.priority IN ({_words(filters.priorities)})")
    if filters.overdue:
        conditions.append(f"t.state IN ({_words(sorted(OPEN))}) AND t.due_at < {bind(now)}")
    if filters.callback:
        conditions.append("t.callback_due IS NOT NULL AND t.callback_done_at IS NULL AND t.state <> 'discarded'")
    if filters.provisional is not None:
        conditions.append("t.provisional" if filters.provisional else "NOT t.provisional")
    if filters.assignee == "none":
        conditions.append("t.assignee_id IS NULL")
    elif filters.assignee is not None:
        conditions.append(f"t.assignee_id = {bind(viewer.user_id if filters.assignee == 'me' else assignee_id)}")
    if filters.category is not None:
        conditions.append(f"t.category IN ({_words(categories)})" if categories else "false")
    for column, value in (("queue", filters.queue), ("customer_id", customer_id), ("number", number)):
        if value is not None:
            conditions.append(f"t.{column} = {bind(value)}")
    return conditions


async def _categories(db: Reader, lists: Sequence[Filters]) -> dict[str, list[str]]:
    """The categories that the filters name, each with those below it."""
    named = sorted({filters.category for filters in lists if filters.category is not None})
    if not named:
        return {}
    rows = await db.fetch(
        """SELECT n.slug AS named, c.slug FROM unnest($1::text[]) AS n (slug)
           JOIN category c ON c.slug = n.slug OR starts_with(c.slug, n.slug || '/')""",
        named,
    )
    return {name: [row["slug"] for row in rows if row["named"] == name] for name in named}


def _words(values: Sequence[str]) -> str:
    """Codes as SQL. They come from tables of this program; anything else is refused."""
    if not all(_CODE.fullmatch(value) for value in values):
        raise Invalid()
    return ", ".join(f"'{value}'" for value in values)
