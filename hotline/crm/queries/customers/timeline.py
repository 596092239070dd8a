"""A customer's timeline: what happened with them, the latest first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from hotline.conversations.states import reference as conversation_reference
from hotline.crm.database import Reader, Row
from hotline.crm.keys import Keyring, PersonalKey, Wrapped
from hotline.crm.queries.customers.customers import require_customer
from hotline.crm.scopes import Arguments, Bind, calls_seen_each, conversations_seen_each, tickets_seen_each
from hotline.crm.viewer import Viewer
from hotline.tickets.states import reference

MOST: Final = 201
#: How much of the latest message a line shows.
PREVIEW: Final = 200


@dataclass(frozen=True, slots=True)
class TimelineCall:
    """What the timeline says about a call. ``talk_seconds`` and ``wait_seconds`` are None while not known; ``seen``:
    whether the viewer sees the call itself, too."""

    id: UUID
    state: str
    disposition: str | None
    queue: str | None
    withheld: bool
    offered_at: datetime
    answered_at: datetime | None
    ended_at: datetime | None
    wait_seconds: int | None
    talk_seconds: int | None
    end_seen: bool
    seen: bool


@dataclass(frozen=True, slots=True)
class TimelineTicket:
    """What the timeline says about a ticket: codes only, since it may be somebody else's. ``seen``: whether the viewer
    sees the ticket itself, too."""

    id: UUID
    number: int
    reference: str
    kind: str
    state: str
    seen: bool


@dataclass(frozen=True, slots=True)
class TimelinePurchase:
    """What the timeline says about a purchase; ``amount`` is in minor units."""

    id: UUID
    kind: str
    title: str
    amount: int | None
    currency: str | None
    state: str | None


@dataclass(frozen=True, slots=True)
class TimelineFile:
    """What the timeline says about a file."""

    id: UUID
    name: str
    media_type: str
    bytes: int


@dataclass(frozen=True, slots=True)
class TimelineConversation:
    """What the timeline says about a conversation: codes, since it may be somebody else's. ``seen``: whether the viewer
    sees the conversation itself; then ``preview`` is how its latest message begins."""

    id: UUID
    number: int
    reference: str
    channel: str
    state: str
    unanswered: bool
    messages: int
    preview: str | None
    seen: bool


@dataclass(frozen=True, slots=True)
class TimelinePush:
    """What the timeline says about a message of a campaign; ``name`` is the campaign's, ``seen``: whether the viewer
    sees campaigns."""

    campaign_id: UUID
    number: int | None
    name: str
    channel: str
    state: str
    clicked: bool
    opted_out: bool
    seen: bool


@dataclass(frozen=True, slots=True)
class TimelineConsent:
    """What the timeline says about consent: what they agreed to or took back, and how they said so."""

    channel: str
    purpose: str
    action: str
    source: str


@dataclass(frozen=True, slots=True)
class TimelineItem:
    """One line. ``note`` is what a person wrote, None for lines that hold no words."""

    id: UUID
    kind: str
    at: datetime
    direction: str | None
    user_id: UUID | None
    user_name: str | None
    call: TimelineCall | None
    note: str | None
    ticket: TimelineTicket | None = None
    purchase: TimelinePurchase | None = None
    file: TimelineFile | None = None
    conversation: TimelineConversation | None = None
    push: TimelinePush | None = None
    consent: TimelineConsent | None = None


_SELECT: Final = """
SELECT i.id, i.kind, i.at, i.direction, i.user_id, u.name AS user_name, i.note_cipher,
    k.id AS key_id, k.wrapped, k.master,
    l.id AS call_id, l.state, l.disposition, l.queue, l.caller_withheld, l.offered_at, l.answered_at,
    l.ended_at, l.end_seen, t.id AS ticket_id, t.number AS ticket_number, t.kind AS ticket_kind,
    t.state AS ticket_state, p.kind AS purchase_kind, p.title_cipher, p.amount, p.currency, p.state AS purchase_state,
    f.name_cipher AS file_name_cipher, f.media_type, f.bytes AS file_bytes, {calls} AS call_seen,
    {tickets} AS ticket_seen, v.id AS conversation_id, v.number AS conversation_number, v.channel,
    v.state AS conversation_state, v.unanswered_since, {conversations} AS conversation_seen,
    (SELECT count(*) FROM message m WHERE m.conversation_id = v.id AND m.kind <> 'note') AS messages,
    ARRAY(SELECT (m.id, m.body_cipher) FROM message m WHERE m.conversation_id = v.id AND m.kind = 'message'
          ORDER BY m.at DESC, m.id DESC LIMIT 1) AS latest, i.data,
    g.number AS campaign_number, g.name AS campaign_name, {campaigns} AS campaign_seen
FROM {source} i
LEFT JOIN campaign g ON i.kind = 'push' AND g.id = (i.data ->> 'campaign_id')::uuid
LEFT JOIN conversation v ON i.kind = 'conversation' AND v.id = i.id
LEFT JOIN ticket t ON t.id = i.ticket_id
LEFT JOIN customer c ON c.id = i.customer_id
LEFT JOIN purchase p ON i.kind = 'purchase' AND p.id = i.id
LEFT JOIN customer_file f ON i.kind = 'file' AND f.id = i.id
LEFT JOIN personal_key k ON k.id = CASE WHEN i.note_cipher IS NOT NULL THEN COALESCE(i.note_key_id, c.key_id)
                                        WHEN p.id IS NOT NULL THEN COALESCE(p.key_id, c.key_id)
                                        WHEN v.id IS NOT NULL THEN v.key_id ELSE f.key_id END
LEFT JOIN users u ON u.id = i.user_id
LEFT JOIN call l ON l.id = i.call_id
WHERE true
"""
# What millions get at once has no line of its own: it is read from where it stands. Each part gives as many lines as
# the page has, from its own index.
_LINES: Final = """(
    (SELECT i.id, i.kind, i.at, i.direction, i.user_id, i.note_cipher, i.note_key_id, i.customer_id, i.call_id,
         i.ticket_id, NULL::jsonb AS data
     FROM interaction i WHERE i.customer_id = $1 AND ($2::text[] IS NULL OR i.kind = ANY($2)) {shown}
       AND ($3::timestamptz IS NULL OR (i.at, i.id) < ($3, $4)) ORDER BY i.at DESC, i.id DESC LIMIT $5)
    UNION ALL
    (SELECT d.id, 'push', d.sent_at, 'out', NULL, NULL, NULL, d.customer_id, NULL, NULL,
         jsonb_build_object('campaign_id', d.campaign_id, 'channel', d.channel, 'state', d.state,
             'clicked', d.clicked_at IS NOT NULL, 'opted_out', d.opted_out_at IS NOT NULL)
     FROM delivery d
     WHERE d.customer_id = ANY(SELECT p.id FROM customer p WHERE p.id = $1 OR p.merged_into_id = $1)
       AND d.sent_at IS NOT NULL AND ($2::text[] IS NULL OR 'push' = ANY($2))
       AND ($3::timestamptz IS NULL OR (d.sent_at, d.id) < ($3, $4)) ORDER BY d.sent_at DESC, d.id DESC LIMIT $5)
    UNION ALL
    (SELECT r.id, 'consent', r.at, 'in', r.user_id, NULL, NULL, r.customer_id, r.call_id, NULL,
         jsonb_build_object('channel', r.channel, 'purpose', r.purpose, 'action', r.action, 'source', r.source)
     FROM consent_record r
     WHERE r.customer_id = $1 AND r.undone_at IS NULL AND ($2::text[] IS NULL OR 'consent' = ANY($2)) AND {consents}
       AND ($3::timestamptz IS NULL OR (r.at, r.id) < ($3, $4)) ORDER BY r.at DESC, r.id DESC LIMIT $5)
)"""
_OF_CUSTOMER: Final = " ORDER BY i.at DESC, i.id DESC LIMIT $5"
_PLACE: Final = """
SELECT at FROM (SELECT at FROM interaction WHERE id = $1 UNION ALL SELECT sent_at FROM delivery WHERE id = $1
                UNION ALL SELECT at FROM consent_record WHERE id = $1) AS known LIMIT 1
"""
_NOTES: Final = "(SELECT n.* FROM interaction n WHERE n.call_id = $1 AND n.kind = 'note')"
_OF_CALL: Final = " AND i.call_id = $1 AND i.kind = 'note' ORDER BY i.at DESC, i.id DESC LIMIT $2"


async def list_timeline(
    db: Reader,
    keyring: Keyring,
    viewer: Viewer,
    customer_id: UUID,
    *,
    limit: int,
    after: UUID | None = None,
    kinds: Sequence[str] | None = None,
) -> list[TimelineItem]:
    """A page of a customer's timeline, of some ``kinds`` only where given. Raises NotFound for a
    customer whom the viewer does not see."""
    found = await require_customer(db, viewer, customer_id)
    place = await db.fetchval(_PLACE, after) if after is not None else None
    if after is not None and place is None:
        return []
    bind = Arguments(found, list(kinds) if kinds else None, place, after, max(0, min(limit, MOST)))
    rows = await db.fetch(_select(viewer, bind, _LINES) + _OF_CUSTOMER, *bind.values)
    return [_item(keyring, row) for row in rows]


async def list_call_notes(db: Reader, keyring: Keyring, viewer: Viewer, call_id: UUID) -> list[TimelineItem]:
    """The notes about one call, the latest first. Whether the viewer may see the call, the caller has
    asked."""
    viewer.require("calls.read")
    bind = Arguments(call_id, MOST)
    rows = await db.fetch(_select(viewer, bind, _NOTES) + _OF_CALL, *bind.values)
    return [_item(keyring, row) for row in rows]


def _select(viewer: Viewer, bind: Bind, source: str) -> str:
    """That somebody called or wrote belongs to the customer; who sees no calls or tickets at all is not told of any."""
    calls, tickets = viewer.may("calls.read"), viewer.may("tickets.read")
    conversations = viewer.may("conversations.read")
    hidden = [kind for kind, may in (("call", calls), ("ticket", tickets), ("conversation", conversations)) if not may]
    lines = source.format(
        shown=f"AND i.kind <> ALL ({bind(hidden)}::text[])" if hidden else "",
        consents="true" if viewer.may("consents.read") else "false",
    )
    return _SELECT.format(
        source=lines,
        calls=_known(calls_seen_each(viewer, bind, "l")) if calls else "false",
        tickets=_known(tickets_seen_each(viewer, bind)) if tickets else "false",
        conversations=_known(conversations_seen_each(viewer, bind, "v")) if conversations else "false",
        campaigns="true" if viewer.may("campaigns.read") else "false",
    )


def _known(condition: str | None) -> str:
    """A condition as true or false: of a line without a call or ticket it is unknown."""
    return "true" if condition is None else f"COALESCE({condition}, false)"


def _item(keyring: Keyring, row: Row) -> TimelineItem:
    key = None if row["wrapped"] is None else keyring.unwrap(row["key_id"], Wrapped(row["master"], row["wrapped"]))

    def text(table: str, column: str, cipher: bytes | None) -> str | None:
        return None if key is None or cipher is None else keyring.decrypt(key, table, column, row["id"], cipher)

    title = text("purchase", "title_cipher", row["title_cipher"])
    name = text("customer_file", "name_cipher", row["file_name_cipher"])
    return TimelineItem(
        id=row["id"],
        kind=row["kind"],
        at=row["at"],
        direction=row["direction"],
        user_id=row["user_id"],
        user_name=row["user_name"],
        call=_call(row) if row["call_id"] is not None else None,
        note=text("interaction", "note_cipher", row["note_cipher"]),
        ticket=_ticket(row) if row["ticket_id"] is not None else None,
        purchase=_purchase(row, title) if title is not None else None,
        conversation=_conversation(keyring, key, row) if row["conversation_id"] is not None else None,
        file=TimelineFile(row["id"], name, row["media_type"], row["file_bytes"]) if name is not None else None,
        push=_push(row) if row["kind"] == "push" else None,
        consent=TimelineConsent(**row["data"]) if row["kind"] == "consent" else None,
    )


def _push(row: Row) -> TimelinePush:
    """What the campaign is called is for those who see campaigns."""
    data, seen = row["data"], row["campaign_seen"]
    return TimelinePush(
        campaign_id=UUID(data["campaign_id"]),
        number=row["campaign_number"],
        name=(row["campaign_name"] or "") if seen else "",
        channel=data["channel"],
        state=data["state"],
        clicked=data["clicked"],
        opted_out=data["opted_out"],
        seen=seen,
    )


def _conversation(keyring: Keyring, key: PersonalKey | None, row: Row) -> TimelineConversation:
    preview = None
    for message_id, cipher in row["latest"]:
        if key is not None and cipher is not None and row["conversation_seen"]:
            preview = keyring.decrypt(key, "message", "body_cipher", message_id, cipher)[:PREVIEW]
    number = row["conversation_number"]
    return TimelineConversation(
        row["conversation_id"], number, conversation_reference(number), row["channel"], row["conversation_state"],
        row["unanswered_since"] is not None, row["messages"], preview, row["conversation_seen"],
    )  # fmt: skip


def _ticket(row: Row) -> TimelineTicket:
    number = row["ticket_number"]
    return TimelineTicket(
        row["ticket_id"], number, reference(number), row["ticket_kind"], row["ticket_state"], row["ticket_seen"]
    )


def _purchase(row: Row, title: str) -> TimelinePurchase:
    return TimelinePurchase(
        row["id"], row["purchase_kind"], title, row["amount"], row["currency"], row["purchase_state"]
    )


def _call(row: Row) -> TimelineCall:
    waited_until = row["answered_at"] or row["ended_at"]
    return TimelineCall(
        id=row["call_id"],
        state=row["state"],
        disposition=row["disposition"],
        queue=row["queue"],
        withheld=row["caller_withheld"],
        offered_at=row["offered_at"],
        answered_at=row["answered_at"],
        ended_at=row["ended_at"],
        wait_seconds=_seconds(row["offered_at"], waited_until),
        talk_seconds=_seconds(row["answered_at"], row["ended_at"]),
        end_seen=row["end_seen"],
        seen=row["call_seen"],
    )


def _seconds(start: datetime | None, end: datetime | None) -> int | None:
    return None if start is None or end is None else max(0, round((end - start).total_seconds()))
