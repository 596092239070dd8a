"""What may come in about a customer, cleaned and normalised for ``crm.commands.customers.customers``."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, TypedDict
from uuid import UUID

from hotline.crm.commands.customers.customers import AddressData, ContactPointData
from hotline.crm.viewer import Viewer
from hotline.customers import contact_points, custom_fields, preferences
from hotline.customers.text import many_lines, one_line
from hotline.errors import Forbidden, Invalid
from hotline.workflows.company import fields as fields_of
from hotline.workflows.company import lists
from hotline.workflows.house import House

LONGEST_LOGIN: Final = 150
LONGEST_NAME: Final = 200
LONGEST_LABEL: Final = 100
LONGEST_ADDRESS: Final = 1_000
LONGEST_TAG: Final = 64
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
    """What may change about a customer; lists replace the whole list, and what stays in it keeps its id.

    ``custom`` and ``preferences`` change key by key: None takes one away. ``responsible`` is a login.
    """

    kind: str
    name: str
    locale: str | None
    tier: str | None
    responsible_id: UUID | None
    tags: Sequence[str]
    contact_points: Sequence[ContactPointInput]
    addresses: Sequence[AddressInput]
    custom: Mapping[str, Any]
    responsible: str | None
    classification: str | None
    preferences: Mapping[str, Any]


async def cleaned(house: House, data: CustomerChanges, *, viewer: Viewer, complete: bool = False) -> dict[str, Any]:
    """The fields as ``crm.commands.customers.customers`` takes them. ``complete``: nothing that a custom field
    requires is missing. Raises Invalid, which names the field, and Forbidden for fields that the viewer may not see."""
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
    if "responsible" in data:
        fields["responsible"] = one_line(data["responsible"] or "", "responsible", LONGEST_LOGIN) or None
    if "classification" in data:
        fields["classification"] = await _classification(house, data["classification"])
    if "preferences" in data:
        fields["preferences"] = preferences.clean(data["preferences"])
    if "custom" in data or complete:
        fields["custom"] = await _custom(house, data, viewer, complete)
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


async def _classification(house: House, key: str | None) -> str | None:
    if not key:
        return None
    # An archived one is offered no more, but who has it keeps it.
    if (await lists.load(house)).get("classification", key) is None:
        raise Invalid("classification: the list classification does not offer this.")
    return key


async def _custom(house: House, data: CustomerChanges, viewer: Viewer, complete: bool) -> dict[str, Any]:
    known = [each for each in (await fields_of.load(house)).fields if each.target == "customer"]
    values = data.get("custom", {})
    if "private" in viewer.masks and any(each.private and each.key in values for each in known):
        raise Forbidden("Your role does not see private fields.")
    kept = custom_fields.clean(known, values, region=house.settings.region)
    if complete:
        kind = data.get("kind", "person")
        wanted = [each for each in known if each.record in ("customer", kind) and not each.archived]
        # Who may not see a private field cannot be asked for it.
        custom_fields.check_complete(
            [each for each in wanted if not (each.private and "private" in viewer.masks)], kept
        )
    return kept
