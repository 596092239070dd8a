"""What people did: a table for who leads them, one's own page for everybody."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from hotline.crm.queries.calls.performance import Figures, Person, list_performance
from hotline.crm.queries.people.teams import list_teams
from hotline.crm.queries.tickets.triage import triage_figures
from hotline.errors import Invalid
from hotline.web.context import house_of, signed_of
from hotline.web.desktop.people.people import SPANS, performance, span_of
from hotline.web.desktop.render import html, see_other
from hotline.web.desktop.tickets import ticket_words
from hotline.web.rights import needs


@needs("own.profile")
async def index(request: web.Request) -> web.StreamResponse:
    """Those whom one may see, by name; whoever sees nobody else, themselves."""
    house, viewer = house_of(request), signed_of(request).viewer
    if not viewer.may("users.performance"):
        return see_other("/performance/me")
    span = span_of(request, default="7")
    teams = await list_teams(house.db, viewer)
    team = next((each.id for each in teams if str(each.id) == request.query.get("team", "")), None)
    people = await list_performance(house.db, viewer, span.start, span.end, span.end, team=team)
    context = {
        "people": people,
        "all": _together(people),
        "span": span,
        "spans": SPANS,
        "teams": teams,
        "team": team,
        "ticket_words": ticket_words,
        # Of all tickets: for who may see all of them, and never beside one team's figures.
        "triage": await triage_figures(house.db, viewer, span.start, span.end)
        if team is None and viewer.may("tickets.read_all")
        else None,
    }
    return html(request, "performance.html", context)


@needs("own.profile")
async def own(request: web.Request) -> web.StreamResponse:
    """One's own figures."""
    viewer = signed_of(request).viewer
    if viewer.user_id is None:
        raise Invalid("This credential belongs to nobody.")
    span = span_of(request)
    person, chart = await performance(request, viewer.user_id, span)
    context: dict[str, Any] = {
        "page": "performance",
        "person": person,
        "chart": chart,
        "span": span,
        "spans": SPANS,
        "where": "/performance/me",
    }
    return html(request, "performance_own.html", context)


def _together(people: list[Person]) -> Figures:
    """Everybody's figures added up."""
    names = Figures.__dataclass_fields__
    return Figures(**{name: sum(getattr(person.figures, name) for person in people) for name in names})


def setup(app: web.Application) -> None:
    """Adds the routes."""
    app.router.add_get("/performance", index)
    app.router.add_get("/performance/me", own)
