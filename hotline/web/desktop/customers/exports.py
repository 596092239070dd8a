"""Exports: which customers, which columns, as what file; and the files that are kept for a day."""

from __future__ import annotations

from typing import Any, Final

from aiohttp import web

from hotline.crm.queries.customers import exports as queries
from hotline.crm.queries.customers.customer_filter import CustomerFilter
from hotline.customers import export_table
from hotline.customers.export_table import COLUMNS, CUSTOM
from hotline.errors import Conflict, HotlineError, Invalid
from hotline.web.context import house_of, signed_of
from hotline.web.desktop.customers import import_words
from hotline.web.desktop.customers.customers import FILTERS
from hotline.web.desktop.customers.imports import UNDER_WAY
from hotline.web.desktop.forms import field, fields, form_of, problems
from hotline.web.desktop.i18n import language_of
from hotline.web.desktop.render import html, is_fragment, see_other
from hotline.web.rights import needs
from hotline.workflows.company import fields as own_fields
from hotline.workflows.customers import exports as workflow
from hotline.workflows.customers.exports import NewExport
from hotline.workflows.ending_files import state_of

PAGE: Final = 30


@needs("customers.export")
async def index(request: web.Request) -> web.StreamResponse:
    """One's own exports, the newest first; while one is written, the list asks for itself again."""
    house, viewer = house_of(request), signed_of(request).viewer
    found = await queries.list_exports(house.db, house.keyring, viewer, limit=PAGE)
    now = house.clock()
    rows = [(view, state_of(view, now), None if view.job is None else view.job.seconds_left) for view in found]
    context = {
        "exports": rows,
        "under_way": any(state in UNDER_WAY for _, state, _ in rows),
        "words": import_words,
    }
    return html(request, "exports_list.html" if is_fragment(request) else "exports.html", context)


@needs("customers.export")
async def new(request: web.Request) -> web.StreamResponse:
    """What is to be exported; the address carries what the list was narrowed by."""
    chosen = {name: request.query.get(name, "")[:200] for name in FILTERS}
    return await _form(request, chosen, {"format": "csv", "columns": None, "language": language_of(request)})


@needs("customers.export")
async def create(request: web.Request) -> web.StreamResponse:
    """Begins the export."""
    form = await form_of(request)
    chosen = {name: field(form, name, 200) for name in FILTERS}
    columns = fields(form, "columns", 150)
    wanted = NewExport(
        format="xlsx" if field(form, "format", 5) == "xlsx" else "csv",
        fields=columns,
        chosen={name: value for name, value in chosen.items() if value},
        language="zh" if field(form, "language", 5) == "zh" else "en",
    )
    try:
        if not columns:
            raise Invalid("columns: something must stand here.")
        await workflow.start(house_of(request), signed_of(request).viewer, wanted)
    except (Invalid, Conflict) as error:
        values = {"format": wanted.format, "columns": columns, "language": wanted.language}
        return await _form(request, chosen, values, error)
    return see_other("/exports")


async def _form(
    request: web.Request, chosen: dict[str, str], values: dict[str, Any], error: HotlineError | None = None
) -> web.Response:
    house, viewer = house_of(request), signed_of(request).viewer
    known = await own_fields.load(house)
    language = language_of(request)
    usual = export_table.checked((), known)
    narrowed = {name: value for name, value in chosen.items() if value}
    count = None
    if "q" not in narrowed:
        chosen_by = CustomerFilter(
            narrowed.get("tag"), narrowed.get("tier"), narrowed.get("responsible"), narrowed.get("classification"),
            narrowed.get("kind"),
        )  # fmt: skip
        count = await queries.count_customers(house.db, viewer, chosen_by, None)
    context = {
        "chosen": narrowed,
        "count": count,
        "values": values,
        "columns": [(column, export_table.heading(column, known, language)) for column in usual],
        "own": [column for column in usual if column.startswith(CUSTOM)],
        "shipped": tuple(COLUMNS),
        "masked": sorted(viewer.masks),
        "errors": problems(request, error) if error is not None else {},
    }
    return html(request, "export_new.html", context, status=error.status if error is not None else 200)


def setup(app: web.Application) -> None:
    """Adds the routes."""
    app.router.add_get("/exports", index)
    app.router.add_get("/exports/new", new)
    app.router.add_post("/exports/new", create)
