"""Tickets as their viewer may see them: one by id, and what a caller's open ticket is called in a flow.

Whose are seen is in ``hotline.crm.scopes``; whose customer is shown, too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from hotline import phone
from hotline.crm import company
from hotline.crm.database import Reader, Row
from hotline.crm.keys import Keyring, Wrapped
from hotline.crm.queries.calls.calls import CallerView
from hotline.crm.queries.customers.customer_views import custom_values, customer_reference, personal_key
from hotline.crm.queries.tickets.ticket_brief import (
    BRIEF,
    BRIEF_FROM,
    Attached,
    TicketBrief,
    attached,
    brief_fields,
    next_states_of,
)
from hotline.crm.scopes import Arguments, Bind, all_of, customers_seen_each, tickets_seen
from hotline.crm.viewer import Viewer
from hotline.errors import Conflict, Forbidden, NotFound

#: Calls of one ticket that are shown, the latest ones.
MOST_CALLS: Final = 50


@dataclass(frozen=True, slots=True)
class TicketCallView:
    """A call of a ticket in short; ``agent`` is a login."""

    id: UUID
    direction: str
    at: datetime
    state: str
    disposition: str | None
    agent: str | None
    attached: Attached


@dataclass(frozen=True, slots=True)
class TicketCustomerView:
    """Whose ticket it is; ``tier`` is the key of the tier that they have now."""

    id: UUID
    number: int
    reference: str
    kind: str
    name: str
    tier: str | None


@dataclass(frozen=True, slots=True)
class TicketView(TicketBrief):
    """A ticket with its customer, calls, and the caller of its latest call."""

    customer: TicketCustomerView | None = None
    caller: CallerView | None = None
    calls: tuple[TicketCallView, ...] = ()
    custom: Mapping[str, Any] = field(default_factory=dict)
    custom_masked: tuple[str, ...] = ()

    @property
    def call_ids(self) -> tuple[UUID, ...]:
        """The ids of its calls."""
        return tuple(call.id for call in self.calls)


_SELECT: Final = f"""
SELECT ARRAY[({BRIEF})] AS brief, t.id, t.custom, t.custom_cipher, t.key_id, k.wrapped, k.master,
    ARRAY(SELECT f.key FROM custom_field f WHERE f.private AND f.record = 'ticket') AS private_keys,
    ARRAY(SELECT (l.id, l.direction, l.offered_at, l.state, l.disposition, u.login, l.ticket_by, l.ticket_at)
          FROM call l LEFT JOIN users u ON u.id = l.user_id
          WHERE l.ticket_id = t.id AND l.merged_into_id IS NULL
          ORDER BY l.offered_at DESC, l.id DESC LIMIT {MOST_CALLS}) AS calls,
    ARRAY(SELECT (l.id, l.caller_cipher, l.caller_key_id, lk.wrapped, lk.master, l.caller_withheld, l.caller_country)
          FROM call l LEFT JOIN personal_key lk ON lk.id = l.caller_key_id
          WHERE l.ticket_id = t.id AND l.direction = 'in' AND l.merged_into_id IS NULL
          ORDER BY l.offered_at DESC, l.id DESC LIMIT 1) AS caller,
    ARRAY(SELECT (c.id, c.number, c.kind, c.name_cipher, c.key_id, ck.wrapped, ck.master, ct.key)
          FROM customer m JOIN customer c ON c.id = COALESCE(m.merged_into_id, m.id)
          JOIN personal_key ck ON ck.id = c.key_id LEFT JOIN tier ct ON ct.id = c.tier_id
          WHERE m.id = t.customer_id AND {{customers}}) AS customer
FROM {BRIEF_FROM}
"""  # noqa: S608


def select(viewer: Viewer, bind: Bind) -> str:
    """Reads tickets ``t``, each with its customer where the viewer sees them; conditions follow it."""
    return _SELECT.format(customers=all_of(customers_seen_each(viewer, bind, "c")))


def seen_by(viewer: Viewer, bind: Bind) -> str | None:
    """The condition on ``ticket t`` that leaves what the viewer may see."""
    viewer.require("tickets.read")
    return tickets_seen(viewer, bind, "t")


async def get_ticket(db: Reader, keyring: Keyring, viewer: Viewer, ticket_id: UUID) -> TicketView:
    """One ticket. Raises NotFound, also for one that the viewer may not see."""
    bind = Arguments(ticket_id)
    sql = f"{select(viewer, bind)} WHERE t.id = $1 AND {all_of(seen_by(viewer, bind))}"
    row = await db.fetchrow(sql, *bind.values)
    if row is None:
        raise NotFound("There is no such ticket.")
    return ticket_view(keyring, viewer, row)


async def require_ticket(db: Reader, viewer: Viewer, ticket_id: UUID) -> None:
    """Raise NotFound unless the viewer may see this ticket."""
    bind = Arguments(ticket_id)
    sql = f"SELECT 1 FROM ticket t WHERE t.id = $1 AND {all_of(seen_by(viewer, bind))}"  # noqa: S608
    if await db.fetchval(sql, *bind.values) is None:
        raise NotFound("There is no such ticket.")


def for_viewer(viewer: Viewer, ticket: TicketView) -> TicketView:
    """A ticket that was read for somebody with the same masks, as this viewer may change it."""
    return replace(ticket, next_states=next_states_of(viewer, ticket.state))


async def open_ticket_values(db: Reader, viewer: Viewer, customer_id: UUID) -> Mapping[str, str]:
    """What a flow may know of a caller's newest open ticket. Its number only when the company lets it be spoken."""
    viewer.require("tickets.read_all")
    row = await db.fetchrow(
        """SELECT number, kind, state FROM ticket WHERE customer_id = $1 AND state IN ('new', 'open', 'waiting')
           AND NOT provisional ORDER BY opened_at DESC, id DESC LIMIT 1""",
        customer_id,
    )
    if row is None:
        return {"ticket.open": "no"}
    values = {"ticket.open": "yes", "ticket.kind": row["kind"], "ticket.state": row["state"]}
    privacy = (await company.read_sections(db))[company.Privacy.section].value
    if isinstance(privacy, company.Privacy) and privacy.speak_ticket_number:
        values["ticket.number"] = str(row["number"])
    return values


async def find_callback_number(db: Reader, keyring: Keyring, viewer: Viewer, ticket_id: UUID) -> str:
    """The number that a ticket's customer called from last, else their first one, unmasked: for hotline itself, which
    dials it. Raises Conflict when nobody knows one."""
    if viewer.kind != "system":
        raise Forbidden()
    rows = await db.fetch(
        """SELECT 'call' AS place, 'caller_cipher' AS col, l.id, l.caller_cipher AS cipher, k.id AS key_id, k.wrapped,
               k.master, 0 AS rank, l.offered_at AS at
           FROM call l JOIN personal_key k ON k.id = l.caller_key_id
           WHERE l.ticket_id = $1 AND l.direction = 'in' AND l.caller_cipher IS NOT NULL AND k.wrapped IS NOT NULL
           UNION ALL
           SELECT 'contact_point', 'value_cipher', p.id, p.value_cipher, k.id, k.wrapped, k.master, 1 + p.position,
               p.created_at
           FROM ticket t JOIN customer m ON m.id = t.customer_id
           JOIN customer c ON c.id = COALESCE(m.merged_into_id, m.id)
           JOIN contact_point p ON p.customer_id = c.id AND p.kind IN ('phone', 'whatsapp')
           JOIN personal_key k ON k.id = c.key_id
           WHERE t.id = $1 AND k.wrapped IS NOT NULL
           ORDER BY rank, at DESC LIMIT 1""",
        ticket_id,
    )
    if not rows:
        raise Conflict("Nobody knows a number to call: the caller's was withheld.")
    row = rows[0]
    key = keyring.unwrap(row["key_id"], Wrapped(row["master"], row["wrapped"]))
    return keyring.decrypt(key, row["place"], row["col"], row["id"], row["cipher"])


# From rows


def ticket_view(keyring: Keyring, viewer: Viewer, row: Row) -> TicketView:
    """A ticket out of a row of SELECT."""
    custom = custom_values(keyring, personal_key(keyring, row), "ticket", row)
    hidden = frozenset(row["private_keys"]) & custom.keys() if "private" in viewer.masks else frozenset()
    return TicketView(
        **brief_fields(keyring, viewer, row["brief"][0]),
        customer=_customer(keyring, viewer, row["customer"]),
        caller=_caller(keyring, viewer, row["caller"]),
        calls=tuple(_ticket_call(fields) for fields in row["calls"]),
        custom={name: value for name, value in custom.items() if name not in hidden},
        custom_masked=tuple(sorted(hidden)),
    )


def _ticket_call(fields: Sequence[Any]) -> TicketCallView:
    call_id, direction, at, state, disposition, agent, by, since = fields
    return TicketCallView(call_id, direction, at, state, disposition, agent, attached(by, since))


def _customer(keyring: Keyring, viewer: Viewer, rows: Sequence[Sequence[Any]]) -> TicketCustomerView | None:
    if not rows or not viewer.may("customers.read"):
        return None
    customer_id, number, kind, cipher, key_id, wrapped, master, tier = rows[0]
    name = ""
    if wrapped is not None:
        key = keyring.unwrap(key_id, Wrapped(master, wrapped))
        name = keyring.decrypt(key, "customer", "name_cipher", customer_id, cipher)
    return TicketCustomerView(customer_id, number, customer_reference(number), kind, name, tier)


def _caller(keyring: Keyring, viewer: Viewer, rows: Sequence[Sequence[Any]]) -> CallerView | None:
    if not rows:
        return None
    call_id, cipher, key_id, wrapped, master, withheld, country = rows[0]
    number = None
    if cipher is not None and wrapped is not None:
        key = keyring.unwrap(key_id, Wrapped(master, wrapped))
        number = keyring.decrypt(key, "call", "caller_cipher", call_id, cipher)
        if "phone" in viewer.masks:
            number = phone.mask(number)
    display = phone.display(number) if number is not None else None
    return CallerView(number, withheld, country, None, display)
