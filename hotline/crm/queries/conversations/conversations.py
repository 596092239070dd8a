"""Conversations as their viewer may see them; whose are seen is in ``hotline.crm.scopes``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from hotline.conversations.states import reference
from hotline.conversations.window import window_until
from hotline.crm.database import Reader, Row
from hotline.crm.keys import Keyring, PersonalKey, Wrapped
from hotline.crm.queries.customers.customer_views import customer_reference
from hotline.crm.scopes import Arguments, Bind, all_of, conversations_seen, customers_seen_each, tickets_seen_each
from hotline.crm.viewer import Viewer
from hotline.customers import contact_points
from hotline.errors import NotFound
from hotline.tickets.states import reference as ticket_reference

#: How much of the latest message a list shows.
PREVIEW: Final = 160
#: Customers who share an address, of whom one is chosen.
MOST_CANDIDATES: Final = 20


@dataclass(frozen=True, slots=True)
class ConversationSender:
    """The company's own number or address of a conversation."""

    id: UUID
    address: str
    display: str
    name: str


@dataclass(frozen=True, slots=True)
class ConversationCustomer:
    """Whom the conversation is with, or may be; ``tier`` is a tier's key."""

    id: UUID
    number: int
    reference: str
    kind: str
    name: str
    tier: str | None


@dataclass(frozen=True, slots=True)
class ConversationTicket:
    """The conversation's ticket: codes, for it may be somebody else's. ``seen``: whether the viewer sees the ticket
    itself."""

    id: UUID
    number: int
    reference: str
    kind: str
    state: str
    due_at: datetime | None
    seen: bool


@dataclass(frozen=True, slots=True)
class Latest:
    """The latest message of a conversation that a person wrote, in short; ``user`` is the name of who wrote it."""

    id: UUID
    direction: str
    kind: str
    state: str | None
    text: str
    files: int
    at: datetime
    user: str | None


@dataclass(frozen=True, slots=True)
class ConversationView:
    """What one address and the company write each other over one channel. ``reference`` is ``number`` as people say
    it: M10001. ``address`` is masked where the viewer may not read it; ``name`` is what the customer's own program
    calls them: hostile. ``window_until``: until when WhatsApp takes a free text. ``suppressed`` are the reasons for
    which the address gets nothing over this channel."""

    id: UUID
    number: int
    reference: str
    channel: str
    state: str
    sender: ConversationSender | None
    address: str | None
    display: str | None
    masked: bool
    name: str | None
    country: str | None
    language: str | None
    subject: str | None
    customer_id: UUID | None
    customer: ConversationCustomer | None
    candidates: tuple[ConversationCustomer, ...]
    assignee: str | None
    assignee_id: UUID | None
    assignee_name: str | None
    claimed_at: datetime | None
    queue: str | None
    ticket_id: UUID | None
    ticket: ConversationTicket | None
    follows_id: UUID | None
    latest: Latest | None
    last_in_at: datetime | None
    last_out_at: datetime | None
    last_at: datetime
    unanswered_since: datetime | None
    waiting_until: datetime | None
    closed_at: datetime | None
    window_until: datetime | None
    suppressed: tuple[str, ...]
    erased: bool
    version: int
    created_at: datetime
    updated_at: datetime

    @property
    def title(self) -> str:
        """Whom one writes with, as a heading: the customer, their own name, the address."""
        if self.customer is not None and self.customer.name:
            return self.customer.name
        return self.name or self.display or self.reference


_SELECT: Final = f"""
SELECT v.id, v.number, v.channel, v.state, v.country, v.language, v.customer_id, v.assignee_id, v.claimed_at, v.queue,
    v.ticket_id, v.follows_id, v.last_in_at, v.last_out_at, v.last_at, v.unanswered_since, v.waiting_until,
    v.closed_at, v.version, v.created_at, v.updated_at, v.address_cipher, v.name_cipher, v.subject_cipher, v.key_id,
    k.wrapped, k.master, a.login AS assignee, a.name AS assignee_name, s.id AS sender_id, s.address AS sender_address,
    s.name AS sender_name,
    ARRAY(SELECT (t.id, t.number, t.kind, t.state, t.due_at, {{tickets}}) FROM ticket t WHERE t.id = v.ticket_id)
        AS ticket,
    ARRAY(SELECT (c.id, c.number, c.kind, c.name_cipher, c.key_id, ck.wrapped, ck.master, ct.key, n.known)
          FROM (SELECT v.customer_id AS id, true AS known
                UNION SELECT unnest(v.candidate_ids), false WHERE v.customer_id IS NULL) n
          JOIN customer m ON m.id = n.id JOIN customer c ON c.id = COALESCE(m.merged_into_id, m.id)
          JOIN personal_key ck ON ck.id = c.key_id LEFT JOIN tier ct ON ct.id = c.tier_id
          WHERE {{customers}} ORDER BY c.number LIMIT {MOST_CANDIDATES}) AS customers,
    ARRAY(SELECT x.reason FROM suppression x WHERE x.channel = v.channel AND x.address_index = v.address_index
          AND x.lifted_at IS NULL AND x.purpose = 'all' ORDER BY x.at, x.reason) AS suppressed,
    ARRAY(SELECT (m.id, m.direction, m.kind, m.state, m.body_cipher, m.at, u.name,
                  (SELECT count(*) FROM message_file f WHERE f.message_id = m.id AND f.deleted_at IS NULL))
          FROM message m LEFT JOIN users u ON u.id = m.user_id
          WHERE m.conversation_id = v.id AND m.kind <> 'auto' ORDER BY m.at DESC, m.id DESC LIMIT 1) AS latest
FROM conversation v
LEFT JOIN personal_key k ON k.id = v.key_id
LEFT JOIN users a ON a.id = v.assignee_id
LEFT JOIN sender s ON s.id = v.sender_id
"""  # noqa: S608


def select(viewer: Viewer, bind: Bind) -> str:
    """Reads conversations ``v``; conditions follow it."""
    tickets = "false"
    if viewer.may("tickets.read"):
        seen = tickets_seen_each(viewer, bind)
        tickets = "true" if seen is None else f"COALESCE({seen}, false)"
    return _SELECT.format(tickets=tickets, customers=all_of(customers_seen_each(viewer, bind, "c")))


def seen_by(viewer: Viewer, bind: Bind) -> str | None:
    """The condition on ``conversation v`` that leaves what the viewer may see."""
    viewer.require("conversations.read")
    return conversations_seen(viewer, bind, "v")


async def get_conversation(db: Reader, keyring: Keyring, viewer: Viewer, conversation_id: UUID) -> ConversationView:
    """One conversation. Raises NotFound, also for one that the viewer may not see."""
    bind = Arguments(conversation_id)
    sql = f"{select(viewer, bind)} WHERE v.id = $1 AND {all_of(seen_by(viewer, bind))}"
    row = await db.fetchrow(sql, *bind.values)
    if row is None:
        raise NotFound("There is no such conversation.")
    return conversation_view(keyring, viewer, row)


async def require_conversation(db: Reader, viewer: Viewer, conversation_id: UUID) -> None:
    """Raise NotFound unless the viewer may see this conversation."""
    bind = Arguments(conversation_id)
    sql = f"SELECT 1 FROM conversation v WHERE v.id = $1 AND {all_of(seen_by(viewer, bind))}"  # noqa: S608
    if await db.fetchval(sql, *bind.values) is None:
        raise NotFound("There is no such conversation.")


@dataclass(frozen=True, slots=True)
class Audience:
    """By whom a conversation is seen who does not see all: by whom it is, and by whose are its ticket and customer; the
    teams of both queues."""

    assignee_id: UUID | None
    created_by_id: UUID | None
    queue: str | None
    also: tuple[UUID, ...]
    ticket_queue: str | None


async def seen_by_whom(db: Reader, viewer: Viewer, conversation_id: UUID) -> Audience:
    """Whom a conversation's live events reach. Raises NotFound for one that the viewer does not see."""
    bind = Arguments(conversation_id)
    row = await db.fetchrow(
        f"""SELECT v.assignee_id, v.created_by_id, v.queue,
                ARRAY(SELECT t.assignee_id FROM ticket t WHERE t.id = v.ticket_id AND t.assignee_id IS NOT NULL
                      UNION SELECT c.responsible_id FROM customer c
                      WHERE c.id = v.customer_id AND c.responsible_id IS NOT NULL) AS also,
                (SELECT t.queue FROM ticket t WHERE t.id = v.ticket_id) AS ticket_queue
            FROM conversation v WHERE v.id = $1 AND {all_of(seen_by(viewer, bind))}""",  # noqa: S608
        *bind.values,
    )
    if row is None:
        raise NotFound("There is no such conversation.")
    return Audience(row["assignee_id"], row["created_by_id"], row["queue"], tuple(row["also"]), row["ticket_queue"])


# From rows


def conversation_view(keyring: Keyring, viewer: Viewer, row: Row) -> ConversationView:
    """A conversation out of a row of SELECT."""
    key = None if row["wrapped"] is None else keyring.unwrap(row["key_id"], Wrapped(row["master"], row["wrapped"]))
    address = _text(keyring, key, row, "address_cipher")
    shown, display, masked = _address(viewer, row["channel"], address)
    customers = _customers(keyring, viewer, row["customers"])
    sender = None
    if row["sender_id"] is not None:
        point = "email" if row["channel"] == "email" else "phone"
        sender = ConversationSender(
            row["sender_id"], row["sender_address"], contact_points.display(point, row["sender_address"]),  # type: ignore[arg-type]
            row["sender_name"],
        )  # fmt: skip
    copied: Mapping[str, Any] = {name: row[name] for name in _COPIED}
    return ConversationView(
        **copied,
        reference=reference(row["number"]),
        sender=sender,
        address=shown,
        display=display,
        masked=masked,
        name=_text(keyring, key, row, "name_cipher"),
        subject=_text(keyring, key, row, "subject_cipher"),
        customer=next((customer for known, customer in customers if known), None),
        candidates=tuple(customer for known, customer in customers if not known),
        ticket=_ticket(row["ticket"]),
        latest=_latest(keyring, key, row["latest"]),
        window_until=window_until(row["channel"], row["last_in_at"]),
        suppressed=tuple(row["suppressed"]),
        erased=key is None,
    )


_COPIED: Final = (
    "id", "number", "channel", "state", "country", "language", "customer_id", "assignee", "assignee_id",
    "assignee_name", "claimed_at", "queue", "ticket_id", "follows_id", "last_in_at", "last_out_at", "last_at",
    "unanswered_since", "waiting_until", "closed_at", "version", "created_at", "updated_at",
)  # fmt: skip


def _text(keyring: Keyring, key: PersonalKey | None, row: Row, column: str) -> str | None:
    cipher = row[column]
    return None if key is None or cipher is None else keyring.decrypt(key, "conversation", column, row["id"], cipher)


def _address(viewer: Viewer, channel: str, address: str | None) -> tuple[str | None, str | None, bool]:
    """The address as the viewer may have it, as they read it, and whether it is masked."""
    if address is None:
        return None, None, False
    kind: contact_points.Kind = "email" if channel == "email" else "phone"
    if kind in viewer.masks:
        masked = contact_points.mask(kind, address)
        return masked, masked, True
    return address, contact_points.display(kind, address), False


def _customers(
    keyring: Keyring, viewer: Viewer, rows: Sequence[Sequence[Any]]
) -> list[tuple[bool, ConversationCustomer]]:
    if not viewer.may("customers.read"):
        return []
    found = []
    for customer_id, number, kind, cipher, key_id, wrapped, master, tier, known in rows:
        name = ""
        if wrapped is not None:
            key = keyring.unwrap(key_id, Wrapped(master, wrapped))
            name = keyring.decrypt(key, "customer", "name_cipher", customer_id, cipher)
        customer = ConversationCustomer(customer_id, number, customer_reference(number), kind, name, tier)
        found.append((known, customer))
    return found


def _ticket(rows: Sequence[Sequence[Any]]) -> ConversationTicket | None:
    if not rows:
        return None
    ticket_id, number, kind, state, due_at, seen = rows[0]
    return ConversationTicket(ticket_id, number, ticket_reference(number), kind, state, due_at, seen)


def _latest(keyring: Keyring, key: PersonalKey | None, rows: Sequence[Sequence[Any]]) -> Latest | None:
    if not rows:
        return None
    message_id, direction, kind, state, cipher, at, user, files = rows[0]
    text = ""
    if key is not None and cipher is not None:
        text = keyring.decrypt(key, "message", "body_cipher", message_id, cipher)[:PREVIEW]
    return Latest(message_id, direction, kind, state, text, files, at, user)
