"""Lists of tickets that people saved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final, get_args
from uuid import UUID

from hotline.crm.database import Reader
from hotline.crm.viewer import Viewer
from hotline.errors import NotFound
from hotline.tickets.views import Filters, Sort

#: Saved lists of one person, shared ones included.
MOST: Final = 100


@dataclass(frozen=True, slots=True)
class SavedView:
    """A saved list; ``shared`` with everybody, else its owner's alone."""

    id: UUID
    name: str
    filters: Filters
    sort: Sort
    shared: bool
    position: int


async def list_views(db: Reader, viewer: Viewer) -> list[SavedView]:
    """The viewer's own lists and those that are everybody's."""
    viewer.require("tickets.read")
    rows = await db.fetch(
        """SELECT id, name, filters, sort, user_id, position FROM ticket_view
           WHERE user_id IS NULL OR user_id = $1 ORDER BY position, lower(name), id LIMIT $2""",
        *(viewer.user_id, MOST),
    )
    return [
        SavedView(
            row["id"], row["name"], filters_from(row["filters"]), _sort(row["sort"]), row["user_id"] is None,
            row["position"],
        )
        for row in rows
    ]  # fmt: skip


async def get_view(db: Reader, viewer: Viewer, view_id: UUID) -> SavedView:
    """One of them. Raises NotFound."""
    found = next((view for view in await list_views(db, viewer) if view.id == view_id), None)
    if found is None:
        raise NotFound("There is no such list.")
    return found


def filters_from(stored: Mapping[str, Any]) -> Filters:
    """Filters as they were stored. What another version of hotline wrote and this one does not know is left out."""
    known: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in stored.items()
        if name in Filters.__dataclass_fields__
    }
    return Filters(**known)


def filters_to(filters: Filters) -> dict[str, Any]:
    """Filters as they are stored: what asks for nothing is left out."""
    return {name: value for name, value in asdict(filters).items() if value not in ((), None, False)} | (
        {"provisional": False} if filters.provisional is False else {}
    )


def _sort(stored: str) -> Sort:
    return stored if stored in get_args(Sort) else "deadline"  # type: ignore[return-value]
