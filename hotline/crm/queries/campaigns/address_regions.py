"""In which states recipients live, by their postal addresses. The addresses themselves do not leave this file."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final
from uuid import UUID

from hotline.campaigns.regions import of_address
from hotline.crm.database import Reader
from hotline.crm.keys import Keyring, Wrapped, WrongKey
from hotline.crm.viewer import Viewer

#: Addresses of one customer that are looked at.
_MOST: Final = 5
_ADDRESSES: Final = f"""
SELECT a.id, a.customer_id, a.cipher, c.key_id, k.wrapped, k.master
FROM unnest($1::uuid[]) AS asked (id) JOIN customer c ON c.id = asked.id
JOIN personal_key k ON k.id = c.key_id AND k.wrapped IS NOT NULL
CROSS JOIN LATERAL (
    SELECT d.id, d.customer_id, d.cipher FROM address d
    WHERE d.customer_id = c.id AND (d.country IS NULL OR d.country = 'US') ORDER BY d.position LIMIT {_MOST}
) AS a
"""  # noqa: S608


async def address_regions(
    db: Reader, keyring: Keyring, viewer: Viewer, customer_ids: Collection[UUID]
) -> dict[UUID, tuple[str, ...]]:
    """The states with hours of their own in which customers in the United States have an address; who has none there is
    left out."""
    viewer.require("campaigns.read")
    found: dict[UUID, dict[str, None]] = {}
    for row in await db.fetch(_ADDRESSES, list(customer_ids)) if customer_ids else ():
        try:
            key = keyring.unwrap(row["key_id"], Wrapped(row["master"], row["wrapped"]))
            region = of_address(keyring.decrypt(key, "address", "cipher", row["id"], row["cipher"]))
        except WrongKey:
            continue
        if region is not None:
            found.setdefault(row["customer_id"], {})[region] = None
    return {customer_id: tuple(regions) for customer_id, regions in found.items()}
