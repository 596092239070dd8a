"""Taking back what was changed about a customer: what was there before is written anew, as a change like any other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from hotline import phone
from hotline.crm.commands.customers import customers as commands
from hotline.crm.commands.customers.customer_state import read_state
from hotline.crm.commands.customers.customers import AddressData, ContactPointData
from hotline.crm.queries.customers.customer_history import ChangeView, changes_of_version
from hotline.crm.queries.customers.customers import CustomerView, get_customer
from hotline.crm.viewer import Viewer
from hotline.customers.contact_points import ContactValue
from hotline.customers.three_way import EditConflict, FieldConflict, merge_items, merge_set, merge_value
from hotline.errors import Forbidden, NotFound
from hotline.workflows.customers.customers import reader_of
from hotline.workflows.house import House


async def revert_change(
    house: House, viewer: Viewer, customer_id: UUID, change_id: UUID, *, whole: bool = False
) -> CustomerView:
    """Take back one changed field, or with ``whole`` all that was changed at once with it. What came since stays.

    Raises NotFound, Forbidden for what the viewer does not see whole, and EditConflict for a field that was changed
    again since.
    """
    viewer.require("customers.write")
    async with house.unit(viewer) as uow:
        customer = await commands.lock_customer(uow, customer_id)
        found = await changes_of_version(uow, uow.keyring, reader_of(viewer), customer.id, change_id)
        chosen = [change for change in found if whole or change.id == change_id]
        if not chosen:
            raise NotFound()
        wanted = [change for change in chosen if change.revertible]
        if not wanted or (len(wanted) < len(chosen) and not whole):
            raise Forbidden("This change cannot be taken back here, or you see it in part only.")
        now = await read_state(uow, customer.id)
        changes = _taken_back(wanted, now)
        await commands.update_customer(uow, customer, changes, source="undo", source_id=change_id)
        return await get_customer(uow, uow.keyring, reader_of(viewer), customer_id)


def _taken_back(wanted: Sequence[ChangeView], now: Mapping[str, Any]) -> dict[str, Any]:
    """The changes that take these back: each side is a change of what the field was after them."""
    changes: dict[str, Any] = {}
    conflicts: list[FieldConflict] = []
    for change in wanted:
        field, base, yours, theirs = change.field, change.after, change.before, now.get(change.field)
        clash = False
        if field == "tags":
            changes[field] = merge_set(base or (), yours or (), theirs or ())
        elif field in ("contact_points", "addresses"):
            items, clash = merge_items(base or (), yours or (), theirs or (), _same)
            there = {item["id"] for item in theirs or ()}
            changes[field] = [_data(field, item, there) for item in items]
        else:
            value, clash = merge_value(base, yours, theirs)
            _put(changes, field, value)
        if clash:
            conflicts.append(FieldConflict(field, base, yours, theirs))
    if conflicts:
        raise EditConflict(conflicts)
    return changes


def _put(changes: dict[str, Any], field: str, value: Any) -> None:
    start, point, key = field.partition(".")
    if point:
        changes.setdefault(start, {})[key] = value
    elif field == "responsible":
        changes["responsible_id"] = None if value is None else UUID(value)
    else:
        changes[field] = value


def _same(item: Mapping[str, Any]) -> tuple[Any, ...]:
    return (item["kind"], item["value"]) if "kind" in item else (item["id"],)


def _data(field: str, item: Mapping[str, Any], there: set[str]) -> ContactPointData | AddressData:
    kept = UUID(item["id"]) if item["id"] in there else None
    if field == "addresses":
        return AddressData(item["text"], item["label"], item["country"], kept)
    if kept is not None:
        return ContactPointData(None, None, item["label"], kept)
    suffixes = phone.suffixes(item["value"]) if item["kind"] in ("phone", "whatsapp") else ()
    return ContactPointData(item["kind"], ContactValue(item["value"], item["country"], suffixes), item["label"])
