"""Customers as their viewer may see them: one by id, all by page, those who share a number. What a person types is
looked for by ``crm.queries.customers.customer_search``.

Each function reads its customers by one statement of a fixed shape, however many contact points or tags they have.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from hotline import phone
from hotline.crm.database import Reader, Row
from hotline.crm.keys import Keyring
from hotline.crm.queries.customers.customer_filter import CustomerFilter, conditions
from hotline.crm.queries.customers.customer_views import (
    SELECT,
    AddressView,
    ContactPointView,
    CustomerView,
    contact_point_view,
    customer_name,
    customer_reference,
    customer_view,
    personal_key,
    tier_of,
)
from hotline.crm.queries.customers.newest import Newest
from hotline.crm.scopes import Arguments, all_of, customers_of, customers_seen, customers_seen_each
from hotline.crm.viewer import Viewer
from hotline.customers.text import one_line
from hotline.errors import Invalid, NotFound

__all__ = [
    "AddressView",
    "ContactPointView",
    "CustomerView",
    "contact_point_view",
    "customer_name",
    "customer_reference",
    "customer_view",
    "get_customer",
    "list_customers",
    "lookup",
    "personal_key",
    "require_customer",
    "tier_of",
]

#: However many are asked for, a page holds no more than this.
MOST: Final = 201
#: Customers who share one number beyond this are not told: it is a switchboard.
MOST_SHARING: Final = 50
LONGEST_SEARCH: Final = 200

_BY_ID: Final = "WHERE c.id = (SELECT COALESCE(merged_into_id, id) FROM customer WHERE id = $1)"


async def get_customer(db: Reader, keyring: Keyring, viewer: Viewer, customer_id: UUID) -> CustomerView:
    """One customer; of one who was merged into another, that other. Raises NotFound."""
    viewer.require("customers.read")
    bind = Arguments(customer_id)
    sql = f"{SELECT} {_BY_ID} AND {all_of(customers_seen(viewer, bind))}"
    row = await db.fetchrow(sql, *bind.values)
    if row is None:
        raise NotFound()
    return customer_view(keyring, viewer, row)


async def require_customer(db: Reader, viewer: Viewer, customer_id: UUID) -> UUID:
    """The customer's id, or that of the one they were merged into. Raises NotFound when the viewer does not see
    them."""
    viewer.require("customers.read")
    bind = Arguments(customer_id)
    sql = f"SELECT c.id FROM customer c {_BY_ID} AND {all_of(customers_seen(viewer, bind))}"  # noqa: S608
    found: UUID | None = await db.fetchval(sql, *bind.values)
    if found is None:
        raise NotFound()
    return found


async def list_customers(
    db: Reader,
    keyring: Keyring,
    viewer: Viewer,
    *,
    limit: int,
    after: UUID | None = None,
    chosen: CustomerFilter | None = None,
) -> list[CustomerView]:
    """Customers, the newest first; only those that a filter leaves."""
    viewer.require("customers.read")
    limit = max(0, min(limit, MOST))
    chosen = chosen or CustomerFilter()
    rows: Sequence[Row] = []
    if chosen.empty and viewer.scope_of("customers") != "all":
        rows = await _newest(db, viewer, after, limit)
    if len(rows) < limit:
        bind = Arguments()
        asked = conditions(chosen, viewer, bind)
        if after is not None:
            asked.append(f"c.id < {bind(after)}")
        sql = f"{SELECT} WHERE {' AND '.join(asked)} ORDER BY c.id DESC LIMIT {bind(limit)}"
        rows = await db.fetch(sql, *bind.values)
    return [customer_view(keyring, viewer, row) for row in rows]


async def _newest(db: Reader, viewer: Viewer, after: UUID | None, limit: int) -> Sequence[Row]:
    bind = Arguments()
    plain = conditions(CustomerFilter(), viewer, bind, scope=False)
    if after is not None:
        plain.append(f"c.id < {bind(after)}")
    each, having = customers_seen_each(viewer, bind, "c"), customers_of(viewer, bind)
    if each is None or having is None:
        return []
    ids = Newest("customer", plain, [each], [having]).ids(bind(limit))
    return await db.fetch(f"{SELECT} WHERE c.id = ANY({ids}) ORDER BY c.id DESC", *bind.values)


async def lookup(db: Reader, keyring: Keyring, viewer: Viewer, text: str, *, region: str) -> list[CustomerView]:
    """Every customer who has this telephone number. Raises Invalid when ``text`` is no number, and Forbidden for who
    may not read numbers: they could try one number after the other."""
    viewer.require("customers.read")
    viewer.require("customers.read_numbers")
    try:
        number = phone.parse(one_line(text, "phone", LONGEST_SEARCH, needed=True), region)
    except phone.NotANumber as wrong:
        raise Invalid("phone: this is not a telephone number.") from wrong
    bind = Arguments(keyring.blind_index("phone", number.value))
    having = "c.id IN (SELECT customer_id FROM contact_point WHERE value_index = $1)"
    asked = " AND ".join([having, *conditions(CustomerFilter(), viewer, bind)])
    rows = await db.fetch(f"{SELECT} WHERE {asked} ORDER BY c.id DESC LIMIT {MOST_SHARING}", *bind.values)
    return [customer_view(keyring, viewer, row) for row in rows]
