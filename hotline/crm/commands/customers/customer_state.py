"""What a customer's record holds, as plain values field by field: what its history compares and keeps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from hotline.crm.queries.customers.customer_views import SELECT, CustomerView, customer_view
from hotline.crm.unit_of_work import UnitOfWork
from hotline.crm.viewer import SYSTEM
from hotline.errors import NotFound


async def read_state(uow: UnitOfWork, customer_id: UUID) -> dict[str, Any]:
    """The record's fields with their values, as they are in this unit of work."""
    row = await uow.fetchrow(f"{SELECT} WHERE c.id = $1", customer_id)
    if row is None:
        raise NotFound()
    return state_of(customer_view(uow.keyring, SYSTEM, row))


def state_of(view: CustomerView) -> dict[str, Any]:
    """A record's fields with their values; what is not there is left out."""
    state = {
        "kind": view.kind,
        "name": view.name,
        "locale": view.locale,
        "tier": view.tier.key if view.tier is not None else None,
        "classification": view.classification,
        "responsible": str(view.responsible_id) if view.responsible_id is not None else None,
        "tags": sorted(view.tags, key=str.casefold) or None,
        "contact_points": [
            {"id": str(point.id), "kind": point.kind, "value": point.value, "label": point.label,
             "country": point.country}
            for point in view.contact_points
        ] or None,
        "addresses": [
            {"id": str(address.id), "label": address.label, "text": address.text, "country": address.country}
            for address in view.addresses
        ] or None,
        **{f"preferences.{key}": value for key, value in view.preferences.items()},
        **{f"custom.{key}": value for key, value in view.custom.items()},
    }  # fmt: skip
    return {field: value for field, value in state.items() if value is not None}


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """The fields that differ, each with both values; None where there is none."""
    return {
        field: (before.get(field), after.get(field))
        for field in dict.fromkeys((*before, *after))
        if before.get(field) != after.get(field)
    }
