"""Idempotency keys: the same request sent twice has one effect and one answer."""

from __future__ import annotations

from uuid import UUID

from hotline.crm.unit_of_work import UnitOfWork
from hotline.errors import Conflict

Idempotency = tuple[str, bytes]
"""The key as the program sent it, and a fingerprint of the request that it came with."""


async def claim(uow: UnitOfWork, idempotency: Idempotency | None, subject_id: UUID) -> UUID | None:
    """Claims the key for the record ``subject_id`` that this unit is about to make.

    None: go on. An id: the key was used before, for that record, with the same request. A twin that runs at the same
    moment is waited for. Raises Conflict when the key came with another request before.
    """
    if idempotency is None or uow.viewer.user_id is None:
        return None
    key, fingerprint = idempotency
    claimed = await uow.fetchrow(
        "INSERT INTO idempotency_key (user_id, key, fingerprint, subject_id) VALUES ($1, $2, $3, $4)"
        " ON CONFLICT (user_id, key) DO NOTHING RETURNING id",
        uow.viewer.user_id,
        key,
        fingerprint,
        subject_id,
    )
    if claimed is not None:
        return None
    earlier = await uow.fetchrow(
        "SELECT fingerprint, subject_id FROM idempotency_key WHERE user_id = $1 AND key = $2",
        uow.viewer.user_id,
        key,
    )
    if earlier is None or bytes(earlier["fingerprint"]) != fingerprint:
        raise Conflict("This Idempotency-Key was used with another request.")
    found: UUID = earlier["subject_id"]
    return found
