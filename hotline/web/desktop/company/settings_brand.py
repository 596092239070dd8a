"""Settings: how the company looks, its colour and its logo."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

from aiohttp import web
from pydantic import ValidationError

from hotline.crm.company import PICTURES, Brand, get_section
from hotline.errors import Conflict, HotlineError
from hotline.web.context import house_of, signed_of
from hotline.web.desktop.company.settings_words import SECTIONS, label_of, refused
from hotline.web.desktop.forms import Form, field, form_of, version_of
from hotline.web.desktop.render import html, see_other
from hotline.web.rights import needs
from hotline.workflows.company import company as workflow

#: Bytes of a logo.
LARGEST = 100_000


@needs("settings.read")
async def show(request: web.Request) -> web.StreamResponse:
    """The form; whoever may only read it sees it without its button."""
    view = await get_section(house_of(request).db, signed_of(request).viewer, Brand.section)
    return _form(request, view.value.model_dump(), view.version)


@needs("settings.write")
async def save(request: web.Request) -> web.StreamResponse:
    """Changes colour and logo, or shows the form again with what is wrong."""
    house, viewer = house_of(request), signed_of(request).viewer
    view = await get_section(house.db, viewer, Brand.section)
    form = await form_of(request)
    kept = view.value.model_dump()
    typed = {"colour": field(form, "colour", 20).strip(), "logo": _logo(form, kept["logo"])}
    version = version_of(form) or 0
    try:
        await workflow.put(house, viewer, Brand.model_validate(typed), version)
    except (ValidationError, Conflict) as error:
        return _form(request, {**kept, "colour": typed["colour"]}, version, error)
    return see_other("/settings/brand?done=saved")


def _logo(form: Form, kept: str) -> str:
    """The picture that was chosen as a data: address, else the one that is there, unless it is to go."""
    sent = form.get("logo")
    if isinstance(sent, web.FileField) and (raw := sent.file.read(LARGEST + 1)):
        kind = next((kind for kind, begins in PICTURES.items() if raw.startswith(begins)), "none")
        return f"data:{kind};base64,{b64encode(raw).decode()}" if len(raw) <= LARGEST else "data:too large"
    return "" if "remove" in form else kept


def _form(
    request: web.Request, values: dict[str, Any], version: int, error: ValidationError | HotlineError | None = None
) -> web.Response:
    context = {
        "page": Brand.section,
        "words": SECTIONS,
        "colour_label": label_of(Brand.section, "colour"),
        "logo_label": label_of(Brand.section, "logo"),
        "values": values,
        "version": version,
        "errors": refused(request, error) if error else {},
        "done": request.query.get("done", ""),
    }
    status = 200 if error is None else error.status if isinstance(error, HotlineError) else 422
    return html(request, "settings_brand.html", context, status=status)


def setup(app: web.Application) -> None:
    """Adds the routes."""
    app.router.add_get("/settings/brand", show)
    app.router.add_post("/settings/brand", save)
