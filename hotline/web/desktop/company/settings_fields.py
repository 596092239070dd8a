"""Settings: the company's own fields of customers and tickets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from aiohttp import web

from hotline.crm.queries.customers.custom_fields import get_field, read_fields
from hotline.customers.custom_fields import RECORDS, CustomField
from hotline.customers.money import currencies
from hotline.errors import Conflict, HotlineError, Invalid
from hotline.web.context import house_of, signed_of
from hotline.web.desktop.company.settings_words import SECTIONS, refused
from hotline.web.desktop.forms import Form, field, fields, form_of, key_of, uuid_of, version_of
from hotline.web.desktop.render import html, see_other
from hotline.web.desktop.words import N_
from hotline.web.rights import needs
from hotline.workflows.company import fields as workflow

#: Whose fields they are.
RECORD_NAMES: Final[Mapping[str, str]] = {
    "customer": N_("Persons and organisations"), "person": N_("Persons"), "organisation": N_("Organisations"),
    "ticket": N_("Tickets"),
}  # fmt: skip
TYPE_NAMES: Final[Mapping[str, str]] = {
    "text": N_("Text, one line"), "long_text": N_("Text, some lines"), "number": N_("Whole number"),
    "decimal": N_("Number with decimals"), "money": N_("Amount of money"), "date": N_("Day"), "datetime": N_("Time"),
    "boolean": N_("Yes or no"), "choice": N_("One choice"), "multi_choice": N_("Several choices"),
    "url": N_("Web address"), "email": N_("Email"), "phone": N_("Telephone number"),
}  # fmt: skip
_CHOICE: Final = ("choice_key", "choice_en", "choice_zh", "choice_state")
_TEXTS: Final = ("name_en", "name_zh", "hint_en", "hint_zh", "currency", "minimum", "maximum")
_FLAGS: Final = ("required", "private", "shown_in_pop", "archived")


@needs("settings.read")
async def index(request: web.Request) -> web.StreamResponse:
    """Every field, in the order in which records show them."""
    found = (await read_fields(house_of(request).db, signed_of(request).viewer)).fields
    context = {
        "page": "fields",
        "words": SECTIONS,
        "groups": [
            (name, [each for each in found if each.record == record and not each.archived])
            for record, name in RECORD_NAMES.items()
        ],
        "archived": [each for each in found if each.archived],
        "records": RECORD_NAMES,
        "types": TYPE_NAMES,
        "done": request.query.get("done", ""),
    }
    return html(request, "settings_fields.html", context)


@needs("settings.write")
async def order(request: web.Request) -> web.StreamResponse:
    """Puts the fields of one kind of record into another order."""
    form = await form_of(request)
    ids = []
    for text in fields(form, "field_id", 40):
        try:
            ids.append(UUID(text))
        except ValueError:
            raise Invalid("field_id: not an id.") from None
    await workflow.order_fields(house_of(request), signed_of(request).viewer, ids)
    return see_other("/settings/fields?done=saved")


@needs("settings.write")
async def new(request: web.Request) -> web.StreamResponse:
    """The form of a new field."""
    record = request.query.get("record", "customer")
    return _form(request, None, {"record": record if record in RECORDS else "customer", "type": "text"})


@needs("settings.write")
async def create(request: web.Request) -> web.StreamResponse:
    """Adds the field, or shows the form again with what is wrong."""
    form = await form_of(request)
    typed = _typed(form)
    try:
        data: Any = {
            **_described(typed, typed["type"]), "record": typed["record"], "type": typed["type"],
            "key": typed["key"] or _key(typed["name_en"]),
        }  # fmt: skip
        await workflow.create_field(house_of(request), signed_of(request).viewer, data)
    except (Invalid, Conflict) as error:
        return _form(request, None, typed, error)
    return see_other("/settings/fields?done=created")


@needs("settings.read")
async def edit(request: web.Request) -> web.StreamResponse:
    """The form of a field; whoever may only read it sees it without its button."""
    view = await get_field(house_of(request).db, signed_of(request).viewer, uuid_of(request))
    return _form(request, view, _values(view))


@needs("settings.write")
async def update(request: web.Request) -> web.StreamResponse:
    """Changes the field, or shows the form again with what is wrong."""
    house, viewer = house_of(request), signed_of(request).viewer
    view = await get_field(house.db, viewer, uuid_of(request))
    form = await form_of(request)
    typed = _typed(form)
    try:
        data: Any = _described(typed, view.type)
        await workflow.update_field(house, viewer, view.id, data, version_of(form))
    except (Invalid, Conflict) as error:
        return _form(request, view, typed, error)
    return see_other("/settings/fields?done=saved")


def _values(view: CustomField) -> dict[str, Any]:
    return {
        "record": view.record, "type": view.type, "key": view.key,
        "name_en": view.names.get("en", ""), "name_zh": view.names.get("zh", ""),
        "hint_en": view.hints.get("en", ""), "hint_zh": view.hints.get("zh", ""),
        "currency": view.currency or "", "minimum": view.minimum or "", "maximum": view.maximum or "",
        "required": view.required, "private": view.private, "shown_in_pop": view.shown_in_pop,
        "archived": view.archived,
        "choices": [
            {"choice_key": choice.key, "choice_en": choice.names.get("en", ""), "choice_zh": choice.names.get("zh", ""),
             "choice_state": "archived" if choice.archived else "offered"}
            for choice in view.choices
        ],
    }  # fmt: skip


def _typed(form: Form) -> dict[str, Any]:
    columns = [fields(form, name, 200) for name in _CHOICE]
    rows = [dict(zip(_CHOICE, (text.strip() for text in row), strict=True)) for row in zip(*columns, strict=False)]
    return {
        **{name: field(form, name, 300).strip() for name in (*_TEXTS, "record", "type", "key")},
        **{name: name in form for name in _FLAGS},
        "choices": [row for row in rows if row["choice_key"] or row["choice_en"] or row["choice_zh"]],
    }


def _described(typed: Mapping[str, Any], kind: str) -> dict[str, Any]:
    """What the form says, as the workflow takes it: only what belongs to the field's type."""
    data: dict[str, Any] = {
        "names": {language: typed[f"name_{language}"] for language in ("en", "zh") if typed[f"name_{language}"]},
        "hints": {language: typed[f"hint_{language}"] for language in ("en", "zh") if typed[f"hint_{language}"]},
        **{name: typed[name] for name in _FLAGS},
    }
    if kind in ("choice", "multi_choice"):
        data["choices"] = [
            {"key": row["choice_key"] or _key(row["choice_en"]), "archived": row["choice_state"] == "archived",
             "names": {language: row[f"choice_{language}"] for language in ("en", "zh") if row[f"choice_{language}"]}}
            for row in typed["choices"]
        ]  # fmt: skip
    if kind == "money":
        data["currency"] = typed["currency"] or None
    if kind in ("number", "decimal"):
        data |= {"minimum": typed["minimum"] or None, "maximum": typed["maximum"] or None}
    return data


def _key(name: str) -> str:
    """A key out of the English name: whoever adds a field need not think of one."""
    return key_of(name, 40) or "field"


def _form(
    request: web.Request, view: CustomField | None, values: Mapping[str, Any], error: HotlineError | None = None
) -> web.Response:
    context = {
        "page": "fields",
        "words": SECTIONS,
        "view": view,
        "values": {**dict.fromkeys((*_TEXTS, "key"), ""), **dict.fromkeys(_FLAGS, False), "choices": [], **values},
        "records": RECORD_NAMES,
        "types": TYPE_NAMES,
        "currencies": sorted(currencies()),
        "errors": refused(request, error) if error else {},
        "returned": error is not None,
    }
    return html(request, "settings_field.html", context, status=200 if error is None else error.status)


def setup(app: web.Application) -> None:
    """Adds the routes."""
    app.router.add_get("/settings/fields", index)
    app.router.add_post("/settings/fields/order", order)
    app.router.add_get("/settings/fields/new", new)
    app.router.add_post("/settings/fields/new", create)
    app.router.add_get("/settings/fields/{id}", edit)
    app.router.add_post("/settings/fields/{id}", update)
