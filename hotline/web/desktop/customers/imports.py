"""Imports: bring a file, say what its columns are, try it, start it, see what became of it."""

from __future__ import annotations

from typing import Any, Final

from aiohttp import web

from hotline.crm.import_seal import RefusedRow
from hotline.crm.queries.customers import imports as queries
from hotline.crm.queries.customers.imports import ImportView
from hotline.customers.import_targets import CUSTOM
from hotline.errors import Conflict, HotlineError, Invalid
from hotline.web.context import house_of, signed_of
from hotline.web.desktop.customers import import_words
from hotline.web.desktop.customers.import_errors import told, write_errors
from hotline.web.desktop.forms import Form, field, fields, form_of, problems, uuid_of, words_of
from hotline.web.desktop.i18n import language_of
from hotline.web.desktop.render import html, say, see_other
from hotline.web.rights import endless, needs
from hotline.workflows.company import fields as own_fields
from hotline.workflows.customers import imports as workflow
from hotline.workflows.customers.imports import LARGEST, ImportChanges

PAGE: Final = 30
#: Refused rows that the page itself shows.
SHOWN: Final = 20
UNDER_WAY: Final = frozenset({"queued", "running", "paused", "undoing"})
#: The longest mapping is 500 columns; forms carry one field for each.
_MOST_COLUMNS: Final = 500


@needs("customers.import")
async def index(request: web.Request) -> web.StreamResponse:
    """What was brought, the newest first, and the place to bring another file."""
    house, viewer = house_of(request), signed_of(request).viewer
    found = await queries.list_imports(house.db, house.keyring, viewer, limit=PAGE)
    context = {
        "imports": [(view, state_of(view)) for view in found],
        "mappings": await queries.list_mappings(house.db, viewer),
        "words": import_words,
        "largest": LARGEST,
    }
    return html(request, "imports.html", context)


@needs("customers.import")
async def show(request: web.Request) -> web.StreamResponse:
    """One import: how its file is read, or what became of it."""
    view = await _view(request)
    return await _page(request, view)


@needs("customers.import")
async def progress(request: web.Request) -> web.StreamResponse:
    """The part of the page that changes while a job works."""
    view = await _view(request)
    return html(request, "import_state.html", await _context(request, view))


@needs("customers.import")
async def change(request: web.Request) -> web.StreamResponse:
    """Corrects how the file is read, and tries or starts the import where that button was pressed."""
    house, viewer = house_of(request), signed_of(request).viewer
    view = await _view(request)
    form = await form_of(request)
    do = field(form, "do", 20)
    try:
        view = await workflow.change(house, viewer, view.id, _changes(form, view, do))
        if do == "remember":
            await workflow.save_mapping(house, viewer, field(form, "mapping_name", 100), view.id)
            return see_other(f"/imports/{view.id}?done=remembered")
        if do in ("check", "start"):
            await workflow.start(house, viewer, view.id, trial=do == "check")
    except (Invalid, Conflict) as error:
        return await _page(request, await _view(request), error)
    return see_other(f"/imports/{view.id}" + ("" if do in ("check", "start") else "?done=saved"))


@needs("customers.import")
@endless
async def errors(request: web.Request) -> web.StreamResponse:
    """The refused rows as a file."""
    house, viewer = house_of(request), signed_of(request).viewer
    view, rows = await workflow.refused(house, viewer, uuid_of(request))
    return await write_errors(request, view, rows, language_of(request))


def state_of(view: ImportView) -> str:
    """What an import is at: its own job's state, or that of the trial run, or ``draft``."""
    if view.job is not None:
        return view.job.state
    if view.check is not None and view.check.state in UNDER_WAY:
        return view.check.state
    return "draft" if view.file_deleted_at is None else "ended"


async def _view(request: web.Request) -> ImportView:
    house, viewer = house_of(request), signed_of(request).viewer
    return await queries.get_import(house.db, house.keyring, viewer, uuid_of(request))


async def _page(request: web.Request, view: ImportView, error: HotlineError | None = None) -> web.Response:
    context = await _context(request, view)
    context["errors"] = problems(request, error) if error is not None else {}
    if isinstance(error, Conflict) and "version" not in error.detail:
        context["errors"] = {"": say(request, error.detail)}
    context["done"] = request.query.get("done", "")
    return html(request, "import.html", context, status=error.status if error is not None else 200)


async def _context(request: web.Request, view: ImportView) -> dict[str, Any]:
    house, viewer = house_of(request), signed_of(request).viewer
    known = await own_fields.load(house)
    language = language_of(request)
    job = view.job or view.check
    refused: list[tuple[RefusedRow, str]] = []
    kept = False
    if job is not None and job.state not in UNDER_WAY:
        rows = queries.refused_rows(house.db, house.keyring, viewer, view, job.id, most=SHOWN)
        refused = [(row, told(row, view.headings, language)) async for row in rows]
        kept = bool(refused)
    custom = [
        (CUSTOM + each.key, each.name(language))
        for each in known.fields
        if each.target == "customer" and not each.archived
    ]
    loose = [target for target in view.mapping if target and target.startswith(CUSTOM)]
    return {
        "view": view,
        "job": job,
        "state": state_of(view),
        "under_way": job is not None and job.state in UNDER_WAY,
        "trial": view.job is None,
        "left": None if job is None else job.seconds_left,
        "custom": custom,
        "loose": [target for target in loose if target not in dict(custom)],
        "columns": [
            {
                "heading": view.headings[at],
                "target": target,
                "by": view.guessed[at] if at < len(view.guessed) else "none",
                "samples": list(dict.fromkeys(row[at] for row in view.rows if at < len(row) and row[at].strip()))[:3],
            }
            for at, target in enumerate(view.mapping)
        ],
        "words": import_words,
        "mappings": await queries.list_mappings(house.db, viewer),
        "refused": refused,
        "refused_kept": kept,
        "reasons": sorted(job.result.get("reasons", {}).items(), key=lambda each: -each[1]) if job is not None else [],
        "default_region": house.settings.region,
        "errors": {},
        "done": "",
    }


def _changes(form: Form, view: ImportView, do: str) -> ImportChanges:
    """What the form says; another way of reading makes new guesses, so the columns that were shown do not count."""
    reading: dict[str, Any] = {"headings": field(form, "headings", 5) == "yes"}
    if view.format == "csv":
        reading |= {name: form.get(name) for name in ("encoding", "delimiter", "quote") if name in form}
    elif "sheet" in form:
        sheet = field(form, "sheet", 5)
        reading["sheet"] = int(sheet) if sheet.isdecimal() else -1
    changes: ImportChanges = {"reading": {k: v for k, v in reading.items() if view.reading.get(k) != v}}
    if do == "apply":
        changes["saved"] = field(form, "saved", 100)
    elif not changes["reading"]:
        targets = _targets(form)
        if len(targets) == view.columns:
            changes["mapping"] = targets
    changes["options"] = {
        "duplicates": field(form, "duplicates", 10),
        "match": fields(form, "match", 10),
        "region": field(form, "region", 2).upper(),
        "date_order": field(form, "date_order", 5),
        "tags": words_of(field(form, "tags", 2000)),
    }
    return changes


def _targets(form: Form) -> list[str | None]:
    """The menus' values; ``custom.`` alone takes the heading beside it as the field's name."""
    targets: list[str | None] = []
    for at in range(_MOST_COLUMNS):
        if (value := form.get(f"column-{at}")) is None:
            break
        targets.append(str(value)[:150] or None)
    return targets


def setup(app: web.Application) -> None:
    """Adds the routes."""
    app.router.add_get("/imports", index)
    app.router.add_get("/imports/{id}", show)
    app.router.add_post("/imports/{id}", change)
    app.router.add_get("/imports/{id}/state", progress)
    app.router.add_get("/imports/{id}/errors.csv", errors)
