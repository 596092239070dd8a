"""Changes to tiers and tags."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from hotline.crm.unit_of_work import UnitOfWork
from hotline.errors import Conflict, NotFound


async def create_tier(uow: UnitOfWork, key: str, names: dict[str, str], rank: int, queue_priority: int) -> UUID:
    """Add a tier. Raises Conflict for a key that is taken."""
    if await uow.fetchval("SELECT 1 FROM tier WHERE key = $1", key):
        raise Conflict("key: another tier has this key.")
    tier_id = uow.new_id()
    await uow.execute(
        "INSERT INTO tier (id, key, names, rank, queue_priority) VALUES ($1, $2, $3, $4, $5)",
        *(tier_id, key, names, rank, queue_priority),
    )
    uow.audit("tier:created", tier_id, key=key, rank=rank, queue_priority=queue_priority)
    return tier_id


async def update_tier(uow: UnitOfWork, tier_id: UUID, changes: dict[str, Any]) -> None:
    """Write changed columns of a tier: names, rank, queue_priority. Raises NotFound."""
    if not await uow.fetchval("SELECT 1 FROM tier WHERE id = $1 FOR UPDATE", tier_id):
        raise NotFound()
    if not changes:
        return
    assignments = ", ".join(f"{name} = ${position}" for position, name in enumerate(changes, start=2))
    await uow.execute(f"UPDATE tier SET {assignments} WHERE id = $1", tier_id, *changes.values())  # noqa: S608
    uow.audit("tier:updated", tier_id, **changes)


async def rename_tag(uow: UnitOfWork, tag_id: UUID, name: str) -> None:
    """Give a tag another name. Raises NotFound, or Conflict when another tag has it."""
    if await uow.fetchval("SELECT 1 FROM tag WHERE lower(name) = lower($1) AND id <> $2", name, tag_id):
        raise Conflict("name: another tag has this name.")
    if await uow.execute("UPDATE tag SET name = $2 WHERE id = $1", tag_id, name) == "UPDATE 0":
        raise NotFound()
    uow.audit("tag:renamed", tag_id)


async def delete_tag(uow: UnitOfWork, tag_id: UUID) -> None:
    """Take a tag off every customer and delete it. Raises NotFound."""
    if await uow.execute("DELETE FROM tag WHERE id = $1", tag_id) == "DELETE 0":
        raise NotFound()
    uow.audit("tag:deleted", tag_id)
