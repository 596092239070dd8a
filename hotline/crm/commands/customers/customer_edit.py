"""Changes that began from an older version of a customer: what others changed since, put together with them."""

from __future__ import annotations

import json
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol
from uuid import UUID

from hotline import phone
from hotline.crm.commands.customers.customer_parts import AddressData, ContactPointData, Owner
from hotline.crm.unit_of_work import UnitOfWork
from hotline.customers.contact_points import ContactValue
from hotline.customers.three_way import (
    Decided,
    EditConflict,
    FieldConflict,
    Side,
    merge_items,
    merge_set,
    merge_value,
)
from hotline.errors import Conflict, Invalid

_SINCE: Final = """
SELECT h.id, h.version, h.at, h.field, h.from_cipher, h.user_id, u.name AS user_name
FROM customer_change h LEFT JOIN users u ON u.id = h.user_id
WHERE h.customer_id = $1 AND h.version > $2 AND h.key_id IS NULL ORDER BY h.version, h.id LIMIT $3
"""
#: An edit that began before more changes than these begins anew.
_MOST: Final = 2_000

#: What is one field in a change, and one per key in the history.
_OBJECTS: Final = ("preferences", "custom")


class Versioned(Owner, Protocol):
    """A locked customer."""

    @property
    def version(self) -> int: ...


@dataclass(frozen=True, slots=True)
class _Since:
    """What a field was at the base, and who changed it last since."""

    base: Any
    by: UUID | None
    by_name: str | None
    at: datetime
    version: int


async def merged_changes(
    uow: UnitOfWork,
    customer: Versioned,
    now: Mapping[str, Any],
    changes: Mapping[str, Any],
    base_version: int,
    decided: Decided | None = None,
) -> dict[str, Any]:
    """``changes``, made against ``base_version``, as they are to be written over what the record holds ``now``.

    ``decided`` says whose value stays where both changed one, unless that changed again since. Raises EditConflict,
    and Conflict when not every version since is in the history.
    """
    since = await _changed_since(uow, customer, base_version)
    merged: dict[str, Any] = {}
    conflicts: list[FieldConflict] = []

    def side(field: str) -> Side | None:
        last = since.get(field)
        seen = decided is not None and last is not None and last.version <= decided.version
        return decided.sides.get(field) if seen and decided is not None else None

    def put(field: str, base: Any, yours: Any, theirs: Any, clash: bool) -> None:
        if clash and side(field) is None:
            last = since[field]
            conflicts.append(FieldConflict(field, base, yours, theirs, last.by, last.by_name, last.at))

    for field, wanted in changes.items():
        if field in _OBJECTS:
            kept = {}
            for key, value in wanted.items():
                name = f"{field}.{key}"
                theirs = now.get(name)
                base = since[name].base if name in since else theirs
                kept[key], clash = merge_value(base, value, theirs, side(name) or "theirs")
                put(name, base, value, theirs, clash)
            merged[field] = kept
            continue
        name = "responsible" if field == "responsible_id" else field
        if name not in since:
            merged[field] = wanted
            continue
        base, theirs = since[name].base, now.get(name)
        if field == "contact_points":
            points = _points(wanted, base or (), theirs or ())
            items, clash = merge_items(base or (), points, theirs or (), _same_point, side(name) or "theirs")
            put(name, base, points, theirs, clash)
            merged[field] = [_point_data(item, theirs or ()) for item in items]
        elif field == "addresses":
            addresses = _addresses(wanted, base or ())
            items, clash = merge_items(base or (), addresses, theirs or (), _same_address, side(name) or "theirs")
            put(name, base, addresses, theirs, clash)
            merged[field] = [_address_data(item, theirs or ()) for item in items]
        elif field == "tags":
            merged[field] = _merged_tags(base or (), wanted, theirs or ())
        else:
            yours = str(wanted) if isinstance(wanted, UUID) else wanted
            value, clash = merge_value(base, yours, theirs, side(name) or "theirs")
            put(name, base, yours, theirs, clash)
            merged[field] = UUID(value) if field == "responsible_id" and value is not None else value
    if conflicts:
        raise EditConflict(conflicts)
    return merged


async def _changed_since(uow: UnitOfWork, customer: Versioned, base_version: int) -> dict[str, _Since]:
    rows = await uow.fetch(_SINCE, customer.id, base_version, _MOST)
    noted = {row["version"] for row in rows}
    if not 1 <= base_version < customer.version or noted != set(range(base_version + 1, customer.version + 1)):
        raise Conflict()
    since: dict[str, _Since] = {}
    for row in rows:
        field = row["field"]
        if field in since:
            base = since[field].base
        elif row["from_cipher"] is None:
            base = None
        else:
            text = uow.keyring.decrypt(customer.key, "customer_change", "from_cipher", row["id"], row["from_cipher"])
            base = json.loads(text)
        since[field] = _Since(base, row["user_id"], row["user_name"], row["at"], row["version"])
    return since


def _merged_tags(base: Sequence[str], wanted: Sequence[str], theirs: Sequence[str]) -> list[str]:
    # Tags are the same whatever their case; the spelling that is kept is the tag's own.
    known = {tag.casefold(): tag for tag in (*wanted, *base, *theirs)}
    merged = merge_set(*([tag.casefold() for tag in tags] for tags in (base, wanted, theirs)))
    return [known[tag] for tag in merged]


def _points(
    wanted: Sequence[ContactPointData], base: Sequence[Mapping[str, Any]], theirs: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Contact points that somebody wants, as the history writes them."""
    by_id = {item["id"]: item for item in (*theirs, *base)}
    by_value = {(item["kind"], item["value"]): item for item in (*theirs, *base)}
    items = []
    for place, point in enumerate(wanted):
        if point.value is None or point.kind is None:
            known = by_id.get(str(point.id))
            if known is None:
                raise Invalid(f"contact_points[{place}].id: there is no such contact point.")
        else:
            value = {"kind": point.kind, "value": point.value.value, "country": point.value.country}
            known = {"id": None, **by_value.get((point.kind, point.value.value), value)}
        items.append({**known, "label": point.label})
    return items


def _point_data(item: Mapping[str, Any], theirs: Sequence[Mapping[str, Any]]) -> ContactPointData:
    if item["id"] is not None and any(item["id"] == other["id"] for other in theirs):
        return ContactPointData(None, None, item["label"], UUID(item["id"]))
    value = item["value"]
    suffixes = phone.suffixes(value) if item["kind"] in ("phone", "whatsapp") else ()
    return ContactPointData(item["kind"], ContactValue(value, item["country"], suffixes), item["label"])


def _same_point(item: Mapping[str, Any]) -> Hashable:
    return item["kind"], item["value"]


def _addresses(wanted: Sequence[AddressData], base: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    by_id = {item["id"]: item for item in base}
    items = []
    for place, address in enumerate(wanted):
        known = by_id.get(str(address.id), {"id": None, "text": None})
        text = known["text"] if address.text is None else address.text
        if text is None:
            raise Invalid(f"addresses[{place}].text: something must stand here.")
        items.append({**known, "label": address.label, "text": text, "country": address.country})
    return items


def _address_data(item: Mapping[str, Any], theirs: Sequence[Mapping[str, Any]]) -> AddressData:
    there = item["id"] is not None and any(item["id"] == other["id"] for other in theirs)
    return AddressData(item["text"], item["label"], item["country"], UUID(item["id"]) if there else None)


def _same_address(item: Mapping[str, Any]) -> Hashable:
    return item["id"] or (item["label"], item["text"])
