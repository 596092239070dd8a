"""Files of customers. What is told of them goes by who sees the customer."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from hotline.crm.database import Reader, Row
from hotline.crm.keys import Keyring, PersonalKey, Wrapped
from hotline.crm.queries.customers.customer_views import UserBrief
from hotline.crm.queries.customers.customers import require_customer
from hotline.crm.viewer import Viewer
from hotline.errors import NotFound

MOST: Final = 201


@dataclass(frozen=True, slots=True)
class FileView:
    """A file. ``media_type`` is what its content says; ``sha256`` is in hexadecimal."""

    id: UUID
    customer_id: UUID
    name: str
    media_type: str
    bytes: int
    sha256: str
    uploaded_by: UserBrief | None
    at: datetime


@dataclass(frozen=True, slots=True)
class SealedFile:
    """A file with what opens it."""

    view: FileView
    path: str
    key: PersonalKey


@dataclass(frozen=True, slots=True)
class Usage:
    """How much there is: of everybody, and of one customer."""

    bytes: int
    files: int


_SELECT: Final = """
SELECT f.id, f.customer_id, f.name_cipher, f.media_type, f.bytes, f.sha256, f.path, f.at, f.uploaded_by_id,
    u.login AS user_login, u.name AS user_name, k.id AS key_id, k.wrapped, k.master
FROM customer_file f
JOIN personal_key k ON k.id = f.key_id
LEFT JOIN users u ON u.id = f.uploaded_by_id
WHERE f.customer_id = $1 AND f.deleted_at IS NULL AND k.wrapped IS NOT NULL
"""
_PAGE: Final = """
  AND ($2::uuid IS NULL OR (f.at, f.id) < (SELECT e.at, e.id FROM customer_file e WHERE e.id = $2))
ORDER BY f.at DESC, f.id DESC LIMIT $3
"""


async def list_files(
    db: Reader, keyring: Keyring, viewer: Viewer, customer_id: UUID, *, limit: int, after: UUID | None = None
) -> list[FileView]:
    """A page of a customer's files, the latest first. Raises NotFound."""
    found = await require_customer(db, viewer, customer_id)
    return await files_of(db, keyring, viewer, found, limit=limit, after=after)


async def files_of(
    db: Reader, keyring: Keyring, viewer: Viewer, seen_id: UUID, *, limit: int, after: UUID | None = None
) -> list[FileView]:
    """The files of a customer of whom the caller knows that the viewer sees them."""
    viewer.require("customers.read")
    rows = await db.fetch(_SELECT + _PAGE, seen_id, after, max(0, min(limit, MOST)))
    return [_sealed(keyring, row).view for row in rows]


async def get_file(db: Reader, keyring: Keyring, viewer: Viewer, customer_id: UUID, file_id: UUID) -> SealedFile:
    """One file. Raises NotFound."""
    found = await require_customer(db, viewer, customer_id)
    row = await db.fetchrow(f"{_SELECT} AND f.id = $2", found, file_id)
    if row is None:
        raise NotFound()
    return _sealed(keyring, row)


async def usage(db: Reader, viewer: Viewer, customer_id: UUID) -> tuple[Usage, Usage]:
    """What all files take, and how many one customer has; deleted ones that can be given back count, too."""
    viewer.require("customers.read")
    row = await db.fetchrow(
        """SELECT COALESCE(sum(bytes), 0)::bigint AS bytes, count(*) AS files,
               COALESCE(sum(bytes) FILTER (WHERE customer_id = $1), 0)::bigint AS own_bytes,
               count(*) FILTER (WHERE customer_id = $1) AS own_files FROM customer_file""",
        customer_id,
    )
    if row is None:
        raise NotFound()
    return Usage(row["bytes"], row["files"]), Usage(row["own_bytes"], row["own_files"])


async def kept_paths(db: Reader, viewer: Viewer, paths: Collection[str]) -> frozenset[str]:
    """Those of these paths that belong to a file, of a customer or of a message."""
    viewer.require("customers.read")
    rows = await db.fetch(
        """SELECT path FROM customer_file WHERE path = ANY($1::text[])
           UNION ALL SELECT path FROM message_file WHERE path = ANY($1::text[])""",
        list(paths),
    )
    return frozenset(row["path"] for row in rows)


def names(keyring: Keyring, rows: Sequence[Row]) -> dict[UUID, str]:
    """Names by id of rows that carry ``id, name_cipher, key_id, wrapped, master``."""
    return {row["id"]: _name(keyring, row)[1] for row in rows}


def _sealed(keyring: Keyring, row: Row) -> SealedFile:
    key, name = _name(keyring, row)
    by = row["uploaded_by_id"]
    view = FileView(
        id=row["id"],
        customer_id=row["customer_id"],
        name=name,
        media_type=row["media_type"],
        bytes=row["bytes"],
        sha256=row["sha256"].hex(),
        uploaded_by=None if by is None else UserBrief(by, row["user_login"], row["user_name"]),
        at=row["at"],
    )
    return SealedFile(view, row["path"], key)


def _name(keyring: Keyring, row: Row) -> tuple[PersonalKey, str]:
    key = keyring.unwrap(row["key_id"], Wrapped(row["master"], row["wrapped"]))
    return key, keyring.decrypt(key, "customer_file", "name_cipher", row["id"], row["name_cipher"])
