"""The page of a ticket's custom fields."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from hotline.crm.queries.tickets.tickets import TicketView, get_ticket
from hotline.errors import Conflict, Forbidden, HotlineError, Invalid
from hotline.web.context import house_of, signed_of
from hotline.web.desktop.customers.custom_forms import (
    custom_errors,
    custom_typed,
    custom_values,
    custom_written,
    offered,
)
from hotline.web.desktop.forms import form_of, uuid_of, version_of
from hotline.web.desktop.render import html, see_other
from hotline.web.rights import needs
from hotline.workflows.tickets import tickets as workflow


@needs("tickets.write")
async def edit(request: web.Request) -> web.StreamResponse:
    """The form of a ticket's custom fields."""
    ticket = await _ticket(request)
    return await _form(request, ticket, await custom_written(request, "ticket", ticket.custom))


@needs("tickets.write")
async def update(request: web.Request) -> web.StreamResponse:
    """Changes them, or shows the form again with what is wrong."""
    ticket = await _ticket(request)
    form = await form_of(request)
    try:
        changes: Any = {"custom": await custom_values(request, form, "ticket", "ticket")}
        house, viewer = house_of(request), signed_of(request).viewer
        await workflow.change_ticket(house, viewer, ticket.id, changes, version_of(form))
    except (Invalid, Conflict, Forbidden) as error:
        return await _form(request, ticket, await custom_typed(request, form, "ticket"), error)
    return see_other(f"/tickets/{ticket.id}")


async def _ticket(request: web.Request) -> TicketView:
    house, viewer = house_of(request), signed_of(request).viewer
    return await get_ticket(house.db, house.keyring, viewer, uuid_of(request))


async def _form(
    request: web.Request, ticket: TicketView, values: Mapping[str, Any], error: HotlineError | None = None
) -> web.Response:
    context = {
        "ticket": ticket,
        "values": {"custom": values},
        "customs": await offered(request, "ticket"),
        "errors": custom_errors(request, error) if error else {},
        "returned": error is not None,
    }
    return html(request, "ticket_fields.html", context, status=error.status if error else 200)


def setup(app: web.Application) -> None:
    """Adds the routes."""
    app.router.add_get("/tickets/{id}/fields", edit)
    app.router.add_post("/tickets/{id}/fields", update)
