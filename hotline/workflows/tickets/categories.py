"""The tree of categories that tickets are sorted by."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, TypedDict, get_args

from hotline.crm.commands.tickets.categories import write_categories
from hotline.crm.queries.tickets.categories import CategoryView, list_categories
from hotline.crm.viewer import Viewer
from hotline.customers.text import one_line
from hotline.errors import Invalid
from hotline.tickets.states import Kind
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


async def put_categories(house: House, viewer: Viewer, items: Sequence[NewCategory]) -> list[CategoryView]:
    """Replace the tree. What is left out is archived, not deleted: tickets name it."""
    viewer.require("settings.write")
    rows = rows_of(items)
    async with house.unit(viewer) as uow:
        await write_categories(uow, rows)
        uow.audit("category:changed", None, slugs=[row["slug"] for row in rows])
        return await list_categories(uow, viewer)


def rows_of(items: Sequence[NewCategory]) -> list[dict[str, Any]]:
    """The tree as it is stored. Raises Invalid, which names the category and what is wrong with it."""
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
