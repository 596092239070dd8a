"""Proof of who a manifest was submitted for: what was frozen, counted and hashed again."""

from __future__ import annotations

import hashlib
from typing import Final
from uuid import UUID

from hotline.crm.database import Reader

#: Recipients that are hashed at once.
_PIECE: Final = 100_000


async def digest(db: Reader, manifest_id: UUID) -> tuple[int, bytes]:
    """How many recipients a manifest has, and the SHA-256 over their customers' ids (16 bytes each) in the order of
    their positions. Read piece by piece: the memory that it takes does not grow with the audience."""
    found, hashed = 0, hashlib.sha256()
    while True:
        row = await db.fetchrow(
            """SELECT count(*) AS number, string_agg(uuid_send(customer_id), ''::bytea ORDER BY position) AS ids,
                   max(position) AS last
               FROM recipient WHERE manifest_id = $1 AND position >= $2 AND position < $3""",
            *(manifest_id, found, found + _PIECE),
        )
        if row is None or not row["number"]:
            return found, hashed.digest()
        # A position that is missing, or that was moved, shows in the ids that follow.
        found += row["number"]
        hashed.update(row["ids"])
        if row["number"] < _PIECE:
            left = await db.fetchval(
                "SELECT count(*) FROM recipient WHERE manifest_id = $1 AND (position >= $2 OR position < 0)",
                *(manifest_id, found),
            )
            return found + left, hashed.digest()
