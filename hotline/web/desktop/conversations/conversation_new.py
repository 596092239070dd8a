"""Writing to somebody first: over which channel, to whom, from which of the company's numbers and addresses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from aiohttp import web

from hotline.crm.queries.conversations.senders import list_senders
from hotline.crm.queries.customers.customers import get_customer
from hotline.errors import Conflict, HotlineError, Invalid
from hotline.web.context import house_of, signed_of
from hotline.web.desktop.conversations import message_words
from hotline.web.desktop.forms import field, form_of, id_of, needed_id_of, once_of, problems
from hotline.web.desktop.render import html, see_other
from hotline.web.rights import needs
from hotline.workflows.conversations import replies
from hotline.workflows.conversations.replies import NewConversation

#: A customer's kinds of contact points that a channel reaches.
REACHES: Final[Mapping[str, tuple[str, ...]]] = {
    "sms": ("phone", "whatsapp"), "whatsapp": ("whatsapp", "phone"), "email": ("email",),
}  # fmt: skip
_TYPED: Final = ("channel", "address", "customer", "sender", "subject", "ticket")


@needs("conversations.write")
async def new(request: web.Request) -> web.StreamResponse:
    """The form, for a customer where the address names one."""
    return await _form(request, {name: request.query.get(name, "")[:300] for name in _TYPED})


@needs("conversations.write")
async def create(request: web.Request) -> web.StreamResponse:
    """Opens the conversation, where the first message is written."""
    house, viewer = house_of(request), signed_of(request).viewer
    form = await form_of(request)
    typed = {name: field(form, name, 300).strip() for name in _TYPED}
    try:
        made = NewConversation(
            channel=typed["channel"],  # type: ignore[arg-type]
            address=typed["address"] or None,
            customer_id=id_of(typed["customer"]),
            sender_id=id_of(typed["sender"]),
            subject=typed["subject"] or None,
            ticket_id=id_of(typed["ticket"]),
        )
        conversation_id = await replies.begin(house, viewer, made, once_of(request, form))
    except (Invalid, Conflict) as error:
        return await _form(request, typed, error)
    return see_other(f"/conversations/{conversation_id}")


async def _form(request: web.Request, typed: Mapping[str, str], error: HotlineError | None = None) -> web.Response:
    house, viewer = house_of(request), signed_of(request).viewer
    senders = [each for each in await list_senders(house.db, viewer) if each.enabled and each.channel in REACHES]
    customer = None
    if typed["customer"] and viewer.may("customers.read"):
        customer = await get_customer(house.db, house.keyring, viewer, needed_id_of(typed["customer"]))
    there = [channel for channel in REACHES if any(sender.channel == channel for sender in senders)]
    reached = {
        channel: [point for point in customer.contact_points if point.kind in kinds] if customer else []
        for channel, kinds in REACHES.items()
    }
    chosen = typed["channel"] if typed["channel"] in there else ""
    if not chosen:
        chosen = next((channel for channel in there if reached[channel]), there[0] if there else "")
    context: dict[str, Any] = {
        "values": {**typed, "channel": chosen},
        "channels": there,
        "senders": senders,
        "customer": customer,
        "reached": reached,
        "errors": problems(request, error) if error else {},
        "returned": error is not None,
        "words": message_words,
    }
    return html(request, "conversation_new.html", context, status=error.status if error else 200)


def setup(app: web.Application) -> None:
    """Adds the routes."""
    app.router.add_get("/conversations/new", new)
    app.router.add_post("/conversations/new", create)
