"""Showing in full what a viewer sees in part: a click of theirs, on the record."""

from __future__ import annotations

from dataclasses import replace
from typing import Final
from uuid import UUID

from hotline.crm.queries.customers.customer_views import MASK_OF, ContactPointView
from hotline.crm.queries.customers.customers import get_customer
from hotline.crm.viewer import Viewer
from hotline.errors import NotFound
from hotline.workflows.house import House

_MASKS: Final = frozenset(MASK_OF.values())


async def reveal_contact_point(house: House, viewer: Viewer, customer_id: UUID, point_id: UUID) -> ContactPointView:
    """A number or address in full, for who sees the customer; the audit trail says who looked. Raises NotFound."""
    viewer.require("customers.reveal")
    async with house.unit(viewer) as uow:
        whole = replace(viewer, masks=viewer.masks - _MASKS)
        customer = await get_customer(uow, house.keyring, whole, customer_id)
        point = next((each for each in customer.contact_points if each.id == point_id), None)
        if point is None:
            raise NotFound()
        uow.audit("customer:revealed", customer.id, contact_point_id=point.id, kind=point.kind)
    return point
