"""The page of a customer's files."""

from __future__ import annotations

from aiohttp import web

from hotline.crm.queries.customers.customer_files import list_files
from hotline.customers.file_types import lies
from hotline.web.context import house_of, signed_of
from hotline.web.desktop.customers.customer_pages import PAGE, customer_of
from hotline.web.desktop.customers.customer_values import speaker
from hotline.web.desktop.forms import id_of
from hotline.web.desktop.render import html
from hotline.web.rights import needs


@needs("customers.read")
async def files(request: web.Request) -> web.StreamResponse:
    """The customer's files."""
    house, viewer = house_of(request), signed_of(request).viewer
    customer = await customer_of(request)
    after = id_of(request.query.get("after", ""))
    found = await list_files(house.db, house.keyring, viewer, customer.id, limit=PAGE + 1, after=after)
    context = {
        "customer": customer,
        "files": found[:PAGE],
        "next": found[PAGE - 1].id if len(found) > PAGE else None,
        "after": after,
        "lies": lies,
        "speak": await speaker(request),
    }
    return html(request, "customer_files.html", context)


def setup(app: web.Application) -> None:
    """Adds the routes."""
    app.router.add_get("/customers/{id}/files", files)
