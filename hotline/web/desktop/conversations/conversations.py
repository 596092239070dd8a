"""Conversations: the list, a thread with what is written in it, its files, and beside it whom it is with."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final, cast, get_args
from urllib.parse import urlencode
from uuid import UUID

from aiohttp import web

from hotline.clock import in_utc
from hotline.crm.queries.conversations.conversation_lists import (
    BOXES,
    Box,
    ConversationFilter,
    ListState,
    Place,
    Sort,
    count_boxes,
    list_conversations,
    place_of,
)
from hotline.crm.queries.conversations.conversations import ConversationView, get_conversation
from hotline.crm.queries.conversations.macros import list_macros
from hotline.crm.queries.conversations.messages import list_messages
from hotline.crm.queries.conversations.senders import list_senders
from hotline.crm.queries.customers.tiers import list_tiers
from hotline.crm.queries.people.users import list_users
from hotline.errors import NotFound
from hotline.web import downloads
from hotline.web.context import house_of, signed_of
from hotline.web.desktop.conversations import message_words
from hotline.web.desktop.conversations.conversation_rows import PICTURES, SOUNDS, thread
from hotline.web.desktop.customers import customers
from hotline.web.desktop.forms import uuid_of
from hotline.web.desktop.render import calendar_of, html, is_fragment
from hotline.web.desktop.tickets import ticket_words
from hotline.web.rights import needs
from hotline.workflows.conversations import message_files

PAGE: Final = 40
MESSAGES: Final = 60
MOST_MESSAGES: Final = 200
PEOPLE: Final = 200
OTHERS: Final = 6


@needs("conversations.read")
async def index(request: web.Request) -> web.StreamResponse:
    """The list with nothing opened; a script asks for its rows alone."""
    if is_fragment(request):
        return html(request, "conversation_rows.html", await _list(request, None))
    return html(request, "conversations.html", {**await _list(request, None), **await _nothing(request)})


@needs("conversations.read")
async def show(request: web.Request) -> web.StreamResponse:
    """One conversation beside the list; a script asks for its parts alone."""
    opened = await _thread(request, uuid_of(request))
    if is_fragment(request):
        return html(request, "conversation_parts.html", opened)
    return html(request, "conversations.html", {**await _list(request, opened["conversation"].id), **opened})


@needs("conversations.read")
async def earlier(request: web.Request) -> web.StreamResponse:
    """What was written before a message."""
    house, viewer = house_of(request), signed_of(request).viewer
    conversation_id, before = uuid_of(request), uuid_of(request, "before")
    found = await list_messages(house.db, house.keyring, viewer, conversation_id, limit=MESSAGES + 1, before=before)
    context = {
        "conversation_id": conversation_id,
        "days": thread(found[:MESSAGES][::-1], calendar_of(request)),
        "more": found[MESSAGES - 1].id if len(found) > MESSAGES else None,
        "words": message_words,
    }
    return html(request, "conversation_messages.html", context)


@needs("conversations.read")
async def content(request: web.Request) -> web.StreamResponse:
    """A file of a message: a picture or a sound to be shown here, all else as a download."""
    house, viewer = house_of(request), signed_of(request).viewer
    found, reader = await message_files.open_file(house, viewer, uuid_of(request), uuid_of(request, "file_id"))
    fields = downloads.headers(found.name, found.media_type)
    if found.media_type in PICTURES | SOUNDS and not found.suspicious and "download" not in request.query:
        fields["Content-Disposition"] = "inline"
        fields["Cache-Control"] = "private, max-age=3600"
    return await downloads.send(request, reader, fields)


# The list


async def _list(request: web.Request, opened: UUID | None) -> dict[str, Any]:
    house, viewer = house_of(request), signed_of(request).viewer
    counts = await count_boxes(house.db, viewer)
    chosen = _chosen(request)
    sort = cast(Sort, chosen["sort"])
    found = await list_conversations(
        house.db, house.keyring, viewer,
        ConversationFilter(
            box=cast(Box, chosen["box"]), state=cast(ListState, chosen["state"]), channel=chosen["channel"] or None,
            unanswered=bool(chosen["unanswered"]),
        ),
        limit=PAGE + 1, sort=sort, after=_place(request.query.get("after", "")), text=chosen["q"],
        region=house.settings.region,
    )  # fmt: skip
    place = place_of(found[PAGE - 1], sort) if len(found) > PAGE else None
    tiers = await list_tiers(house.db, viewer) if viewer.may("customers.read") else []
    kept = {name: value for name, value in chosen.items() if value and value != _DEFAULTS[name]}
    return {
        "rows": found[:PAGE],
        "next": None if place is None else f"{place[0].astimezone(UTC).isoformat()}~{place[1]}",
        "after": request.query.get("after", ""),
        "chosen": chosen,
        "query": urlencode(kept),
        "narrowed": bool(kept.keys() - {"box", "sort"}),
        "boxes": [(box, urlencode({**kept, "box": box}), counts[box]) for box in BOXES if box in counts],
        "opened": opened,
        "tiers": {tier.key: tier for tier in tiers},
        "words": message_words,
        "ticket_words": ticket_words,
    }


_DEFAULTS: Final = {"box": "all", "state": "unclosed", "channel": "", "sort": "latest", "unanswered": "", "q": ""}
_ALLOWED: Final = {
    "box": get_args(Box),
    "state": get_args(ListState),
    "channel": ("sms", "whatsapp", "email"),
    "sort": get_args(Sort),
    "unanswered": ("yes",),
}


def _chosen(request: web.Request) -> dict[str, str]:
    """The filters, each with its default where something else was asked for than there is."""
    chosen = {}
    for name, default in _DEFAULTS.items():
        value = request.query.get(name, default).replace("\0", "")[:200]
        chosen[name] = value if name == "q" or value in _ALLOWED[name] else default
    return chosen


def _place(text: str) -> Place | None:
    at, _, conversation_id = text.partition("~")
    try:
        moment = datetime.fromisoformat(at)
        return (in_utc(moment), UUID(conversation_id)) if moment.tzinfo is not None else None
    except ValueError:
        return None


# A thread


async def _nothing(request: web.Request) -> dict[str, Any]:
    """What stands where no conversation is opened: how to begin, and what is missing for it."""
    house, viewer = house_of(request), signed_of(request).viewer
    senders = [sender for sender in await list_senders(house.db, viewer) if sender.channel != "voice"]
    return {"conversation": None, "senders": senders, "macros": []}


async def _thread(request: web.Request, conversation_id: UUID) -> dict[str, Any]:
    """One conversation with its latest messages, and whom it is with. Raises NotFound."""
    house, viewer = house_of(request), signed_of(request).viewer
    db, keyring = house.db, house.keyring
    conversation = await get_conversation(db, keyring, viewer, conversation_id)
    wanted = request.query.get("messages", "")
    most = min(MOST_MESSAGES, int(wanted)) if wanted.isascii() and wanted.isdecimal() and len(wanted) < 5 else MESSAGES
    found = await list_messages(db, keyring, viewer, conversation.id, limit=most + 1)
    may_write = viewer.may("conversations.write")
    people = []
    if viewer.may("conversations.assign") and viewer.may("users.read"):
        people = await list_users(db, viewer, limit=PEOPLE, with_disabled=False)
    newest = next((message for message in found if message.kind != "note"), None)
    return {
        "conversation": conversation,
        "days": thread(found[:most][::-1], calendar_of(request)),
        "shown": min(len(found), most),
        "more": found[most - 1].id if len(found) > most else None,
        "newest": newest,
        "first": next((message.body for message in found if message.direction == "in"), ""),
        "mine": conversation.assignee_id is not None and conversation.assignee_id == viewer.user_id,
        "may_write": may_write and not conversation.erased,
        "window_open": conversation.window_until is None or conversation.window_until > house.clock(),
        "people": sorted(people, key=lambda user: user.name.casefold()),
        "macros": await list_macros(db, viewer, channel=conversation.channel) if may_write else [],
        "record": await _record(request, conversation),
        "others": await _others(request, conversation),
        "words": message_words,
        "ticket_words": ticket_words,
    }


async def _record(request: web.Request, conversation: ConversationView) -> dict[str, Any] | None:
    """The customer's record as the desk shows it; None while it is nobody's, or nobody that the viewer sees."""
    if conversation.customer is None:
        return None
    try:
        return await customers.record(request, conversation.customer.id)
    except NotFound:
        return None


async def _others(request: web.Request, conversation: ConversationView) -> list[ConversationView]:
    """The customer's other conversations, the latest first."""
    if conversation.customer is None:
        return []
    house, viewer = house_of(request), signed_of(request).viewer
    chosen = ConversationFilter(state="any", customer_id=conversation.customer.id)
    found = await list_conversations(house.db, house.keyring, viewer, chosen, limit=OTHERS + 1)
    return [each for each in found if each.id != conversation.id][:OTHERS]


def setup(app: web.Application) -> None:
    """Adds the routes."""
    app.router.add_get("/conversations", index)
    app.router.add_get("/conversations/{id}", show)
    app.router.add_get("/conversations/{id}/before/{before}", earlier)
    app.router.add_get("/conversations/{id}/files/{file_id}", content)
