"""What the pages of a customer share."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from hotline.crm.queries.customers.customers import CustomerView, get_customer
from hotline.web.context import house_of, signed_of
from hotline.web.desktop.forms import uuid_of

#: Lines of a page of a customer's records.
PAGE: Final = 50


async def customer_of(request: web.Request) -> CustomerView:
    """The customer of a page's address. Raises NotFound."""
    house, viewer = house_of(request), signed_of(request).viewer
    return await get_customer(house.db, house.keyring, viewer, uuid_of(request))
