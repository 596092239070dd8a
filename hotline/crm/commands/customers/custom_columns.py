"""How values of custom fields stand in a row: what the database may read in ``custom``, the rest sealed in
``custom_cipher``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from hotline.crm.keys import Keyring, PersonalKey, Wrapped
from hotline.crm.queries.customers.custom_fields import read_fields
from hotline.crm.unit_of_work import UnitOfWork
from hotline.crm.viewer import SYSTEM
from hotline.customers.custom_fields import FieldSet, split


async def custom_columns(
    uow: UnitOfWork, key: PersonalKey, table: str, row_id: UUID, values: Mapping[str, Any]
) -> tuple[dict[str, Any], bytes | None]:
    """The columns ``custom`` and ``custom_cipher`` of one row of ``customer`` or ``ticket``."""
    if not values:
        return {}, None
    return sealed_columns(uow.keyring, await read_fields(uow, SYSTEM), key, table, row_id, values)


def sealed_columns(
    keyring: Keyring, fields: FieldSet, key: PersonalKey, table: str, row_id: UUID, values: Mapping[str, Any]
) -> tuple[dict[str, Any], bytes | None]:
    """The same for who writes many rows. There is a cipher whenever there are values: without one, a row is taken for
    one of before there were any, and sealed."""
    if not values:
        return {}, None
    clear, sealed = split([each for each in fields.fields if each.target == table], values)
    text = json.dumps(sealed, ensure_ascii=False)
    return clear, keyring.encrypt(key, table, "custom_cipher", row_id, text)


async def seal_clear_values(uow: UnitOfWork, *, limit: int) -> int:
    """Seal values that stand readable since before there were custom fields, or that came by COPY; how many rows."""
    rows = await uow.fetch(
        """SELECT c.id, c.key_id, c.custom, k.wrapped, k.master FROM customer c JOIN personal_key k ON k.id = c.key_id
           WHERE c.custom_cipher IS NULL AND c.custom <> '{}'::jsonb AND k.wrapped IS NOT NULL
           ORDER BY c.id LIMIT $1 FOR UPDATE OF c SKIP LOCKED""",
        limit,
    )
    if not rows:
        return 0
    fields = await read_fields(uow, SYSTEM)
    for row in rows:
        key = uow.keyring.unwrap(row["key_id"], Wrapped(row["master"], row["wrapped"]))
        clear, cipher = sealed_columns(uow.keyring, fields, key, "customer", row["id"], row["custom"])
        await uow.execute("UPDATE customer SET custom = $2, custom_cipher = $3 WHERE id = $1", row["id"], clear, cipher)
    return len(rows)
