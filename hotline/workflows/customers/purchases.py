"""What customers bought: written down by hand, by other systems over the API, changed, taken away and given back."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, TypedDict
from uuid import UUID

from hotline.clock import in_utc
from hotline.crm.commands.customers import customers, purchases
from hotline.crm.commands.customers.customer_changes import Source
from hotline.crm.commands.upkeep.idempotency import Idempotency, claim
from hotline.crm.queries.customers.customers import require_customer
from hotline.crm.queries.customers.purchases import PurchaseView, get_purchase
from hotline.crm.viewer import Viewer
from hotline.customers import money
from hotline.customers.text import one_line
from hotline.errors import Invalid
from hotline.workflows.company import lists
from hotline.workflows.customers.customers import reader_of
from hotline.workflows.house import House

KINDS: Final = ("product", "service")
LONGEST_TITLE: Final = 300
LONGEST_REFERENCE: Final = 100
_LARGEST_QUANTITY: Final = Decimal(10**9)


class PurchaseInput(TypedDict, total=False):
    """A purchase. ``amount`` is in minor units of ``currency``."""

    kind: str
    title: str
    at: datetime
    ends_at: datetime | None
    reference: str | None
    external_id: str | None
    quantity: Decimal | None
    amount: int | None
    currency: str | None
    state: str | None


async def add_purchase(
    house: House,
    viewer: Viewer,
    customer_id: UUID,
    data: PurchaseInput,
    idempotency: Idempotency | None = None,
    *,
    source: Source = "hand",
) -> PurchaseView:
    """Add a purchase; ``title`` at least. Raises NotFound, Invalid, and Conflict when its external id is there."""
    viewer.require("customers.write")
    fields = {"kind": "product", "at": house.clock(), **await _cleaned(house, data)}
    if not fields.get("title"):
        one_line("", "title", LONGEST_TITLE, needed=True)
    _check_whole(fields)
    async with house.unit(viewer) as uow:
        own = await require_customer(uow, reader_of(viewer), customer_id)
        customer = await customers.lock_customer(uow, own)
        purchase_id = uow.new_id()
        earlier = await claim(uow, idempotency, purchase_id)
        if earlier is None:
            await purchases.add_purchase(uow, customer, purchase_id, fields, source=source)
        return await get_purchase(uow, uow.keyring, reader_of(viewer), own, earlier or purchase_id)


async def update_purchase(
    house: House,
    viewer: Viewer,
    customer_id: UUID,
    purchase_id: UUID,
    data: PurchaseInput,
    expected_version: int | None = None,
    *,
    source: Source = "hand",
) -> PurchaseView:
    """Change a purchase. Raises NotFound, Invalid, and Conflict when it is not ``expected_version`` any more."""
    viewer.require("customers.write")
    fields = await _cleaned(house, data)
    async with house.unit(viewer) as uow:
        own = await require_customer(uow, reader_of(viewer), customer_id)
        customer = await customers.lock_customer(uow, own)
        before = await get_purchase(uow, uow.keyring, reader_of(viewer), own, purchase_id)
        _check_whole({"currency": before.currency, "amount": before.amount, "at": before.at,
                      "ends_at": before.ends_at, **fields})  # fmt: skip
        await purchases.update_purchase(
            uow, customer, purchase_id, fields, expected_version=expected_version, source=source
        )
        return await get_purchase(uow, uow.keyring, reader_of(viewer), own, purchase_id)


async def delete_purchase(house: House, viewer: Viewer, customer_id: UUID, purchase_id: UUID) -> None:
    """Take a purchase away; ``restore_purchase`` gives it back. Raises NotFound."""
    await _set_deleted(house, viewer, customer_id, purchase_id, deleted=True)


async def restore_purchase(house: House, viewer: Viewer, customer_id: UUID, purchase_id: UUID) -> PurchaseView:
    """Give a purchase back that was taken away. Raises NotFound."""
    await _set_deleted(house, viewer, customer_id, purchase_id, deleted=False)
    return await get_purchase(house.db, house.keyring, reader_of(viewer), customer_id, purchase_id)


async def _set_deleted(house: House, viewer: Viewer, customer_id: UUID, purchase_id: UUID, *, deleted: bool) -> None:
    viewer.require("customers.write")
    async with house.unit(viewer) as uow:
        own = await require_customer(uow, reader_of(viewer), customer_id)
        customer = await customers.lock_customer(uow, own)
        await purchases.update_purchase(uow, customer, purchase_id, {}, deleted=deleted)


async def _cleaned(house: House, data: PurchaseInput) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    if "kind" in data:
        if data["kind"] not in KINDS:
            raise Invalid(f"kind: expected one of {', '.join(KINDS)}.")
        fields["kind"] = data["kind"]
    if "title" in data:
        fields["title"] = one_line(data["title"], "title", LONGEST_TITLE, needed=True)
    for name in ("reference", "external_id"):
        if name in data:
            fields[name] = one_line(data.get(name) or "", name, LONGEST_REFERENCE) or None
    for name in ("at", "ends_at"):
        if name in data:
            at: Any = data[name]  # type: ignore[literal-required]
            try:
                fields[name] = None if at is None else in_utc(at)
            except ValueError:
                raise Invalid(f"{name}: expected a time, for example 2026-01-31T14:30+08:00.") from None
    if fields.get("at", house.clock()) is None:
        raise Invalid("at: something must stand here.")
    if data.get("quantity") is not None and not 0 < Decimal(data["quantity"] or 0) < _LARGEST_QUANTITY:
        raise Invalid("quantity: a number above 0.")
    if "quantity" in data:
        fields["quantity"] = data["quantity"]
    if "amount" in data:
        if data["amount"] is not None and abs(data["amount"]) > money.LARGEST:
            raise Invalid("amount: this number is too large.")
        fields["amount"] = data["amount"]
    if "currency" in data:
        fields["currency"] = money.currency_of(data["currency"], "currency") if data["currency"] else None
    if "state" in data:
        fields["state"] = data["state"] or None
        if data["state"] and (await lists.load(house)).get("purchase_state", data["state"]) is None:
            raise Invalid("state: the list purchase_state does not offer this.")
    return fields


def _check_whole(fields: Mapping[str, Any]) -> None:
    if fields.get("amount") is not None and not fields.get("currency"):
        raise Invalid("currency: an amount has a currency.")
    if fields.get("ends_at") is not None and fields["ends_at"] < fields["at"]:
        raise Invalid("ends_at: not before it began.")
