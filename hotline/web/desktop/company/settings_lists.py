"""Settings: the company's own lists, what they offer and in which order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from aiohttp import web

from hotline.crm.queries.company.lists import ListView, get_list, read_lists
from hotline.errors import Conflict, HotlineError, Invalid
from hotline.web.context import house_of, signed_of
from hotline.web.desktop.company.list_words import LISTS
from hotline.web.desktop.company.settings_words import SECTIONS, refused
from hotline.web.desktop.forms import Form, fields, form_of, key_of, version_of
from hotline.web.desktop.render import html, see_other
from hotline.web.rights import needs
from hotline.workflows.company import lists as workflow

#: The columns of a row; all of them are sent for every row, so that they stay together.
_ROW: Final = ("key", "en", "zh", "state")


@needs("settings.read")
async def index(request: web.Request) -> web.StreamResponse:
    """Every list with what it offers."""
    found = await read_lists(house_of(request).db, signed_of(request).viewer)
    context = {"page": "lists", "words": SECTIONS, "names": LISTS, "lists": list(found.by_name.values())}
    return html(request, "settings_lists.html", context)


@needs("settings.read")
async def edit(request: web.Request) -> web.StreamResponse:
    """The form of a list; whoever may only read it sees it without its buttons."""
    view = await get_list(house_of(request).db, signed_of(request).viewer, request.match_info["name"])
    return _form(request, view, _rows(view))


@needs("settings.write")
async def save(request: web.Request) -> web.StreamResponse:
    """Changes the list, or shows the form again with what is wrong."""
    house, viewer = house_of(request), signed_of(request).viewer
    view = await get_list(house.db, viewer, request.match_info["name"])
    form = await form_of(request)
    typed = _typed(form)
    try:
        await workflow.put_list(house, viewer, view.name, _entries(typed), version_of(form))
    except (Invalid, Conflict) as error:
        return _form(request, view, typed, error)
    return see_other(f"/settings/lists/{view.name}?done=saved")


def _rows(view: ListView) -> list[dict[str, str]]:
    return [
        {
            "key": entry.key,
            "en": entry.names.get("en", ""),
            "zh": entry.names.get("zh", ""),
            "state": "archived" if entry.archived else "offered",
        }
        for entry in view.entries
    ]


def _typed(form: Form) -> list[dict[str, str]]:
    columns = [fields(form, f"entry_{name}", 200) for name in _ROW]
    rows = [dict(zip(_ROW, (text.strip() for text in row), strict=True)) for row in zip(*columns, strict=False)]
    return [row for row in rows if row["key"] or row["en"] or row["zh"]]


def _entries(rows: Sequence[Mapping[str, str]]) -> list[Any]:
    taken = {row["key"] for row in rows}
    entries = []
    for row in rows:
        key = row["key"] or _key(row["en"], taken)
        taken.add(key)
        names = {language: row[language] for language in ("en", "zh") if row[language]}
        entries.append({"key": key, "names": names, "archived": row["state"] == "archived"})
    return entries


def _key(name: str, taken: set[str]) -> str:
    """A key out of the English name: whoever adds an entry need not think of one."""
    key = key_of(name, 36) or "entry"
    return next(each for each in (key, *(f"{key}_{number}" for number in range(2, 1000))) if each not in taken)


def _form(
    request: web.Request, view: ListView, rows: Sequence[Mapping[str, str]], error: HotlineError | None = None
) -> web.Response:
    context = {
        "page": "lists",
        "words": SECTIONS,
        "name": LISTS[view.name][0],
        "about": LISTS[view.name][1],
        "view": view,
        "fixed": {entry.key for entry in view.entries if entry.fixed},
        "rows": rows,
        "version": view.version,
        "errors": refused(request, error) if error else {},
        "returned": error is not None,
        "done": request.query.get("done", ""),
    }
    return html(request, "settings_list.html", context, status=200 if error is None else error.status)


def setup(app: web.Application) -> None:
    """Adds the routes."""
    app.router.add_get("/settings/lists", index)
    app.router.add_get("/settings/lists/{name}", edit)
    app.router.add_post("/settings/lists/{name}", save)
