"""One search for the palette: customers, and tickets by their number or of the customers who were found."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from hotline.crm.database import Database, Reader
from hotline.crm.keys import Keyring
from hotline.crm.queries.customers.customer_search import search_customers
from hotline.crm.queries.customers.customers import CustomerView
from hotline.crm.queries.tickets.tickets import TicketView, seen_by, select, ticket_view
from hotline.crm.scopes import Arguments, all_of
from hotline.crm.viewer import Viewer
from hotline.customers import email_words, names
from hotline.customers.search_text import parse

#: Customers whose open tickets are told.
MOST_OWNERS: Final = 5
_TICKET: Final = re.compile(r"[tT]?-?(\d{1,12})")


@dataclass(frozen=True, slots=True)
class Hint:
    """What tells a customer from others of the same name: ``text`` is of a contact point of this ``kind``."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class FoundCustomer:
    """A customer with the contact point that was searched for, else their first one."""

    customer: CustomerView
    hint: Hint | None


@dataclass(frozen=True, slots=True)
class Found:
    """What was found, the best first."""

    customers: tuple[FoundCustomer, ...]
    tickets: tuple[TicketView, ...]


async def search(db: Database, keyring: Keyring, viewer: Viewer, text: str, *, region: str, limit: int) -> Found:
    """At most ``limit`` customers and as many tickets. Whoever may not read one or the other gets none of them.

    Raises Invalid for a text that is too long.
    """
    customers: list[CustomerView] = []
    if viewer.may("customers.read"):
        customers = await search_customers(db, keyring, viewer, text, region=region, limit=limit)
    tickets: list[TicketView] = []
    if viewer.may("tickets.read"):
        owners = [customer.id for customer in customers[:MOST_OWNERS]]
        tickets = await _tickets(db, keyring, viewer, text, owners, limit)
    return Found(tuple(FoundCustomer(each, _hint(each, text)) for each in customers), tuple(tickets))


async def _tickets(
    db: Reader, keyring: Keyring, viewer: Viewer, text: str, owners: Sequence[UUID], limit: int
) -> list[TicketView]:
    number = _TICKET.fullmatch(text.strip())
    if number is None and not owners:
        return []
    bind = Arguments()
    sql = select(viewer, bind)
    wanted = [f"t.customer_id = ANY({bind(list(owners))}::uuid[]) AND t.state IN ('new', 'open', 'waiting')"]
    if number is not None:
        wanted.append(f"t.number = {bind(int(number[1]))}::bigint")
    asked = all_of(f"({' OR '.join(f'({each})' for each in wanted)})", "t.state <> 'discarded'", seen_by(viewer, bind))
    rows = await db.fetch(f"{sql} WHERE {asked} ORDER BY t.opened_at DESC, t.id DESC LIMIT {bind(limit)}", *bind.values)
    found = [ticket_view(keyring, viewer, row) for row in rows]
    named = None if number is None else int(number[1])
    return sorted(found, key=lambda ticket: ticket.number != named)


def _hint(customer: CustomerView, text: str) -> Hint | None:
    parts = parse(text)
    digits = [part.digits for part in parts if part.kind == "number"]
    words = [part.text for part in parts if part.kind in ("email", "word")]
    words += [
        part.text.casefold() for part in parts if part.kind == "name" and not names.matches(customer.name, part.text)
    ]
    points = [point for point in customer.contact_points if point.kind in ("phone", "whatsapp", "email")]
    for point in points:
        shown = "".join(letter for letter in point.value if letter.isdecimal())
        if any(len(each) >= 4 and shown.endswith(each[-4:]) for each in digits):
            return Hint(point.kind, point.display)
        if point.kind == "email" and any(email_words.holds(point.value, word) for word in words):
            return Hint(point.kind, point.display)
    return Hint(points[0].kind, points[0].display) if points else None
