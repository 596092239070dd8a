"""Templates of what campaigns send: the list, and one to be written, looked at as it arrives, and tried out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from aiohttp import web

from hotline.campaigns.consent import CHANNELS, Channel
from hotline.campaigns.content_findings import findings_of
from hotline.crm.queries.campaigns.templates import TemplateView, get_template, list_template_versions, list_templates
from hotline.crm.queries.customers.customer_search import search_customers
from hotline.errors import Conflict, HotlineError, Invalid
from hotline.web.context import house_of, signed_of
from hotline.web.desktop.campaigns import template_words
from hotline.web.desktop.campaigns.mail_frame import mail_frame
from hotline.web.desktop.campaigns.template_forms import (
    SHOWN,
    changes_of,
    channel_from,
    empty,
    locales_of,
    template_problems,
    typed_again,
    typed_of,
    with_language,
)
from hotline.web.desktop.forms import Form, field, form_of, uuid_of, version_of
from hotline.web.desktop.i18n import language_of, words
from hotline.web.desktop.render import html, see_other
from hotline.web.rights import needs
from hotline.workflows.campaigns import templates as workflow
from hotline.workflows.campaigns.template_content import content_of, custom_keys
from hotline.workflows.campaigns.template_previews import Preview, preview

PAGE: Final = 50


@needs("templates.read")
async def index(request: web.Request) -> web.StreamResponse:
    """The newest first; of one channel, or those that are archived."""
    house, viewer = house_of(request), signed_of(request).viewer
    channel = request.query.get("channel", "")
    archived = "archived" in request.query
    after = request.query.get("after", "")
    found = await list_templates(
        house.db, viewer, limit=PAGE + 1, after=_id(after), channel=channel if channel in CHANNELS else None,
        archived=archived,
    )  # fmt: skip
    context = {
        "templates": found[:PAGE],
        "next": found[PAGE - 1].id if len(found) > PAGE else None,
        "channel": channel if channel in CHANNELS else "",
        "archived": archived,
        "words": template_words,
        "done": request.query.get("done", ""),
    }
    return html(request, "template_list.html", context)


@needs("templates.write")
async def new(request: web.Request) -> web.StreamResponse:
    """The form of a new template."""
    channel = channel_from(request.query.get("channel", ""))
    return await _form(request, None, channel, empty(channel))


@needs("templates.write")
async def create(request: web.Request) -> web.StreamResponse:
    """Makes the template, or shows the form again with what is wrong."""
    form = await form_of(request)
    channel = channel_from(field(form, "channel", 20))
    typed = typed_of(form, channel)
    try:
        if added := _added(form):
            return await _form(request, None, channel, with_language(typed, added), returned=True)
        made: Any = {**changes_of(typed), "channel": channel}
        template = await workflow.create_template(house_of(request), signed_of(request).viewer, made)
    except (Invalid, Conflict) as error:
        return await _form(request, None, channel, typed, error)
    return see_other(f"/templates/{template.id}?done=created")


@needs("templates.read")
async def show(request: web.Request) -> web.StreamResponse:
    """A template: to be changed, or to be read by who may not, and what it said before."""
    template = await get_template(house_of(request).db, signed_of(request).viewer, uuid_of(request))
    return await _form(request, template, template.channel, typed_again(template))


@needs("templates.write")
async def update(request: web.Request) -> web.StreamResponse:
    """Changes the template, or shows the form again with what is wrong."""
    house, viewer = house_of(request), signed_of(request).viewer
    template = await get_template(house.db, viewer, uuid_of(request))
    form = await form_of(request)
    typed = typed_of(form, template.channel)
    try:
        if added := _added(form):
            return await _form(request, template, template.channel, with_language(typed, added), returned=True)
        changes: Any = changes_of(typed)
        await workflow.change_template(house, viewer, template.id, changes, version_of(form))
    except (Invalid, Conflict) as error:
        return await _form(request, template, template.channel, typed, error)
    return see_other(f"/templates/{template.id}?done=saved")


@needs("templates.read")
async def look(request: web.Request) -> web.StreamResponse:
    """What was typed as it arrives: a part of the page, asked for as somebody types."""
    form = await form_of(request)
    channel = channel_from(field(form, "channel", 20))
    context = await _look(request, channel, typed_of(form, channel), form)
    return html(request, "template_look.html", context)


@needs("templates.read")
async def frame(request: web.Request) -> web.StreamResponse:
    """The HTML of a mail as it was typed, for the page's sandboxed frame."""
    form = await form_of(request)
    shown = (await _look(request, "email", typed_of(form, "email"), form))["shown"]
    return mail_frame(shown.rendered.html or "" if shown is not None else "")


@needs("templates.read")
async def saved_frame(request: web.Request) -> web.StreamResponse:
    """The HTML of a mail as it was saved, for the page's sandboxed frame."""
    house, viewer = house_of(request), signed_of(request).viewer
    template = await get_template(house.db, viewer, uuid_of(request))
    locale = request.query.get("locale", "")[:20]
    shown = await preview(house, viewer, template.channel, template.content, locale=locale or None)
    return mail_frame(shown.rendered.html or "")


async def _form(
    request: web.Request,
    template: TemplateView | None,
    channel: Channel,
    typed: Mapping[str, Any],
    error: HotlineError | None = None,
    *,
    returned: bool = False,
) -> web.Response:
    house, viewer = house_of(request), signed_of(request).viewer
    may_change = viewer.may("templates.write") and (template is None or template.archived_at is None)
    context = {
        "template": template,
        "channel": channel,
        "channels": CHANNELS,
        "values": typed,
        "shown_fields": SHOWN[channel],
        "errors": template_problems(request, error) if error else {},
        "returned": returned or error is not None,
        "may_change": may_change,
        "versions": await list_template_versions(house.db, viewer, template.id) if template else [],
        "custom": await custom_keys(house.db, viewer),
        "words": template_words,
        "done": request.query.get("done", ""),
        **await _look(request, channel, typed, None),
    }
    return html(request, "template.html", context, status=error.status if error else 200)


async def _look(request: web.Request, channel: Channel, typed: Mapping[str, Any], form: Form | None) -> dict[str, Any]:
    """The preview of what was typed: in the language that is looked at, for the customer who was chosen, else with
    examples. ``shown`` None: there is nothing yet, or ``wrong`` says what is the matter."""
    house, viewer = house_of(request), signed_of(request).viewer
    locale = field(form, "look", 20) if form is not None else request.query.get("locale", "")[:20]
    sought = field(form, "customer", 100).strip() if form is not None else ""
    nothing: dict[str, Any] = {"shown": None, "wrong": "", "findings": (), "customer": None, "channel": channel}
    nothing |= {"chosen": locale, "words": template_words, "translate": words(language_of(request)).gettext}
    try:
        locales = locales_of(typed)
        if not locales:
            return nothing
        locale = locale if locale in locales else next(iter(locales))
        nothing["chosen"] = locale
        content = await content_of(house.db, viewer, channel, {locale: locales[locale]})
        customer = await _customer(request, sought) if sought else None
        shown: Preview = await preview(
            house, viewer, channel, content, customer_id=customer.id if customer is not None else None
        )
    except (Invalid, Conflict) as error:
        return {**nothing, "wrong": next(iter(template_problems(request, error).values()))}
    return {
        **nothing,
        "shown": shown,
        "findings": findings_of(channel, content),
        "customer": customer,
        "sought": sought,
    }


async def _customer(request: web.Request, sought: str) -> Any:
    house, viewer = house_of(request), signed_of(request).viewer
    found = await search_customers(house.db, house.keyring, viewer, sought, limit=1, region=house.settings.region)
    if not found:
        raise Invalid("customer: there is no such customer.")
    return found[0]


def _added(form: Form) -> str:
    """The language that the pressed button adds; empty where another one was pressed."""
    return field(form, "language", 20) if "add" in form else ""


def _id(text: str) -> UUID | None:
    try:
        return UUID(text) if text else None
    except ValueError:
        return None


def setup(app: web.Application) -> None:
    """Adds the routes."""
    app.router.add_get("/templates", index)
    app.router.add_get("/templates/new", new)
    app.router.add_post("/templates/new", create)
    app.router.add_post("/templates/look", look)
    app.router.add_post("/templates/look/mail", frame)
    app.router.add_get("/templates/{id}", show)
    app.router.add_post("/templates/{id}", update)
    app.router.add_get("/templates/{id}/mail", saved_frame)
