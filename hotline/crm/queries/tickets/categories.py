"""The categories of tickets: a tree by slug paths."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hotline.crm.database import Reader
from hotline.crm.viewer import Viewer
from hotline.errors import Invalid


@dataclass(frozen=True, slots=True)
class CategoryView:
    """A category. ``names`` by language; ``kind`` None: for tickets of every kind."""

    slug: str
    parent: str | None
    kind: str | None
    names: Mapping[str, str]
    position: int
    archived: bool


async def list_categories(db: Reader, viewer: Viewer) -> list[CategoryView]:
    """All categories, each after its parent; archived ones too, since tickets name them, after the others."""
    viewer.require("tickets.read")
    rows = await db.fetch(
        """SELECT slug, parent, kind, names, position, archived FROM category
           ORDER BY archived, position, slug LIMIT 1000"""
    )
    below: dict[str | None, list[CategoryView]] = {}
    for row in rows:
        below.setdefault(row["parent"], []).append(CategoryView(**row))
    found: list[CategoryView] = []

    def add(parent: str | None) -> None:
        for each in below.get(parent, ()):
            found.append(each)
            add(each.slug)

    add(None)
    return found


async def require_category(db: Reader, viewer: Viewer, slug: str) -> None:
    """Raise Invalid unless tickets may get this category."""
    viewer.require("tickets.write")
    if not await db.fetchval("SELECT EXISTS (SELECT 1 FROM category WHERE slug = $1 AND NOT archived)", slug):
        raise Invalid("category: there is no such category.")
