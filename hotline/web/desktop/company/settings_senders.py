"""Settings: the company's own numbers and addresses, which is whose default, and where who reaches them goes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from aiohttp import web

from hotline.crm.queries.conversations.senders import CHANNELS, SenderView, get_sender, list_senders
from hotline.errors import Conflict, HotlineError, Invalid
from hotline.web.context import house_of, signed_of
from hotline.web.desktop.company.settings_words import SECTIONS
from hotline.web.desktop.conversations import message_words
from hotline.web.desktop.forms import Form, field, form_of, problems, uuid_of, version_of
from hotline.web.desktop.render import html, see_other
from hotline.web.rights import needs
from hotline.workflows.company import senders as workflow


@needs("settings.read")
async def index(request: web.Request) -> web.StreamResponse:
    """Every sender by channel, in their order."""
    house, viewer = house_of(request), signed_of(request).viewer
    found = await list_senders(house.db, viewer)
    firsts: dict[tuple[str, str | None], SenderView] = {}
    for sender in found:
        if sender.enabled:
            firsts.setdefault((sender.channel, sender.country), sender)
    order = [str(sender.id) for sender in found]
    context = {
        "page": "senders",
        "words": SECTIONS,
        "message_words": message_words,
        "groups": [(channel, [each for each in found if each.channel == channel]) for channel in CHANNELS],
        "defaults": {sender.id for sender in firsts.values()},
        "done": request.query.get("done", ""),
        "order": order,
        "moves": {each.id: _moved_up(order, at) for at, each in enumerate(found) if at},
    }
    return html(request, "settings_senders.html", context)


@needs("settings.write")
async def new(request: web.Request) -> web.StreamResponse:
    """The form of a sender that no provider lists."""
    values = {"channel": "sms", "address": "", "name": "", "country": "", "flow": "", "queue": "", "enabled": "yes"}
    return _form(request, None, values)


@needs("settings.write")
async def create(request: web.Request) -> web.StreamResponse:
    """Adds the sender, or shows the form again with what is wrong."""
    typed = _typed(await form_of(request))
    made: Any = {**_changes(typed), "channel": typed["channel"], "address": typed["address"]}
    del made["enabled"]
    try:
        await workflow.create_sender(house_of(request), signed_of(request).viewer, made)
    except (Invalid, Conflict) as error:
        return _form(request, None, typed, error)
    return see_other("/settings/senders?done=created")


@needs("settings.read")
async def show(request: web.Request) -> web.StreamResponse:
    """A sender: to be changed, or to be read by who may not."""
    sender = await get_sender(house_of(request).db, signed_of(request).viewer, uuid_of(request))
    values = {
        "channel": sender.channel, "address": sender.address, "name": sender.name, "country": sender.country or "",
        "flow": sender.flow or "", "queue": sender.queue or "", "enabled": "yes" if sender.enabled else "",
    }  # fmt: skip
    return _form(request, sender, values)


@needs("settings.write")
async def update(request: web.Request) -> web.StreamResponse:
    """Changes the sender, or shows the form again with what is wrong."""
    house, viewer = house_of(request), signed_of(request).viewer
    sender = await get_sender(house.db, viewer, uuid_of(request))
    form = await form_of(request)
    typed = {**_typed(form), "channel": sender.channel, "address": sender.address}
    try:
        await workflow.change_sender(house, viewer, sender.id, _changes(typed), version_of(form))
    except (Invalid, Conflict) as error:
        return _form(request, sender, typed, error)
    return see_other("/settings/senders?done=saved")


def _moved_up(order: Sequence[str], at: int) -> list[str]:
    """The order in which the one at this place has changed places with the one before."""
    return [*order[: at - 1], order[at], order[at - 1], *order[at + 1 :]]


def _typed(form: Form) -> dict[str, str]:
    return {
        name: field(form, name, 300).strip()
        for name in ("channel", "address", "name", "country", "flow", "queue", "enabled")
    }


def _changes(typed: Mapping[str, str]) -> workflow.SenderChanges:
    return {
        "name": typed["name"],
        "country": typed["country"] or None,
        "flow": typed["flow"] or None,
        "queue": typed["queue"] or None,
        "enabled": bool(typed["enabled"]),
    }


def _form(
    request: web.Request, sender: SenderView | None, values: Mapping[str, str], error: HotlineError | None = None
) -> web.Response:
    context = {
        "page": "senders",
        "words": SECTIONS,
        "message_words": message_words,
        "sender": sender,
        "values": values,
        "channels": CHANNELS,
        "flows": house_of(request).flows.names,
        "errors": problems(request, error) if error else {},
        "returned": error is not None,
        "may": signed_of(request).viewer.may("settings.write"),
    }
    return html(request, "settings_sender.html", context, status=error.status if error else 200)


def setup(app: web.Application) -> None:
    """Adds the routes."""
    app.router.add_get("/settings/senders", index)
    app.router.add_get("/settings/senders/new", new)
    app.router.add_post("/settings/senders/new", create)
    app.router.add_get("/settings/senders/{id}", show)
    app.router.add_post("/settings/senders/{id}", update)
