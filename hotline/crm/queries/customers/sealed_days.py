"""Customers by the day of the year that a sealed field of theirs holds. Each value is opened, looked at and forgotten:
nothing that can be read is kept of it in the records."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from datetime import datetime
from typing import Final
from uuid import UUID

from hotline.crm.database import Reader
from hotline.crm.keys import Keyring, WrongKey
from hotline.crm.queries.customers.customer_views import custom_values, personal_key
from hotline.crm.viewer import Viewer

#: Values that are opened before others get the processor.
_AT_A_TIME: Final = 100
_SEALED: Final = """
SELECT c.id, c.custom, c.custom_cipher, c.key_id, k.wrapped, k.master
FROM customer c JOIN personal_key k ON k.id = c.key_id
WHERE c.erased_at IS NULL AND c.merged_into_id IS NULL AND c.custom_cipher IS NOT NULL AND c.id > $1
  AND ($2::timestamptz IS NULL OR c.updated_at >= $2)
ORDER BY c.id LIMIT $3
"""


async def sealed_days(
    db: Reader,
    keyring: Keyring,
    viewer: Viewer,
    field: str,
    days: Collection[str],
    *,
    after: UUID,
    most: int,
    changed_since: datetime | None = None,
) -> tuple[dict[UUID, str | None], bool]:
    """Of the next ``most`` customers behind ``after``: the day, as MM-DD, that their field holds, None when it is not
    among ``days``; and whether there may be more. ``changed_since``: only who was changed since."""
    viewer.require("campaigns.read")
    rows = await db.fetch(_SEALED, after, changed_since, most)
    found: dict[UUID, str | None] = {}
    for place, row in enumerate(rows):
        if place % _AT_A_TIME == 0:
            await asyncio.sleep(0)
        try:
            value = custom_values(keyring, personal_key(keyring, row), "customer", row).get(field)
        except WrongKey:
            value = None
        day = value[5:10] if isinstance(value, str) else None
        found[row["id"]] = day if day in days else None
    return found, len(rows) == most
