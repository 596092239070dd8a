"""Privacy: the notice that everybody may read, and a customer's rights: their report, and being erased."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

from aiohttp import web

from hotline.crm import company
from hotline.crm.queries.customers.customers import get_customer
from hotline.errors import Forbidden, HotlineError, Invalid, NotFound
from hotline.web.context import house_of, signed_of
from hotline.web.desktop.customers.person_report import archive, document
from hotline.web.desktop.forms import field, form_of, problems, uuid_of
from hotline.web.desktop.i18n import LANGUAGES, language_of
from hotline.web.desktop.render import html, see_other
from hotline.web.desktop.words import N_
from hotline.web.rights import fresh, needs, public
from hotline.workflows.company import company as settings_of
from hotline.workflows.customers import erasure as workflow
from hotline.workflows.customers.access_report import make_report

REASONS: Final = {
    "request": N_("They asked for it"),
    "consent_withdrawn": N_("They took back their consent"),
    "no_purpose": N_("Nothing needs it any more"),
    "mistake": N_("It should never have been kept"),
    "other": N_("Another reason"),
}
#: Tables that the page counts, by their names for staff; the others are parts of these.
_COUNTED: Final = {
    "contact_point": N_("Contact points"),
    "address": N_("Addresses"),
    "call": N_("Calls"),
    "recording": N_("Recordings"),
    "interaction": N_("Notes"),
    "ticket": N_("Tickets"),
    "purchase": N_("Purchases"),
    "customer_file": N_("Files"),
    "customer_relation": N_("Relations"),
    "customer_change": N_("Changes"),
}


@public
async def notice(request: web.Request) -> web.StreamResponse:
    """The privacy notice: the company's words in the reader's language, else in another of theirs, else hotline's."""
    house = house_of(request)
    privacy = await settings_of.get(house, company.Privacy)
    language = language_of(request)
    written = privacy.notice.get(language) or next(iter(privacy.notice.values()), "")  # type: ignore[call-overload]
    context = {
        "paragraphs": paragraphs(written),
        "tag": LANGUAGES[language if language in privacy.notice else next(iter(privacy.notice), language)],
        "privacy": privacy,
        "recordings": await settings_of.get(house, company.Recordings),
        "retention": await settings_of.get(house, company.Retention),
    }
    return html(request, "privacy_notice.html", context)


def paragraphs(text: str) -> Sequence[tuple[str, str]]:
    """(sort, text) of each paragraph: a line that begins with ``#`` is a heading."""
    found = []
    for part in re.split(r"\n\s*\n", text.replace("\r\n", "\n").strip()):
        if (part := part.strip()).startswith("#"):
            heading, _, rest = part.partition("\n")
            found.append(("heading", heading.lstrip("# ").strip()))
            part = rest.strip()
        if part:
            found.append(("text", part))
    return found


@needs("customers.read")
async def show(request: web.Request) -> web.StreamResponse:
    """What may be done for a person: their report, their erasure."""
    return await _page(request)


@needs("customers.report")
async def report_page(request: web.Request) -> web.StreamResponse:
    """The readable report."""
    report = await make_report(house_of(request), signed_of(request).viewer, uuid_of(request))
    return await document(request, report, _language(request))


@needs("customers.report")
async def report_archive(request: web.Request) -> web.StreamResponse:
    """The report with their files."""
    report = await make_report(house_of(request), signed_of(request).viewer, uuid_of(request))
    return await archive(request, report, _language(request))


@fresh
@needs("customers.erase")
async def erase(request: web.Request) -> web.StreamResponse:
    """Erases the person, or says why not."""
    customer_id = uuid_of(request)
    form = await form_of(request)
    values = {"confirm": field(form, "confirm", 30), "reason": field(form, "reason", 30)}
    try:
        await workflow.erase(house_of(request), signed_of(request).viewer, customer_id, **values)
    except (Invalid, workflow.NotNow) as error:
        return await _page(request, values, error)
    return see_other(f"/customers/{customer_id}?done=erased")


def _language(request: web.Request) -> str | None:
    wanted = request.query.get("language", "")
    if wanted and wanted not in LANGUAGES:
        raise NotFound()
    return wanted or None


async def _page(
    request: web.Request, values: dict[str, str] | None = None, error: HotlineError | None = None
) -> web.Response:
    house, viewer = house_of(request), signed_of(request).viewer
    if not (viewer.may("customers.report") or viewer.may("customers.erase")):
        raise Forbidden()
    customer = await get_customer(house.db, house.keyring, viewer, uuid_of(request))
    context: dict[str, Any] = {
        "customer": customer,
        "values": values or {"confirm": "", "reason": "request"},
        "errors": problems(request, error) if error else {},
        "reasons": REASONS,
        "preview": None,
        "counted": [],
    }
    if viewer.may("customers.erase"):
        found = await workflow.preview(house, viewer, customer.id)
        counted = [(name, found.counts[table]) for table, name in _COUNTED.items() if table in found.counts]
        context |= {"preview": found, "counted": counted}
    return html(request, "customer_privacy.html", context, status=error.status if error else 200)


def setup(app: web.Application) -> None:
    """Adds the routes."""
    app.router.add_get("/privacy", notice)
    app.router.add_get("/customers/{id}/privacy", show)
    app.router.add_get("/customers/{id}/privacy/report.html", report_page)
    app.router.add_get("/customers/{id}/privacy/report.zip", report_archive)
    app.router.add_post("/customers/{id}/privacy/erase", erase)
