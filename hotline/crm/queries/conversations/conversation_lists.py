"""Lists of conversations by page, and how many wait in each box.

A page is found by ids first, along an index of its order; only what is on it is read whole.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, get_args
from uuid import UUID

from hotline import phone
from hotline.crm.database import Database, Reader
from hotline.crm.keys import Keyring
from hotline.crm.queries.conversations.conversations import ConversationView, conversation_view, select
from hotline.crm.queries.customers.customer_search import found_ids
from hotline.crm.scopes import Arguments, Bind, conversations_seen_each
from hotline.crm.viewer import Viewer

Box = Literal["mine", "unassigned", "team", "all"]
ListState = Literal["open", "waiting", "closed", "unclosed", "any"]
Sort = Literal["latest", "waiting", "deadline"]

BOXES: Final[tuple[Box, ...]] = get_args(Box)

#: However many are asked for, a page holds no more than this.
MOST: Final = 201
#: A box is counted up to this.
MOST_COUNTED: Final = 1000
#: Customers whose conversations a search looks for.
MOST_FOUND: Final = 200

_REFERENCE: Final = re.compile(r"\s*([MmTtCc])?(\d{1,15})\s*")

#: Where a page begins: the value that the list is ordered by, and the conversation.
Place = tuple[datetime, UUID]


@dataclass(frozen=True, slots=True)
class ConversationFilter:
    """Which conversations. ``unanswered``: those where the customer waits for an answer."""

    box: Box = "all"
    state: ListState = "unclosed"
    channel: str | None = None
    unanswered: bool = False
    queue: str | None = None
    customer_id: UUID | None = None
    ticket_id: UUID | None = None
    assignee_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class _Order:
    column: str
    descending: bool

    def place(self, view: ConversationView) -> Place | None:
        at = {
            "v.last_at": view.last_at,
            "v.unanswered_since": view.unanswered_since,
            "t.due_at": view.ticket.due_at if view.ticket else None,
        }[self.column]
        return None if at is None else (at, view.id)


_ORDERS: Final[Mapping[Sort, _Order]] = {
    "latest": _Order("v.last_at", descending=True),
    "waiting": _Order("v.unanswered_since", descending=False),
    "deadline": _Order("t.due_at", descending=False),
}


async def list_conversations(
    db: Database,
    keyring: Keyring,
    viewer: Viewer,
    chosen: ConversationFilter,
    *,
    limit: int,
    sort: Sort = "latest",
    after: Place | None = None,
    text: str = "",
    region: str = "",
) -> list[ConversationView]:
    """A page: the latest first, those who wait longest first (only those who wait), or by the deadline of their ticket
    (only those with one). ``text`` is a number (M10001, T10001, C10001), an address, or what finds a customer."""
    viewer.require("conversations.read")
    bind = Arguments()
    conditions = _conditions(viewer, chosen, bind)
    if text.strip():
        conditions.append(await _searched(db, keyring, viewer, text.strip()[:200], region, bind))
    if (seen := conversations_seen_each(viewer, bind, "v")) is not None:
        conditions.append(seen)
    order = _ORDERS[sort]
    conditions.append(f"{order.column} IS NOT NULL")
    if after is not None:
        sign = "<" if order.descending else ">"
        conditions.append(f"({order.column}, v.id) {sign} ({bind(after[0])}, {bind(after[1])})")
    way = " DESC" if order.descending else ""
    joined = " JOIN ticket t ON t.id = v.ticket_id" if sort == "deadline" else ""
    rows = await db.fetch(
        f"""SELECT v.id FROM conversation v{joined} WHERE {" AND ".join(conditions)}
            ORDER BY {order.column}{way}, v.id{way} LIMIT {bind(max(0, min(limit, MOST)))}""",  # noqa: S608
        *bind.values,
    )
    return await read_conversations(db, keyring, viewer, [row["id"] for row in rows])


async def read_conversations(
    db: Reader, keyring: Keyring, viewer: Viewer, ids: Sequence[UUID]
) -> list[ConversationView]:
    """These conversations, in this order; who asks has made sure that the viewer sees them."""
    if not ids:
        return []
    bind = Arguments(list(ids))
    rows = await db.fetch(f"{select(viewer, bind)} WHERE v.id = ANY($1::uuid[])", *bind.values)
    found = {row["id"]: conversation_view(keyring, viewer, row) for row in rows}
    return [found[each] for each in ids if each in found]


def place_of(view: ConversationView, sort: Sort) -> Place | None:
    """Where the next page begins after this one."""
    return _ORDERS[sort].place(view)


@dataclass(frozen=True, slots=True)
class BoxCount:
    """How many conversations of a box are open, and in how many of these a customer waits; up to MOST_COUNTED."""

    open: int
    unanswered: int


async def count_boxes(db: Reader, viewer: Viewer) -> dict[Box, BoxCount]:
    """The boxes that the viewer has, with what is in them."""
    viewer.require("conversations.read")
    bind = Arguments()
    parts = []
    boxes = [box for box in BOXES if box != "team" or viewer.teams]
    for box in boxes:
        conditions = _conditions(viewer, ConversationFilter(box=box, state="open"), bind)
        if (seen := conversations_seen_each(viewer, bind, "v")) is not None:
            conditions.append(seen)
        parts.append(
            f"""SELECT '{box}' AS box, count(*) AS open, count(x.unanswered_since) AS unanswered FROM (
                    SELECT v.unanswered_since FROM conversation v WHERE {" AND ".join(conditions)}
                    LIMIT {MOST_COUNTED}) x"""  # noqa: S608
        )
    rows = await db.fetch(" UNION ALL ".join(parts), *bind.values)
    return {row["box"]: BoxCount(row["open"], row["unanswered"]) for row in rows}


def _conditions(viewer: Viewer, chosen: ConversationFilter, bind: Bind) -> list[str]:
    conditions = []
    if chosen.box == "mine":
        conditions.append(f"v.assignee_id = {bind(viewer.user_id)}::uuid")
    elif chosen.box == "unassigned":
        conditions.append("v.assignee_id IS NULL")
    elif chosen.box == "team":
        teams = f"{bind(list(viewer.teams))}::uuid[]"
        conditions.append(
            f"(v.assignee_id = ANY(ARRAY(SELECT user_id FROM team_member WHERE team_id = ANY({teams})))"  # noqa: S608
            f" OR v.queue = ANY(ARRAY(SELECT unnest(queues) FROM team WHERE id = ANY({teams}))))"
        )
    if chosen.state == "unclosed":
        conditions.append("v.state <> 'closed'")
    elif chosen.state != "any":
        conditions.append(f"v.state = {bind(chosen.state)}")
    if chosen.unanswered:
        conditions.append("v.unanswered_since IS NOT NULL")
    named: Mapping[str, Any] = {
        "channel": chosen.channel, "queue": chosen.queue, "customer_id": chosen.customer_id,
        "ticket_id": chosen.ticket_id, "assignee_id": chosen.assignee_id,
    }  # fmt: skip
    conditions += [f"v.{column} = {bind(value)}" for column, value in named.items() if value is not None]
    return conditions or ["true"]


async def _searched(db: Database, keyring: Keyring, viewer: Viewer, text: str, region: str, bind: Bind) -> str:
    """What a typed text finds: each way by an index."""
    ways = []
    if (found := _REFERENCE.fullmatch(text)) is not None:
        letter, number = (found[1] or "M").upper(), int(found[2])
        if letter == "M":
            ways.append(f"v.number = {bind(number)}::bigint")
        elif letter == "T":
            ways.append(f"v.ticket_id = (SELECT t.id FROM ticket t WHERE t.number = {bind(number)}::bigint)")  # noqa: S608
    if (index := _address_index(keyring, viewer, text, region)) is not None:
        ways.append(f"v.address_index = {bind(index)}")
    if viewer.may("customers.read"):
        customers = (await found_ids(db, keyring, viewer, text, region=region))[:MOST_FOUND]
        if customers:
            ways.append(f"v.customer_id = ANY({bind(customers)}::uuid[])")
    return f"({' OR '.join(ways)})" if ways else "false"


def _address_index(keyring: Keyring, viewer: Viewer, text: str, region: str) -> bytes | None:
    """The blind index of an address that was typed whole; None where it is none, or the viewer may not read such."""
    if "@" in text:
        return None if "email" in viewer.masks else keyring.contact_index("email", text.lower())
    try:
        number = phone.parse(text, region)
    except phone.NotANumber:
        return None
    return (
        keyring.contact_index("phone", number.value) if number.kind == "e164" and "phone" not in viewer.masks else None
    )
