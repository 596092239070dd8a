"""What customers bought: products and services."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

from pydantic import Field, field_serializer

from hotline.crm.queries.customers import purchases as queries
from hotline.crm.queries.customers.purchases import PurchaseView
from hotline.web.api.customer_bodies import source_of
from hotline.web.endpoint import (
    Ask,
    ById,
    Endpoint,
    Input,
    Moment,
    Output,
    Page,
    Paging,
    Reply,
    endpoint,
    id_cursor,
    paged,
)
from hotline.workflows.customers import purchases as workflow

Kind = Literal["product", "service"]


class Purchase(Output):
    """A purchase; `amount` is in minor units of `currency` (12.50 CNY is 1250)."""

    id: UUID
    customer_id: UUID
    kind: Kind
    title: str
    at: datetime
    ends_at: datetime | None = Field(description="When a service ends.")
    reference: str | None = Field(description="An order's number, as the customer knows it.")
    external_id: str | None = Field(description="The id in the system that it came from; each is there once.")
    quantity: Decimal | None
    amount: int | None
    currency: str | None
    state: str | None = Field(description="A key of the list `purchase_state`.")
    source: str
    version: int
    created_at: datetime
    updated_at: datetime

    @field_serializer("quantity")
    def _quantity(self, value: Decimal | None) -> float | None:
        return None if value is None else float(value)


class PurchaseFields(Input):
    """What a purchase holds."""

    ends_at: Moment | None = None
    reference: str | None = Field(None, max_length=100)
    external_id: str | None = Field(None, max_length=100)
    quantity: Decimal | None = Field(None, gt=0, lt=10**9, decimal_places=3)
    amount: int | None = Field(None, ge=-(2**53) + 1, le=2**53 - 1, description="In minor units of `currency`.")
    currency: str | None = Field(None, min_length=3, max_length=3, examples=["CNY"])
    state: str | None = Field(None, max_length=64, description="A key of the list `purchase_state`; null: none.")


class PurchaseCreate(PurchaseFields):
    """A purchase to be written down."""

    title: str = Field(min_length=1, max_length=300)
    kind: Kind = "product"
    at: Moment | None = Field(None, description="Now, when it is absent.")


class PurchaseChange(PurchaseFields):
    """What to change; what is absent stays."""

    title: str = Field("", min_length=1, max_length=300)
    kind: Kind = "product"
    at: Moment | None = None
    version: int | None = Field(None, description="The version that was read; a newer one there is a conflict.")


class ByPurchase(Input):
    """A purchase of a customer."""

    id: UUID
    purchase_id: UUID


def render_purchase(view: PurchaseView) -> Purchase:
    """The purchase's body."""
    return Purchase.model_validate(view)


@endpoint(
    "GET", "/customers/{id}/purchases", right="customers.read", summary="What a customer bought, the latest first"
)
async def list_purchases(ask: Ask, path: ById, query: Paging) -> Page[Purchase]:
    found = await queries.list_purchases(
        ask.house.db, ask.house.keyring, ask.viewer, path.id, limit=query.limit + 1, after=id_cursor(query.cursor)
    )
    return paged(found, query.limit, render_purchase, lambda view: str(view.id))


@endpoint(
    "POST", "/customers/{id}/purchases", right="customers.write", summary="Write a purchase down", status=201,
    idempotent=True,
)  # fmt: skip
async def add_purchase(ask: Ask, path: ById, body: PurchaseCreate) -> Reply[Purchase]:
    """It stands on the timeline, too. An `external_id` that is there already is a conflict."""
    fields: Any = {name: value for name, value in body.model_dump(exclude_unset=True).items() if value is not None}
    view = await workflow.add_purchase(ask.house, ask.viewer, path.id, fields, ask.idempotency(), source=source_of(ask))
    return Reply(render_purchase(view), headers={"Location": f"{ask.request.path}/{view.id}"})


@endpoint("GET", "/customers/{id}/purchases/{purchase_id}", right="customers.read", summary="One purchase")
async def get_purchase(ask: Ask, path: ByPurchase) -> Purchase:
    view = await queries.get_purchase(ask.house.db, ask.house.keyring, ask.viewer, path.id, path.purchase_id)
    return render_purchase(view)


@endpoint("PATCH", "/customers/{id}/purchases/{purchase_id}", right="customers.write", summary="Change a purchase")
async def change_purchase(ask: Ask, path: ByPurchase, body: PurchaseChange) -> Purchase:
    view = await queries.get_purchase(ask.house.db, ask.house.keyring, ask.viewer, path.id, path.purchase_id)
    fields: Any = body.model_dump(exclude_unset=True, exclude={"version"})
    expected = ask.expected_version(view.version, body.version)
    changed = await workflow.update_purchase(
        ask.house, ask.viewer, path.id, path.purchase_id, fields, expected, source=source_of(ask)
    )
    return render_purchase(changed)


@endpoint(
    "DELETE", "/customers/{id}/purchases/{purchase_id}", right="customers.write", summary="Take a purchase away",
    status=204,
)  # fmt: skip
async def delete_purchase(ask: Ask, path: ByPurchase) -> None:
    """`restore` gives it back for a day."""
    await workflow.delete_purchase(ask.house, ask.viewer, path.id, path.purchase_id)


@endpoint(
    "POST", "/customers/{id}/purchases/{purchase_id}/restore", right="customers.write", summary="Give a purchase back"
)
async def restore_purchase(ask: Ask, path: ByPurchase) -> Purchase:
    return render_purchase(await workflow.restore_purchase(ask.house, ask.viewer, path.id, path.purchase_id))


routes: list[Endpoint] = [
    list_purchases, add_purchase, get_purchase, change_purchase, delete_purchase, restore_purchase,
]  # fmt: skip
