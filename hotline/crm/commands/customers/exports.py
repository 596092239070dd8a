"""Exports of customers: asked for, and all of them ended when somebody is erased; else they are ``ending_files``."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from hotline.crm.commands.ending_files import end_files
from hotline.crm.keys import PersonalKey
from hotline.crm.personal_keys import create_personal_key
from hotline.crm.queries.customers.exports import TABLE
from hotline.crm.unit_of_work import UnitOfWork


async def add_export(
    uow: UnitOfWork,
    export_id: UUID,
    *,
    format: str,
    language: str,
    fields: Sequence[str],
    chosen: Mapping[str, Any],
    expires_at: datetime,
) -> PersonalKey:
    """Keep what somebody wants exported, under a key of its own."""
    key = await create_personal_key(uow)
    await uow.execute(
        """INSERT INTO customer_export (id, created_by_id, key_id, format, language, fields, filter_cipher, created_at,
                                        expires_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)""",
        *(export_id, uow.viewer.user_id, key.id, format, language, list(fields)),
        uow.keyring.encrypt(key, TABLE, "filter_cipher", export_id, json.dumps(chosen, ensure_ascii=False)),
        *(uow.now, expires_at),
    )
    uow.audit("export:started", export_id, format=format, fields=list(fields), narrowed=sorted(chosen))
    return key


async def forget_all(uow: UnitOfWork) -> list[str]:
    """End every export that is still kept: somebody is erased, and nobody knows in which of them they are. The paths of
    the files, to be removed after the commit."""
    rows = await uow.fetch("SELECT id FROM customer_export WHERE deleted_at IS NULL FOR UPDATE")
    return await end_files(uow, TABLE, [row["id"] for row in rows])
