"""What customers bought: products and services, the latest first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final
from uuid import UUID

from hotline.crm.database import Reader, Row
from hotline.crm.keys import Keyring, Wrapped
from hotline.crm.queries.customers.customers import require_customer
from hotline.crm.viewer import Viewer
from hotline.errors import NotFound

MOST: Final = 201


@dataclass(frozen=True, slots=True)
class PurchaseView:
    """A purchase. ``amount`` is in minor units of ``currency``; ``ends_at`` is when a service ends."""

    id: UUID
    customer_id: UUID
    kind: str
    at: datetime
    ends_at: datetime | None
    reference: str | None
    external_id: str | None
    title: str
    quantity: Decimal | None
    amount: int | None
    currency: str | None
    state: str | None
    source: str
    version: int
    created_at: datetime
    updated_at: datetime


_SELECT: Final = """
SELECT p.id, p.customer_id, p.kind, p.at, p.ends_at, p.reference_cipher, p.external_id, p.title_cipher, p.quantity,
    p.amount, p.currency, p.state, p.source, p.version, p.created_at, p.updated_at, k.id AS key_id, k.wrapped, k.master
FROM purchase p
JOIN customer c ON c.id = p.customer_id
JOIN personal_key k ON k.id = COALESCE(p.key_id, c.key_id)
WHERE p.customer_id = $1 AND p.deleted_at IS NULL
"""
_PAGE: Final = """
  AND ($2::uuid IS NULL OR (p.at, p.id) < (SELECT e.at, e.id FROM purchase e WHERE e.id = $2))
ORDER BY p.at DESC, p.id DESC LIMIT $3
"""


async def list_purchases(
    db: Reader, keyring: Keyring, viewer: Viewer, customer_id: UUID, *, limit: int, after: UUID | None = None
) -> list[PurchaseView]:
    """A page of a customer's purchases. Raises NotFound."""
    found = await require_customer(db, viewer, customer_id)
    return await purchases_of(db, keyring, viewer, found, limit=limit, after=after)


async def purchases_of(
    db: Reader, keyring: Keyring, viewer: Viewer, seen_id: UUID, *, limit: int, after: UUID | None = None
) -> list[PurchaseView]:
    """The purchases of a customer of whom the caller knows that the viewer sees them."""
    viewer.require("customers.read")
    rows = await db.fetch(_SELECT + _PAGE, seen_id, after, max(0, min(limit, MOST)))
    return _purchases(keyring, rows)


async def get_purchase(
    db: Reader, keyring: Keyring, viewer: Viewer, customer_id: UUID, purchase_id: UUID
) -> PurchaseView:
    """One purchase. Raises NotFound."""
    found = await require_customer(db, viewer, customer_id)
    rows = await db.fetch(f"{_SELECT} AND p.id = $2", found, purchase_id)
    if not rows:
        raise NotFound()
    return _purchases(keyring, rows)[0]


def _purchases(keyring: Keyring, rows: Sequence[Row]) -> list[PurchaseView]:
    return [_purchase(keyring, row) for row in rows]


def _purchase(keyring: Keyring, row: Row) -> PurchaseView:
    texts: dict[str, str | None] = {"title_cipher": None, "reference_cipher": None}
    if row["wrapped"] is not None:
        key = keyring.unwrap(row["key_id"], Wrapped(row["master"], row["wrapped"]))
        for column in texts:
            if row[column] is not None:
                texts[column] = keyring.decrypt(key, "purchase", column, row["id"], row[column])
    return PurchaseView(
        id=row["id"],
        customer_id=row["customer_id"],
        kind=row["kind"],
        at=row["at"],
        ends_at=row["ends_at"],
        reference=texts["reference_cipher"],
        external_id=row["external_id"],
        title=texts["title_cipher"] or "",
        quantity=row["quantity"],
        amount=row["amount"],
        currency=row["currency"],
        state=row["state"],
        source=row["source"],
        version=row["version"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )
