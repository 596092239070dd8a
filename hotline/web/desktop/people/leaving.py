"""Somebody leaves: who gets what they had, done at once, undone for 30 days."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from hotline.crm.queries.calls.performance import Person
from hotline.crm.queries.people.users import get_user, list_users
from hotline.errors import Conflict, HotlineError, Invalid
from hotline.web.context import house_of, signed_of
from hotline.web.desktop.forms import field, form_of, id_of, problems, uuid_of
from hotline.web.desktop.people.people import performance, span_of
from hotline.web.desktop.render import html, see_other
from hotline.web.rights import fresh, needs
from hotline.workflows.background_kinds import KINDS
from hotline.workflows.people import leaving as workflow

MOST = 200


@fresh
@needs("users.write")
async def ask(request: web.Request) -> web.StreamResponse:
    """What they have, and to whom it may go."""
    return await _page(request, {"customers": True, "tickets": True, "to": "", "stays": "stays" in request.query})


@fresh
@needs("users.write")
async def leave(request: web.Request) -> web.StreamResponse:
    """Lets them go, or only hands over."""
    house, viewer = house_of(request), signed_of(request).viewer
    form = await form_of(request)
    user_id = uuid_of(request)
    typed = {
        "customers": "customers" in form,
        "tickets": "tickets" in form,
        "to": field(form, "to", 50),
        "stays": "stays" in form,
    }
    try:
        to = id_of(str(typed["to"]))
        if typed["stays"]:
            if to is None:
                raise Invalid("hand_over_to: to whom?")
            job = await workflow.hand_over(
                house, viewer, user_id, to, with_customers=bool(typed["customers"]), with_tickets=bool(typed["tickets"])
            )
            return see_other(f"/users/{user_id}?done={'handed' if job else 'nothing'}")
        left = await workflow.leave(
            house, viewer, user_id, to, with_customers=bool(typed["customers"]), with_tickets=bool(typed["tickets"])
        )
    except (Invalid, Conflict) as error:
        return await _page(request, typed, error)
    return see_other(f"/users/{user_id}?done={'left-handed' if left.job_id else 'left'}")


@fresh
@needs("users.write")
async def come_back(request: web.Request) -> web.StreamResponse:
    """Takes back that they left."""
    user_id = uuid_of(request)
    await workflow.come_back(house_of(request), signed_of(request).viewer, user_id, KINDS)
    return see_other(f"/users/{user_id}?done=back")


async def _page(request: web.Request, values: Mapping[str, Any], error: HotlineError | None = None) -> web.Response:
    house, viewer = house_of(request), signed_of(request).viewer
    user = await get_user(house.db, viewer, uuid_of(request))
    colleagues = [
        each for each in await list_users(house.db, viewer, limit=MOST, with_disabled=False) if each.id != user.id
    ]
    person: Person
    person, _ = await performance(request, user.id, span_of(request))
    context = {
        "user": user,
        "person": person,
        "colleagues": sorted(colleagues, key=lambda each: each.name.casefold()),
        "values": values,
        "errors": problems(request, error) if error else {},
    }
    return html(request, "user_leave.html", context, status=error.status if error else 200)


def setup(app: web.Application) -> None:
    """Adds the routes."""
    app.router.add_get("/users/{id}/leave", ask)
    app.router.add_post("/users/{id}/leave", leave)
    app.router.add_post("/users/{id}/return", come_back)
