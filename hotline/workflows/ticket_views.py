"""Saving lists of tickets, and the tree of categories."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, TypedDict, get_args
from uuid import UUID

from hotline.crm.queries.categories import CategoryView, list_categories
from hotline.crm.queries.ticket_views import MOST, SavedView, filters_to, get_view
from hotline.crm.unit_of_work import UnitOfWork
from hotline.crm.viewer import Viewer
from hotline.customers.text import one_line
from hotline.errors import Conflict, Forbidden, Invalid
from hotline.tickets.states import Kind, Priority, State
from hotline.tickets.views import Filters, Sort
from hotline.workflows.house import House

LONGEST_NAME: Final = 100
MOST_CATEGORIES: Final = 500
DEEPEST: Final = 5
_SLUG: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}(/[a-z0-9][a-z0-9_-]{0,39})*")
_LOCALES: Final = frozenset({"en", "zh"})


class NewCategory(TypedDict, total=False):
    """A category as it is written down; its parent is its slug without the last part."""

    slug: str
    names: Mapping[str, str]
    kind: str | None
    archived: bool


async def save_view(
    house: House, viewer: Viewer, name: str, filters: Filters, sort: Sort = "deadline", *, shared: bool = False
) -> SavedView:
    """Keep a list under a name. A shared one is everybody's, and needs ``tickets.assign``."""
    viewer.require("tickets.read")
    _may_share(viewer, shared)
    cleaned = one_line(name, "name", LONGEST_NAME, needed=True)
    _check(filters, sort)
    async with house.unit(viewer) as uow:
        view_id = uow.new_id()
        added = await uow.fetchval(
            """INSERT INTO ticket_view (id, user_id, name, filters, sort, position, created_at)
               SELECT $1, $2, $3, $4, $5, count(*), $6 FROM ticket_view WHERE user_id IS NOT DISTINCT FROM $2
               HAVING count(*) < $7 RETURNING id""",
            view_id, None if shared else viewer.user_id, cleaned, filters_to(filters), sort, uow.now, MOST // 2,
        )  # fmt: skip
        if added is None:
            raise Conflict("There are too many saved lists already: remove one first.")
        uow.audit("ticket_view:created", view_id, shared=shared)
        return await get_view(uow, viewer, view_id)


async def change_view(
    house: House,
    viewer: Viewer,
    view_id: UUID,
    *,
    name: str | None = None,
    filters: Filters | None = None,
    sort: Sort | None = None,
    position: int | None = None,
) -> SavedView:
    """Change one of one's own lists, or a shared one with ``tickets.assign``."""
    async with house.unit(viewer) as uow:
        view = await get_view(uow, viewer, view_id)
        _may_share(viewer, view.shared)
        wanted = replace(
            view,
            name=one_line(name, "name", LONGEST_NAME, needed=True) if name is not None else view.name,
            filters=filters or view.filters,
            sort=sort or view.sort,
            position=view.position if position is None else position,
        )
        _check(wanted.filters, wanted.sort)
        await uow.execute(
            "UPDATE ticket_view SET name = $2, filters = $3, sort = $4, position = $5 WHERE id = $1",
            view_id, wanted.name, filters_to(wanted.filters), wanted.sort, wanted.position,
        )  # fmt: skip
        uow.audit("ticket_view:changed", view_id)
        return wanted


async def delete_view(house: House, viewer: Viewer, view_id: UUID) -> None:
    """Remove one of one's own lists, or a shared one with ``tickets.assign``."""
    async with house.unit(viewer) as uow:
        view = await get_view(uow, viewer, view_id)
        _may_share(viewer, view.shared)
        await uow.execute("DELETE FROM ticket_view WHERE id = $1", view_id)
        uow.audit("ticket_view:deleted", view_id)


def _may_share(viewer: Viewer, shared: bool) -> None:
    if shared and not viewer.may("tickets.assign"):
        raise Forbidden("Only supervisors change the lists that everybody has.")


def _check(filters: Filters, sort: str) -> None:
    for field, kind, values in (
        ("state", State, filters.states),
        ("kind", Kind, filters.kinds),
        ("priority", Priority, filters.priorities),
        ("sort", Sort, (sort,)),
    ):
        if not set(values) <= set(get_args(kind)):
            raise Invalid(f"{field}: one of {', '.join(get_args(kind))}")


async def put_categories(house: House, viewer: Viewer, items: Sequence[NewCategory]) -> list[CategoryView]:
    """Replace the tree. What is left out is archived, not deleted: tickets name it."""
    viewer.require("settings.write")
    rows = _rows(items)
    async with house.unit(viewer) as uow:
        await _write(uow, rows)
        uow.audit("category:changed", None, slugs=[row["slug"] for row in rows])
        return await list_categories(uow, viewer)


def _rows(items: Sequence[NewCategory]) -> list[dict[str, Any]]:
    if len(items) > MOST_CATEGORIES:
        raise Invalid(f"items: at most {MOST_CATEGORIES} categories.")
    slugs = [item.get("slug", "") for item in items]
    rows = []
    for at, item in enumerate(items):
        slug = slugs[at]
        if not _SLUG.fullmatch(slug) or slug.count("/") >= DEEPEST or len(slug) > 200:
            raise Invalid(f"items[{at}].slug: small letters, digits, - and _; / between the levels, at most {DEEPEST}.")
        if slugs.count(slug) > 1:
            raise Invalid(f"items[{at}].slug: it stands here twice.")
        parent = slug.rpartition("/")[0] or None
        if parent is not None and parent not in slugs:
            raise Invalid(f"items[{at}].slug: there is no {parent} in the list.")
        kind = item.get("kind")
        if kind is not None and kind not in get_args(Kind):
            raise Invalid(f"items[{at}].kind: one of {', '.join(get_args(Kind))}")
        names = {
            language: one_line(name, f"items[{at}].names", LONGEST_NAME)
            for language, name in item.get("names", {}).items()
        }
        if not names.get("en") or not set(names) <= _LOCALES:
            raise Invalid(f"items[{at}].names: a name in en, and if you like in zh.")
        rows.append(
            {"slug": slug, "parent": parent, "kind": kind, "names": names, "position": at,
             "archived": bool(item.get("archived"))}
        )  # fmt: skip
    return rows


async def _write(uow: UnitOfWork, rows: Sequence[Mapping[str, Any]]) -> None:
    await uow.execute("LOCK TABLE category IN SHARE ROW EXCLUSIVE MODE")
    await uow.execute(
        "UPDATE category SET archived = true WHERE NOT archived AND NOT slug = ANY($1::text[])",
        [row["slug"] for row in rows],
    )
    await uow.execute(
        """INSERT INTO category (slug, parent, kind, names, position, archived)
           SELECT slug, parent, kind, names, position, archived
           FROM jsonb_to_recordset($1::jsonb) AS c (slug text, parent text, kind text, names jsonb, position int,
                                                    archived bool)
           ON CONFLICT (slug) DO UPDATE SET parent = excluded.parent, kind = excluded.kind, names = excluded.names,
               position = excluded.position, archived = excluded.archived""",
        list(rows),
    )
