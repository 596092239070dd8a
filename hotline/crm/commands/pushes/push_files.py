"""Files of campaigns: kept, and those that hold people ended when somebody is erased. The rest: ``ending_files``."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from hotline.crm.commands.ending_files import end_files
from hotline.crm.keys import PersonalKey, Wrapped
from hotline.crm.personal_keys import keep_personal_key
from hotline.crm.queries.pushes.push_files import TABLE
from hotline.crm.unit_of_work import UnitOfWork

Kind = Literal["suppressions", "deliveries"]


async def add_push_file(
    uow: UnitOfWork,
    file_id: UUID,
    kind: Kind,
    key: PersonalKey,
    wrapped: Wrapped,
    *,
    name: str,
    format: str,
    language: str,
    chosen: Mapping[str, Any],
    expires_at: datetime,
    path: str | None = None,
    size: int | None = None,
) -> None:
    """Keep what somebody has brought, or wants to have, under a key of its own."""
    await keep_personal_key(uow, key, wrapped)
    await uow.execute(
        """INSERT INTO push_file (id, kind, created_by_id, key_id, name_cipher, format, language, chosen, path, bytes,
                                  created_at, expires_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)""",
        *(file_id, kind, uow.viewer.user_id, key.id),
        uow.keyring.encrypt(key, TABLE, "name_cipher", file_id, name),
        *(format, language, dict(chosen), path, size, uow.now, expires_at),
    )
    uow.audit(f"push_file:{'brought' if kind == 'suppressions' else 'asked'}", file_id, kind=kind, **chosen)


async def forget_exports(uow: UnitOfWork) -> list[str]:
    """End every export that is still kept: somebody is erased, and nobody knows in which of them they are. A list that
    is being read goes on: it is there so that nobody is written to. The paths, to be removed after the commit."""
    rows = await uow.fetch("SELECT id FROM push_file WHERE kind = 'deliveries' AND deleted_at IS NULL FOR UPDATE")
    return await end_files(uow, TABLE, [row["id"] for row in rows])
