"""Merges: what one would make of two customers, and those that were made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from hotline.crm.commands.customers.customer_state import state_of
from hotline.crm.database import Reader, Row
from hotline.crm.keys import Keyring
from hotline.crm.queries.customers.customer_views import (
    SELECT,
    AddressView,
    ContactPointView,
    CustomerView,
    customer_name,
    customer_reference,
    customer_view,
    personal_key,
)
from hotline.crm.queries.customers.customers import require_customer
from hotline.crm.viewer import SYSTEM, Viewer
from hotline.customers.merging import together
from hotline.errors import Conflict, Invalid, NotFound

MOST: Final = 100


@dataclass(frozen=True, slots=True)
class MergeField:
    """A field of both. Values are None where there is none, and where the viewer may not read them (``masked``)."""

    field: str
    kept: Any
    other: Any
    choice: str
    differs: bool
    masked: bool


@dataclass(frozen=True, slots=True)
class MergePreview:
    """What a merge would make. The lists are what the kept one gains; ``moves`` counts what moves, by kind.

    ``warnings`` are codes: ``call_open``, ``kinds_differ``, ``merged_before`` (the other is made of several already).
    """

    kept: CustomerView
    other: CustomerView
    fields: Sequence[MergeField]
    contact_points: Sequence[ContactPointView]
    addresses: Sequence[AddressView]
    tags: Sequence[str]
    moves: Mapping[str, int]
    warnings: Sequence[str]


@dataclass(frozen=True, slots=True)
class MergeView:
    """A merge that was made. ``kept_id`` is who has it all now; ``gone_name`` is empty for one who was erased."""

    id: UUID
    kept_id: UUID
    gone_id: UUID
    gone_reference: str
    gone_name: str
    by: str | None
    by_name: str | None
    at: datetime
    undo_until: datetime
    undone_at: datetime | None
    moved: Mapping[str, int]


_MOVES: Final = """
SELECT (SELECT count(*) FROM call WHERE customer_id = $1 AND merged_into_id IS NULL) AS call,
       (SELECT count(*) FROM ticket WHERE customer_id = $1) AS ticket,
       (SELECT count(*) FROM interaction WHERE customer_id = $1 AND kind = 'note') AS note,
       (SELECT count(*) FROM purchase WHERE customer_id = $1 AND deleted_at IS NULL) AS purchase,
       (SELECT count(*) FROM customer_file WHERE customer_id = $1 AND deleted_at IS NULL) AS file,
       (SELECT count(*) FROM customer_relation WHERE deleted_at IS NULL
            AND ((from_customer_id = $1 AND to_customer_id <> $2)
              OR (to_customer_id = $1 AND from_customer_id <> $2))) AS relation
"""
_OPEN: Final = """
SELECT EXISTS (SELECT 1 FROM call WHERE customer_id IN ($1, $2) AND ended_at IS NULL AND merged_into_id IS NULL
               AND offered_at > now() - interval '1 day') AS call_open,
       EXISTS (SELECT 1 FROM merge WHERE kept_id = $1 AND undone_at IS NULL) AS merged_before
"""


async def preview_merge(
    db: Reader, keyring: Keyring, viewer: Viewer, kept_id: UUID, other_id: UUID, choices: Mapping[str, str]
) -> MergePreview:
    """What becomes of two customers, field by field, masked for the viewer. Raises NotFound, Invalid, Conflict."""
    viewer.require("customers.merge")
    kept_id, other_id = await require_customer(db, viewer, kept_id), await require_customer(db, viewer, other_id)
    if kept_id == other_id:
        raise Invalid("other_id: this is the same customer.")
    rows = {row["id"]: row for row in await db.fetch(f"{SELECT} WHERE c.id IN ($1, $2)", kept_id, other_id)}
    kept, other = (customer_view(keyring, viewer, rows[each]) for each in (kept_id, other_id))
    if kept.erased or other.erased:
        raise Conflict("One of these customers was erased.")
    whole = [state_of(customer_view(keyring, SYSTEM, rows[each])) for each in (kept_id, other_id)]
    result = together(whole[0], whole[1], choices, transfer=viewer.may("customers.transfer"))
    hidden = {f"custom.{key}" for key in (*kept.custom_masked, *other.custom_masked)}
    points = {point["id"] for point in result.contact_points}
    addresses = {each["id"] for each in result.addresses}
    moves = await db.fetchrow(_MOVES, other_id, kept_id)
    state = await db.fetchrow(_OPEN, other_id, kept_id)
    warnings = [code for code, holds in dict(state or {}).items() if holds]
    if kept.kind != other.kind:
        warnings.append("kinds_differ")
    return MergePreview(
        kept,
        other,
        [
            MergeField(
                each.field,
                None if each.field in hidden else each.kept,
                None if each.field in hidden else each.other,
                each.choice,
                each.differs,
                each.field in hidden,
            )
            for each in result.fields
        ],
        [point for point in other.contact_points if str(point.id) in points],
        [each for each in other.addresses if str(each.id) in addresses],
        result.tags,
        {kind: count for kind, count in dict(moves or {}).items() if count},
        warnings,
    )


_SELECT: Final = """
SELECT m.id, COALESCE(k.merged_into_id, k.id) AS kept_id, m.gone_id, g.number, g.name_cipher, g.key_id, p.wrapped,
    p.master, u.login, u.name AS by_name, m.at, m.undo_until, m.undone_at, m.moved
FROM merge m JOIN customer k ON k.id = m.kept_id JOIN customer g ON g.id = m.gone_id
JOIN personal_key p ON p.id = g.key_id LEFT JOIN users u ON u.id = m.by_id
"""


async def get_merge(db: Reader, keyring: Keyring, viewer: Viewer, merge_id: UUID) -> MergeView:
    """One merge. Raises NotFound for one whose kept customer the viewer does not see."""
    row = await db.fetchrow(f"{_SELECT} WHERE m.id = $1", merge_id)
    if row is None:
        raise NotFound()
    await require_customer(db, viewer, row["kept_id"])
    return _merge(keyring, row)


async def merges_of(db: Reader, keyring: Keyring, viewer: Viewer, customer_id: UUID) -> list[MergeView]:
    """The merges that a customer is made of, the newest first; also those that were undone, until they are 30 days
    old."""
    customer_id = await require_customer(db, viewer, customer_id)
    rows = await db.fetch(
        f"""{_SELECT} WHERE (m.kept_id = $1 OR m.kept_id IN (SELECT id FROM customer WHERE merged_into_id = $1))
            AND (m.undone_at IS NULL OR m.undo_until > now()) ORDER BY m.id DESC LIMIT $2""",  # noqa: S608
        *(customer_id, MOST),
    )
    return [_merge(keyring, row) for row in rows]


def _merge(keyring: Keyring, row: Row) -> MergeView:
    return MergeView(
        id=row["id"],
        kept_id=row["kept_id"],
        gone_id=row["gone_id"],
        gone_reference=customer_reference(row["number"]),
        gone_name=customer_name(
            keyring, personal_key(keyring, row), {"id": row["gone_id"], "name_cipher": row["name_cipher"]}
        ),
        by=row["login"],
        by_name=row["by_name"],
        at=row["at"],
        undo_until=row["undo_until"],
        undone_at=row["undone_at"],
        moved=row["moved"],
    )
