"""Tiers (VIP levels) and tags: small lists that whoever sees customers sees whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from hotline.crm.database import Reader
from hotline.crm.viewer import Viewer
from hotline.errors import NotFound


@dataclass(frozen=True, slots=True)
class TierView:
    """A tier. ``names`` by locale; ``rank`` 1 is the highest; ``queue_priority`` is what the PBX's queue
    gets."""

    id: UUID
    key: str
    names: Mapping[str, str]
    rank: int
    queue_priority: int


@dataclass(frozen=True, slots=True)
class TagView:
    """A tag."""

    id: UUID
    name: str


async def list_tiers(db: Reader, viewer: Viewer) -> list[TierView]:
    """Every tier, the highest first."""
    viewer.require("customers.read")
    rows = await db.fetch("SELECT id, key, names, rank, queue_priority FROM tier ORDER BY rank, key")
    return [TierView(**row) for row in rows]


async def get_tier(db: Reader, viewer: Viewer, tier_id: UUID) -> TierView:
    """One tier. Raises NotFound."""
    viewer.require("customers.read")
    row = await db.fetchrow("SELECT id, key, names, rank, queue_priority FROM tier WHERE id = $1", tier_id)
    if row is None:
        raise NotFound()
    return TierView(**row)


async def list_tags(db: Reader, viewer: Viewer) -> list[TagView]:
    """Every tag by its name, at most 1,000."""
    viewer.require("customers.read")
    rows = await db.fetch("SELECT id, name FROM tag ORDER BY lower(name) LIMIT 1000")
    return [TagView(row["id"], row["name"]) for row in rows]
