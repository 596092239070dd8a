"""The company's settings: an overview, and a page for each section whose form follows from its model."""

from __future__ import annotations

from typing import Any, Final, Literal, get_args, get_origin

from aiohttp import web
from pydantic import ValidationError
from pydantic.fields import FieldInfo

from hotline.crm.company import SECTIONS, Section, get_section, list_sections
from hotline.crm.queries.company.calendars import list_calendars
from hotline.crm.queries.tickets.sla import list_policies
from hotline.errors import Conflict, HotlineError, NotFound
from hotline.web import auth
from hotline.web.context import house_of, signed_of
from hotline.web.desktop.company import (
    settings_brand,
    settings_calendars,
    settings_fields,
    settings_file,
    settings_lists,
    settings_policies,
)
from hotline.web.desktop.company.settings_words import SECTIONS as SECTION_WORDS
from hotline.web.desktop.company.settings_words import constraints, label_of, longest, refused
from hotline.web.desktop.forms import Form, field, form_of, version_of
from hotline.web.desktop.i18n import LANGUAGES
from hotline.web.desktop.render import html, see_other
from hotline.web.problems import ConfirmNeeded
from hotline.web.rights import needs
from hotline.workflows.company import company as workflow

#: Texts that are no longer stand on one line.
LINE: Final = 100
#: Texts longer than this are written in a high field.
LONG: Final = 1_000


@needs("settings.read")
async def index(request: web.Request) -> web.StreamResponse:
    """What there is to set, each with one line about how it is."""
    house, viewer = house_of(request), signed_of(request).viewer
    calendars = await list_calendars(house.db, viewer)
    now = house.clock()
    context = {
        "calendars": [(view, view.spec.calendar(view.key, house.settings.timezone).is_open(now)) for view in calendars],
        "policies": await list_policies(house.db, viewer),
        "sections": await list_sections(house.db, viewer),
        "words": SECTION_WORDS,
        "zone": house.settings.timezone.key,
        "page": "overview",
    }
    return html(request, "settings.html", context)


@needs("settings.read")
async def section(request: web.Request) -> web.StreamResponse:
    """The form of a section; whoever may only read it sees it without its button."""
    kind = _kind(request)
    if signed_of(request).viewer.may("settings.write"):
        _require_proof(request, kind, to_begin=True)
    view = await get_section(house_of(request).db, signed_of(request).viewer, kind.section)
    return _form(request, kind, view.value.model_dump(mode="json"), view.version)


@needs("settings.write")
async def save(request: web.Request) -> web.StreamResponse:
    """Changes the section, or shows the form again with what is wrong."""
    kind = _kind(request)
    _require_proof(request, kind)
    form = await form_of(request)
    typed = {name: _typed(form, name, each) for name, each in kind.model_fields.items()}
    version = version_of(form) or 0
    try:
        await workflow.put(house_of(request), signed_of(request).viewer, kind.model_validate(typed), version)
    except (ValidationError, Conflict) as error:
        return _form(request, kind, typed, version, error)
    return see_other(f"/settings/{kind.section}?done=saved")


def _kind(request: web.Request) -> type[Section]:
    kind = SECTIONS.get(request.match_info["section"])
    if kind is None:
        raise NotFound()
    return kind


def _require_proof(request: web.Request, kind: type[Section], *, to_begin: bool = False) -> None:
    if kind.guarded and not auth.is_confirmed(request, signed_of(request), to_begin=to_begin):
        raise ConfirmNeeded


def _typed(form: Form, name: str, info: FieldInfo) -> Any:
    if info.annotation is bool:
        return name in form
    if get_origin(info.annotation) is dict:
        # One too many is let through, so that the model says what is wrong.
        texts = {language: field(form, f"{name}_{language}", longest(info) + 1) for language in LANGUAGES}
        return {language: text.strip() for language, text in texts.items() if text.strip()}
    return field(form, name, longest(info) + 1).strip()


def _form(
    request: web.Request,
    kind: type[Section],
    values: dict[str, Any],
    version: int,
    error: ValidationError | HotlineError | None = None,
) -> web.Response:
    name, about = SECTION_WORDS[kind.section]
    context = {
        "page": kind.section,
        "name": name,
        "about": about,
        "version": version,
        "fields": [_described(kind, each, values.get(each)) for each in kind.model_fields],
        "errors": refused(request, error) if error else {},
        "returned": error is not None,
        "done": request.query.get("done", ""),
        "words": SECTION_WORDS,
    }
    status = 200 if error is None else error.status if isinstance(error, HotlineError) else 422
    return html(request, "settings_section.html", context, status=status)


def _described(kind: type[Section], name: str, value: Any) -> dict[str, Any]:
    """A field as the template draws it."""
    info = kind.model_fields[name]
    if info.annotation is bool:
        sort = "check"
    elif get_origin(info.annotation) is Literal:
        sort = "choice"
    elif get_origin(info.annotation) is dict:
        sort = "texts"
    elif info.annotation is str:
        sort = "line" if longest(info) <= LINE else "text"
    else:
        sort = "number"
    return {
        "name": name,
        "sort": sort,
        "value": value,
        "label": label_of(kind.section, name),
        "choices": get_args(info.annotation) if sort == "choice" else (),
        "default": info.get_default(call_default_factory=True),
        "longest": longest(info),
        "one_line": longest(info) <= LINE,
        "rows": 12 if longest(info) > LONG else 2,
        **constraints(info.metadata),
    }


def setup(app: web.Application) -> None:
    """Adds the routes."""
    app.router.add_get("/settings", index)
    settings_calendars.setup(app)
    settings_policies.setup(app)
    settings_lists.setup(app)
    settings_fields.setup(app)
    settings_file.setup(app)
    settings_brand.setup(app)
    app.router.add_get("/settings/{section}", section)
    app.router.add_post("/settings/{section}", save)
