"""A customer's history: which field changed, from what to what, who did it and when, the latest first."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from hotline.crm.database import Reader, Row
from hotline.crm.keys import Keyring
from hotline.crm.queries.customers.customer_views import MASK_OF, UserBrief, personal_key
from hotline.crm.queries.customers.customers import require_customer
from hotline.crm.viewer import Viewer
from hotline.customers import contact_points
from hotline.errors import NotFound

MOST: Final = 201
#: Fields that belong to the record itself: what changed in them can be taken back.
_WHOLE: Final = frozenset(
    {"kind", "name", "locale", "tier", "classification", "responsible", "tags", "contact_points", "addresses"}
)


@dataclass(frozen=True, slots=True)
class ChangeView:
    """One changed field. ``version`` is the one that the change made. ``masked``: the viewer sees the values in part,
    or not at all. ``revertible``: the field is the record's own and the viewer sees it whole."""

    id: UUID
    version: int
    at: datetime
    user: UserBrief | None
    field: str
    before: Any
    after: Any
    source: str
    source_id: UUID | None
    masked: bool
    revertible: bool


_SELECT: Final = """
SELECT h.id, h.version, h.at, h.user_id, u.login AS user_login, u.name AS user_name, h.field, h.from_cipher,
    h.to_cipher, h.source, h.source_id, h.key_id IS NOT NULL AS foreign_key, k.id AS key_id, k.wrapped, k.master,
    ARRAY(SELECT f.key FROM custom_field f WHERE f.private AND f.record <> 'ticket') AS private_keys
FROM customer_change h
JOIN customer c ON c.id = h.customer_id
JOIN personal_key k ON k.id = COALESCE(h.key_id, c.key_id)
LEFT JOIN users u ON u.id = h.user_id
"""
_OF_CUSTOMER: Final = """
WHERE h.customer_id = $1 AND ($2::text IS NULL OR h.field = $2 OR h.field LIKE $3)
  AND ($4::uuid IS NULL OR (h.version, h.id) < (SELECT e.version, e.id FROM customer_change e WHERE e.id = $4))
ORDER BY h.version DESC, h.id DESC LIMIT $5
"""
_OF_VERSION: Final = """
WHERE h.customer_id = $1 AND h.version = (SELECT version FROM customer_change WHERE id = $2 AND customer_id = $1)
ORDER BY h.id
"""


async def list_history(
    db: Reader,
    keyring: Keyring,
    viewer: Viewer,
    customer_id: UUID,
    *,
    limit: int,
    after: UUID | None = None,
    field: str | None = None,
) -> list[ChangeView]:
    """A page of a customer's history, of one ``field`` only where given (``custom`` is all of ``custom.…``). Raises
    NotFound."""
    found = await require_customer(db, viewer, customer_id)
    under = None if field is None else f"{_literal(field)}.%"
    rows = await db.fetch(_SELECT + _OF_CUSTOMER, found, field, under, after, max(0, min(limit, MOST)))
    return [_change(keyring, viewer, row) for row in rows]


async def changes_of_version(
    db: Reader, keyring: Keyring, viewer: Viewer, customer_id: UUID, change_id: UUID
) -> list[ChangeView]:
    """A change with those that were made at once with it. Raises NotFound."""
    found = await require_customer(db, viewer, customer_id)
    rows = await db.fetch(_SELECT + _OF_VERSION, found, change_id)
    if not rows:
        raise NotFound()
    return [_change(keyring, viewer, row) for row in rows]


def shown(viewer: Viewer, field: str, value: Any, private: Collection[str]) -> tuple[Any, bool]:
    """A field's value as the viewer may see it, and whether something of it is masked."""
    if value is None:
        return None, False
    if field == "contact_points" and viewer.masks & {"phone", "email"}:
        points = [_point(viewer, item) for item in value]
        return points, points != list(value)
    if field == "addresses" and "address" in viewer.masks:
        return [{**item, "text": ""} for item in value], True
    if field.startswith("custom.") and "private" in viewer.masks and field.removeprefix("custom.") in private:
        return None, True
    return value, False


def _point(viewer: Viewer, item: Mapping[str, Any]) -> Mapping[str, Any]:
    kind = item["kind"]
    return {**item, "value": contact_points.mask(kind, item["value"])} if MASK_OF[kind] in viewer.masks else item


def _change(keyring: Keyring, viewer: Viewer, row: Row) -> ChangeView:
    key = personal_key(keyring, row)
    values = []
    masked = key is None
    for column in ("from_cipher", "to_cipher"):
        value = None
        if key is not None and row[column] is not None:
            value = json.loads(keyring.decrypt(key, "customer_change", column, row["id"], row[column]))
        value, partly = shown(viewer, row["field"], value, row["private_keys"])
        values.append(value)
        masked = masked or partly
    field: str = row["field"]
    own = field in _WHOLE or field.startswith(("custom.", "preferences."))
    user_id = row["user_id"]
    return ChangeView(
        id=row["id"],
        version=row["version"],
        at=row["at"],
        user=None if user_id is None else UserBrief(user_id, row["user_login"], row["user_name"]),
        field=field,
        before=values[0],
        after=values[1],
        source=row["source"],
        source_id=row["source_id"],
        masked=masked,
        revertible=own and not masked and not row["foreign_key"] and viewer.may("customers.write"),
    )


def _literal(text: str) -> str:
    """``text`` as LIKE takes it letter by letter."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
