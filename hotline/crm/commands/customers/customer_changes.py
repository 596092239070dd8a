"""The history of a customer's fields: who changed what, when, from what to what. Every writer of a customer notes its
changes here, in the unit of work that makes them.

Values are JSON, sealed under the customer's key: they are what the record held. One unit of work makes one version.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID

from hotline.crm.keys import Keyring, PersonalKey
from hotline.crm.unit_of_work import UnitOfWork

Source = Literal["hand", "import", "merge", "batch", "undo", "api", "retention"]

#: Columns of ``record``, in its order.
COLUMNS: Final = (
    *("id", "customer_id", "version", "at", "user_id", "field", "from_cipher", "to_cipher", "source", "source_id"),
)
_INSERT: Final = """
INSERT INTO customer_change (id, customer_id, version, at, user_id, field, from_cipher, to_cipher, source, source_id)
SELECT id, $1, $2, $3, (SELECT u.id FROM users u WHERE u.id = $4), field, from_cipher, to_cipher, $5, $6
FROM unnest($7::uuid[], $8::text[], $9::bytea[], $10::bytea[]) AS change (id, field, from_cipher, to_cipher)
"""
_LONGEST_FIELD: Final = 200


async def note(
    uow: UnitOfWork,
    customer: Any,
    field: str,
    before: Any,
    after: Any,
    source: Source = "hand",
    source_id: UUID | None = None,
) -> None:
    """Note one changed field of a locked customer (``commands.customers.customers.lock_customer``), whose version the
    same unit of work raises by one. ``before`` and ``after`` are JSON values, None where there is none."""
    await note_all(uow, customer, {field: (before, after)}, source, source_id)


async def note_all(
    uow: UnitOfWork,
    customer: Any,
    changes: Mapping[str, tuple[Any, Any]],
    source: Source = "hand",
    source_id: UUID | None = None,
) -> None:
    """Note several changed fields by one statement."""
    if not changes:
        return
    rows = [
        record(
            uow.keyring, customer.key, id=uow.new_id(), customer_id=customer.id, version=customer.version + 1,
            at=uow.now, user_id=uow.viewer.user_id, field=field, before=before, after=after, source=source,
            source_id=source_id,
        )
        for field, (before, after) in changes.items()
    ]  # fmt: skip
    await uow.execute(
        _INSERT,
        *(customer.id, customer.version + 1, uow.now, uow.viewer.user_id, source, source_id),
        *([row[column] for row in rows] for column in (0, 5, 6, 7)),
    )


def record(
    keyring: Keyring,
    key: PersonalKey,
    *,
    id: UUID,
    customer_id: UUID,
    version: int,
    at: datetime,
    user_id: UUID | None,
    field: str,
    before: Any,
    after: Any,
    source: Source,
    source_id: UUID | None = None,
) -> tuple[Any, ...]:
    """A row for COPY, in the order of ``COLUMNS``."""
    return (
        *(id, customer_id, version, at, user_id, field[:_LONGEST_FIELD]),
        _sealed(keyring, key, "from_cipher", id, before),
        _sealed(keyring, key, "to_cipher", id, after),
        *(source, source_id),
    )


def _sealed(keyring: Keyring, key: PersonalKey, column: str, row_id: UUID, value: Any) -> bytes | None:
    if value is None:
        return None
    return keyring.encrypt(key, "customer_change", column, row_id, json.dumps(value, ensure_ascii=False))
