"""Results of a campaign: how it goes while it runs, what came of it, and who got it."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import urlencode

from aiohttp import web

from hotline.conversations.delivery import DELIVERIES
from hotline.crm.queries.campaigns.campaigns import CampaignView, get_campaign
from hotline.crm.queries.campaigns.ledger import LedgerFilter, list_deliveries
from hotline.crm.queries.customers.customer_search import search_customers
from hotline.crm.queries.pushes.push_files import list_push_files
from hotline.errors import Conflict, Invalid, NotFound
from hotline.web.context import house_of, signed_of
from hotline.web.desktop.campaigns import result_words
from hotline.web.desktop.campaigns.campaigns import frame_words, further_pages
from hotline.web.desktop.forms import field, fields, form_of, id_of, refusal_words, uuid_of
from hotline.web.desktop.plots import LinePlot, bounds, line_plot
from hotline.web.desktop.render import calendar_of, html, is_fragment, say, see_other
from hotline.web.desktop.words import N_
from hotline.web.rights import needs
from hotline.workflows.campaigns import results as workflow
from hotline.workflows.campaigns.results import Results
from hotline.workflows.ending_files import state_of
from hotline.workflows.pushes import push_unknown

PAGE: Final = 50
#: Rows of the ledger that the results show.
LATEST: Final = 8
#: People of whom a search in the ledger thinks.
FOUND: Final = 50
DAYS: Final = (1, 3, 7, 14, 30)
#: What a person says of unknown deliveries.
_SETTLES: Final = ("arrived", "lost", "resend")
#: Exports that the ledger shows.
_EXPORTS: Final = 5
#: The bar of what became of all: (count, class).
_PARTS: Final = (
    ("delivered", "is-delivered"),
    ("way", "is-way"),
    ("unknown", "is-unknown"),
    ("failed", "is-failed"),
    ("suppressed", "is-suppressed"),
)


@needs("campaigns.read")
async def show(request: web.Request) -> web.StreamResponse:
    """The results; while the campaign runs, the page asks for them again."""
    house, viewer = house_of(request), signed_of(request).viewer
    occurrence, days = _number(request, "run"), _number(request, "days")
    found = await workflow.get_results(
        house, viewer, uuid_of(request), occurrence=occurrence, days=days if days in DAYS else workflow.USUAL_DAYS
    )
    context = _context(request, found)
    context["latest"] = []
    if viewer.may("customers.read"):
        chosen = LedgerFilter(campaign_id=found.campaign.id, occurrence=occurrence)
        context["latest"] = await list_deliveries(house.db, house.keyring, viewer, chosen, limit=LATEST)
    return html(request, "campaign_results_live.html" if is_fragment(request) else "campaign_results.html", context)


@needs("campaigns.read")
async def ledger(request: web.Request) -> web.StreamResponse:
    """Who got it: one by one, narrowed by state and by who it is."""
    return await _ledger(request)


async def _ledger(request: web.Request, refused: str = "") -> web.StreamResponse:
    house, viewer = house_of(request), signed_of(request).viewer
    campaign = await get_campaign(house.db, viewer, uuid_of(request))
    chosen: dict[str, str] = {name: request.query.get(name, "")[:100].strip() for name in ("state", "q", "run", "why")}
    states = (chosen["state"],) if chosen["state"] in DELIVERIES else ()
    problem, customers = refused, None
    if refused:
        chosen["state"], states = "unknown", ("unknown",)
    if chosen["q"]:
        try:
            some = await search_customers(
                house.db, house.keyring, viewer, chosen["q"], region=house.settings.region, limit=FOUND
            )
            customers = tuple(each.id for each in some)
        except Invalid as error:
            problem, customers = refusal_words(request, error), ()
    wanted = LedgerFilter(
        campaign_id=campaign.id,
        occurrence=_number(request, "run"),
        customer_ids=customers,
        states=states,
        reason=chosen["why"] or None,
        clicked=chosen["state"] == "clicked",
        opted_out=chosen["state"] == "opted_out",
    )
    after = id_of(request.query.get("after", ""))
    found = await list_deliveries(house.db, house.keyring, viewer, wanted, limit=PAGE + 1, after=after)
    exports = []
    if viewer.may("campaigns.export"):
        now = house.clock()
        files = await list_push_files(house.db, house.keyring, viewer, "deliveries", limit=_EXPORTS * 4)
        mine = [each for each in files if each.chosen["campaign_id"] == str(campaign.id)][:_EXPORTS]
        exports = [(each, state_of(each, now)) for each in mine]
    context: dict[str, Any] = {
        "campaign": campaign,
        "rows": found[:PAGE],
        "next": str(found[PAGE - 1].id) if len(found) > PAGE else None,
        "chosen": chosen,
        "query": urlencode({name: value for name, value in chosen.items() if value}),
        "problem": problem,
        "exports": exports,
        "settles": chosen["state"] == "unknown" and viewer.may("campaigns.run"),
        "done": request.query.get("done", ""),
        **_frame(request, campaign),
    }
    return html(request, "campaign_deliveries.html", context, status=422 if refused else 200)


@needs("campaigns.run")
async def settle(request: web.Request) -> web.StreamResponse:
    """What a person found out about deliveries that are unknown: they arrived, they did not, or go once more."""
    form = await form_of(request)
    house, viewer, do = house_of(request), signed_of(request).viewer, field(form, "do", 10)
    named = [found for each in fields(form, "delivery", 40)[:PAGE] if (found := id_of(each)) is not None]
    if do not in _SETTLES or not named:
        return await _ledger(request, say(request, N_("Choose at least one of them.")))
    settled, refused = 0, ""
    for delivery_id in named:
        try:
            if do == "resend":
                await push_unknown.resend(house, viewer, delivery_id)
            else:
                await push_unknown.settle_unknown(house, viewer, delivery_id, arrived=do == "arrived")
            settled += 1
        except (Conflict, NotFound) as error:  # a receipt came meanwhile, or what was approved is over
            refused = refusal_words(request, error)
    if not settled:
        return await _ledger(request, refused)
    return see_other(f"/campaigns/{uuid_of(request)}/deliveries?state=unknown&done={do}")


def _frame(request: web.Request, campaign: CampaignView) -> dict[str, Any]:
    """What the pages of a campaign share, with the words of results in place of the campaign's."""
    return {**frame_words(), "words": result_words, "pages": further_pages(request, campaign)}


def _context(request: web.Request, found: Results) -> dict[str, Any]:
    whole = found.counts.whole
    total = max(found.progress.recipients, whole.total, 1)
    # What was read was delivered; what left and is neither is on its way.
    arrived = whole.delivered
    way = max(whole.sent - whole.delivered - whole.bounced, 0) + whole.sending
    counts = {
        "delivered": arrived,
        "way": way,
        "unknown": whole.unknown,
        "failed": whole.failed + whole.expired,
        "suppressed": whole.suppressed + whole.held_out,
    }
    parts, place = [], 0.0
    for name, tone in _PARTS:
        width = round(100 * counts[name] / total, 3)
        parts.append((tone, round(place, 3), width))
        place += width
    return {
        "found": found,
        "campaign": found.campaign,
        "whole": whole,
        "counts": counts,
        "parts": parts,
        "portion": round(100 * found.progress.done / total, 1),
        "plot": _plot(request, found),
        "funnel": _funnel(found),
        "measures": [_measure(each) for each in found.measures],
        "live": not found.over and found.campaign.state in ("running", "approved", "scheduled", "paused"),
        "days_offered": DAYS,
        **_frame(request, found.campaign),
        "query": urlencode({name: request.query[name] for name in ("run", "days") if name in request.query}),
    }


def _plot(request: web.Request, found: Results) -> LinePlot | None:
    series = found.series
    if series is None or len(series.sent) < 2:
        return None
    lines = [("delivered", series.delivered), ("sent", series.sent)]
    seconds = series.width.total_seconds()
    return line_plot(calendar_of(request), series.start, series.width, lines, per_second=seconds <= 3_600)


def _funnel(found: Results) -> list[tuple[str, int, float, str]]:
    """(name, count, percent of those sent, class) of each step."""
    whole = found.counts.whole
    followed = sum(part.either for name, part in found.followed.items() if name != "holdout")
    steps = [("sent", whole.sent, ""), ("delivered", whole.delivered, "")]
    if whole.read:
        steps.append(("read", whole.read, ""))
    if whole.clicked or found.campaign.track_links:
        steps.append(("clicked", whole.clicked, ""))
    steps += [("followed", followed, ""), ("opted_out", whole.opted_out, "is-out")]
    most = max(whole.sent, 1)
    return [(name, count, round(100 * count / most, 2), tone) for name, count, tone in steps]


def _measure(measure: workflow.Measure) -> dict[str, Any]:
    most = max((each.high for each in measure.rates.values() if each.of), default=1.0) or 1.0
    rows = [(name, each, bounds(each.low, each.share, each.high, most)) for name, each in measure.rates.items()]
    return {"name": measure.name, "rows": rows, "differences": measure.differences}


def _number(request: web.Request, name: str) -> int | None:
    text = request.query.get(name, "")
    if not text:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise NotFound()
    return int(text)


def setup(app: web.Application) -> None:
    """Adds the routes."""
    app.router.add_get("/campaigns/{id}/results", show)
    app.router.add_get("/campaigns/{id}/deliveries", ledger)
    app.router.add_post("/campaigns/{id}/deliveries/settle", settle)
