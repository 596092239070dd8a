"""How customers belong together: an organisation and its contacts, companies of one group, families."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from hotline.crm.database import Reader, Row
from hotline.crm.keys import Keyring, Wrapped
from hotline.crm.queries.customers.customer_views import (
    ContactPointView,
    contact_point_view,
    customer_name,
    customer_reference,
    personal_key,
)
from hotline.crm.queries.customers.customers import require_customer
from hotline.crm.scopes import Arguments, all_of, customers_seen
from hotline.crm.viewer import Viewer
from hotline.errors import NotFound

#: Most relations of one customer that are told.
MOST: Final = 200


@dataclass(frozen=True, slots=True)
class RelatedView:
    """The customer on the other side, with the first ways to reach them."""

    id: UUID
    number: int
    reference: str
    kind: str
    name: str
    contact_points: tuple[ContactPointView, ...]


@dataclass(frozen=True, slots=True)
class RelationView:
    """A relation as one side sees it. ``outward``: the other one is ``kind`` of this one (its contact, its parent);
    else this one is ``kind`` of the other. ``weight`` is how much they decide, 0 to 100."""

    id: UUID
    kind: str
    outward: bool
    other: RelatedView
    role: str | None
    weight: int | None
    note: str
    version: int
    created_at: datetime


_SELECT: Final = """
SELECT r.id, r.kind, r.from_customer_id = $1 AS outward, r.role, r.weight, r.note_cipher, r.version, r.created_at,
    n.id AS note_key_id, n.wrapped AS note_wrapped, n.master AS note_master,
    c.id AS other_id, c.number, c.kind AS other_kind, c.name_cipher, c.key_id, k.wrapped, k.master,
    ARRAY(SELECT (p.id, p.kind, p.value_cipher, p.label, p.country) FROM contact_point p
          WHERE p.customer_id = c.id ORDER BY p.position, p.id LIMIT 2) AS contact_points
FROM customer_relation r
JOIN customer f ON f.id = r.from_customer_id
JOIN customer c ON c.id = CASE WHEN r.from_customer_id = $1 THEN r.to_customer_id ELSE r.from_customer_id END
JOIN personal_key k ON k.id = c.key_id
LEFT JOIN personal_key n ON r.note_cipher IS NOT NULL AND n.id = COALESCE(r.key_id, f.key_id)
WHERE (r.from_customer_id = $1 OR r.to_customer_id = $1) AND r.deleted_at IS NULL AND c.id <> $1
  AND c.merged_into_id IS NULL AND """


async def list_relations(db: Reader, keyring: Keyring, viewer: Viewer, customer_id: UUID) -> list[RelationView]:
    """A customer's relations to customers whom the viewer sees; who decides most is first. Raises NotFound."""
    return await relations_of(db, keyring, viewer, await require_customer(db, viewer, customer_id))


async def relations_of(db: Reader, keyring: Keyring, viewer: Viewer, seen_id: UUID) -> list[RelationView]:
    """The relations of a customer of whom the caller knows that the viewer sees them."""
    bind = Arguments(seen_id)
    seen = all_of(customers_seen(viewer, bind))
    sql = f"{_SELECT}{seen} ORDER BY r.weight DESC NULLS LAST, r.id LIMIT {bind(MOST)}"
    return [_relation(keyring, viewer, row) for row in await db.fetch(sql, *bind.values)]


async def get_relation(
    db: Reader, keyring: Keyring, viewer: Viewer, customer_id: UUID, relation_id: UUID
) -> RelationView:
    """One relation as this customer sees it. Raises NotFound."""
    bind = Arguments(await require_customer(db, viewer, customer_id))
    seen = all_of(customers_seen(viewer, bind))
    row = await db.fetchrow(f"{_SELECT}{seen} AND r.id = {bind(relation_id)}", *bind.values)
    if row is None:
        raise NotFound()
    return _relation(keyring, viewer, row)


async def names_of(db: Reader, keyring: Keyring, viewer: Viewer, ids: Collection[UUID]) -> dict[UUID, str]:
    """The names of those of these customers whom the viewer sees."""
    viewer.require("customers.read")
    bind = Arguments(list(ids))
    rows = await db.fetch(
        f"""SELECT c.id, c.name_cipher, c.key_id, k.wrapped, k.master FROM customer c
            JOIN personal_key k ON k.id = c.key_id
            WHERE c.id = ANY($1::uuid[]) AND {all_of(customers_seen(viewer, bind))}""",  # noqa: S608
        *bind.values,
    )
    return {row["id"]: customer_name(keyring, personal_key(keyring, row), row) for row in rows}


def _relation(keyring: Keyring, viewer: Viewer, row: Row) -> RelationView:
    key = personal_key(keyring, row)
    other: dict[str, Any] = {"id": row["other_id"], "name_cipher": row["name_cipher"]}
    note = ""
    if row["note_cipher"] is not None and row["note_wrapped"] is not None:
        own = keyring.unwrap(row["note_key_id"], Wrapped(row["note_master"], row["note_wrapped"]))
        note = keyring.decrypt(own, "customer_relation", "note_cipher", row["id"], row["note_cipher"])
    related = RelatedView(
        id=row["other_id"],
        number=row["number"],
        reference=customer_reference(row["number"]),
        kind=row["other_kind"],
        name=customer_name(keyring, key, other),
        contact_points=tuple(contact_point_view(keyring, viewer, key, each) for each in row["contact_points"] if key),
    )
    return RelationView(
        id=row["id"],
        kind=row["kind"],
        outward=row["outward"],
        other=related,
        role=row["role"],
        weight=row["weight"],
        note=note,
        version=row["version"],
        created_at=row["created_at"],
    )
