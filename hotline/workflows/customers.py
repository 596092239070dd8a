"""Creating and changing customers, and notes about them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, TypedDict
from uuid import UUID

from hotline.crm.commands import bulk, notes
from hotline.crm.commands import customers as commands
from hotline.crm.commands.bulk import BulkCustomer
from hotline.crm.commands.customers import AddressData, ContactPointData
from hotline.crm.commands.idempotency import Idempotency, claim
from hotline.crm.queries.customers import CustomerView, get_customer
from hotline.crm.viewer import Viewer
from hotline.customers import contact_points
from hotline.customers.json_fields import json_object
from hotline.customers.text import many_lines, one_line
from hotline.errors import Forbidden, Invalid
from hotline.workflows.house import House

LONGEST_NAME: Final = 200
LONGEST_LABEL: Final = 100
LONGEST_ADDRESS: Final = 1_000
LONGEST_TAG: Final = 64
LONGEST_NOTE: Final = 20_000
LONGEST_CUSTOM: Final = 20_000
MOST_CONTACT_POINTS: Final = 50
MOST_ADDRESSES: Final = 20
MOST_TAGS: Final = 50

_LOCALE: Final = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,2}")
_COUNTRY: Final = re.compile(r"[A-Z]{2}")


class ContactPointInput(TypedDict, total=False):
    """A contact point as a person typed it. With an ``id`` and no value, that one stays."""

    id: UUID | None
    kind: str
    value: str
    label: str


class AddressInput(TypedDict, total=False):
    """A postal address. With an ``id`` and no text, that one's text stays."""

    id: UUID | None
    label: str
    text: str | None
    country: str | None


class CustomerChanges(TypedDict, total=False):
    """What may change about a customer; lists replace the whole list, and what stays in it keeps its id."""

    kind: str
    name: str
    locale: str | None
    tier: str | None
    responsible_id: UUID | None
    tags: Sequence[str]
    contact_points: Sequence[ContactPointInput]
    addresses: Sequence[AddressInput]
    custom: Mapping[str, Any]


NewCustomer = CustomerChanges


async def create_customer(
    house: House, viewer: Viewer, data: NewCustomer, idempotency: Idempotency | None = None
) -> CustomerView:
    """Add a customer; ``name`` at least. The same ``idempotency`` key answers the same customer again."""
    viewer.require("customers.write")
    fields = _cleaned(house, data)
    name = fields.pop("name", None) or one_line("", "name", LONGEST_NAME, needed=True)
    async with house.unit(viewer) as uow:
        customer_id = uow.new_id()
        earlier = await claim(uow, idempotency, customer_id)
        if earlier is None:
            kind = fields.pop("kind", "person")
            await commands.create_customer(uow, customer_id, kind=kind, name=name, **fields)
        return await get_customer(uow, uow.keyring, _reader(viewer), earlier or customer_id)


async def update_customer(
    house: House,
    viewer: Viewer,
    customer_id: UUID,
    changes: CustomerChanges,
    expected_version: int | None = None,
) -> CustomerView:
    """Change a customer. Raises NotFound, Invalid, or Conflict when ``expected_version`` is no longer the
    present."""
    viewer.require("customers.write")
    fields = _cleaned(house, changes)
    async with house.unit(viewer) as uow:
        customer = await commands.lock_customer(uow, customer_id, expected_version)
        await commands.update_customer(uow, customer, fields)
        return await get_customer(uow, uow.keyring, _reader(viewer), customer_id)


async def load_customers(
    house: House,
    viewer: Viewer,
    customers: Iterable[BulkCustomer],
    progress: Callable[[int], None] | None = None,
) -> int:
    """Load many customers at once, cleaned and normalised already; answers how many. No event is told."""
    viewer.require("customers.write")
    return await bulk.load_customers(
        house.db,
        house.keyring,
        viewer,
        customers,
        now=house.clock(),
        new_id=house.new_id,
        progress=progress,
    )


async def write_note(
    house: House,
    viewer: Viewer,
    note_id: UUID,
    text: str,
    customer_id: UUID | None = None,
    call_id: UUID | None = None,
) -> UUID:
    """Write a note about a customer, a call or both; with the id of one's earlier note, its text is
    rewritten."""
    viewer.require("calls.write")
    if customer_id is None and call_id is None:
        raise Invalid("customer_id: a note is about a customer or a call.")
    cleaned = many_lines(text, "text", LONGEST_NOTE, needed=True)
    async with house.unit(viewer) as uow:
        if call_id is not None and viewer.scope_of("calls") != "all" and not await notes.took_part(uow, call_id):
            raise Forbidden("This is somebody else's call.")
        await notes.write_note(uow, note_id, cleaned, customer_id, call_id)
    return note_id


def _reader(viewer: Viewer) -> Viewer:
    """Who may write a customer is shown what they wrote, masks included."""
    if viewer.may("customers.read"):
        return viewer
    return replace(viewer, permissions=viewer.permissions | {"customers.read"})


def _cleaned(house: House, data: CustomerChanges) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    if "kind" in data:
        if data["kind"] not in ("person", "organisation"):
            raise Invalid("kind: expected person or organisation.")
        fields["kind"] = data["kind"]
    if "name" in data:
        fields["name"] = one_line(data["name"], "name", LONGEST_NAME, needed=True)
    if "locale" in data:
        fields["locale"] = _matching(data["locale"], "locale", _LOCALE, "a language, for example en or zh-CN")
    if "tier" in data:
        fields["tier"] = one_line(data["tier"] or "", "tier", 32) or None
    if "responsible_id" in data:
        fields["responsible_id"] = data["responsible_id"]
    if "custom" in data:
        fields["custom"] = json_object(data["custom"], "custom", LONGEST_CUSTOM)
    if "tags" in data:
        _bounded(data["tags"], "tags", MOST_TAGS)
        fields["tags"] = [one_line(tag, "tags", LONGEST_TAG, needed=True) for tag in data["tags"]]
    if "contact_points" in data:
        _bounded(data["contact_points"], "contact_points", MOST_CONTACT_POINTS)
        region = house.settings.region
        fields["contact_points"] = [
            _contact_point(point, f"contact_points[{at}]", region) for at, point in enumerate(data["contact_points"])
        ]
    if "addresses" in data:
        _bounded(data["addresses"], "addresses", MOST_ADDRESSES)
        fields["addresses"] = [_address(address, f"addresses[{at}]") for at, address in enumerate(data["addresses"])]
    return fields


def _contact_point(point: ContactPointInput, field: str, region: str) -> ContactPointData:
    label = one_line(point.get("label") or "", f"{field}.label", LONGEST_LABEL)
    kept = point.get("id")
    if kept is not None and not point.get("value"):
        return ContactPointData(None, None, label, kept)
    kind = point.get("kind", "phone")
    if kind not in contact_points.KINDS:
        raise Invalid(f"{field}.kind: expected one of {', '.join(contact_points.KINDS)}.")
    value = contact_points.normalise(kind, point.get("value") or "", region, f"{field}.value")
    return ContactPointData(kind, value, label)


def _address(address: AddressInput, field: str) -> AddressData:
    text = address.get("text")
    return AddressData(
        text=many_lines(text, f"{field}.text", LONGEST_ADDRESS) or None if text else None,
        label=one_line(address.get("label") or "", f"{field}.label", LONGEST_LABEL),
        country=_matching(
            address.get("country"), f"{field}.country", _COUNTRY, "a country as two letters, for example CN"
        ),
        id=address.get("id"),
    )


def _matching(text: str | None, field: str, shape: re.Pattern[str], expected: str) -> str | None:
    if not text:
        return None
    if not shape.fullmatch(text):
        raise Invalid(f"{field}: expected {expected}.")
    return text


def _bounded(values: Sequence[object], field: str, most: int) -> None:
    if isinstance(values, str) or len(values) > most:
        raise Invalid(f"{field}: a list of at most {most}.")
