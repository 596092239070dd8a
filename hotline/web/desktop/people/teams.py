"""Teams: who works together, and which queues are theirs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from aiohttp import web

from hotline.crm.queries.people.teams import TeamView, get_team, list_teams
from hotline.crm.queries.people.users import list_users
from hotline.errors import Conflict, HotlineError, Invalid
from hotline.web.context import house_of, signed_of
from hotline.web.desktop.forms import Form, field, fields, form_of, problems, uuid_of, version_of
from hotline.web.desktop.render import html, see_other
from hotline.web.rights import needs
from hotline.workflows.people import teams as workflow

MOST_USERS: Final = 200


@needs("users.read")
async def index(request: web.Request) -> web.StreamResponse:
    """Every team."""
    house, viewer = house_of(request), signed_of(request).viewer
    context = {"teams": await list_teams(house.db, viewer), "done": request.query.get("done", "")}
    return html(request, "teams.html", context)


@needs("teams.write")
async def new(request: web.Request) -> web.StreamResponse:
    """The form of a new team."""
    return await _form(request, None, {"name": "", "queues": "", "members": []})


@needs("teams.write")
async def create(request: web.Request) -> web.StreamResponse:
    """Makes the team, or shows the form again with what is wrong."""
    typed = _typed(await form_of(request))
    try:
        await workflow.create_team(house_of(request), signed_of(request).viewer, _changes(typed))
    except (Invalid, Conflict) as error:
        return await _form(request, None, typed, error)
    return see_other("/teams?done=created")


@needs("users.read")
async def show(request: web.Request) -> web.StreamResponse:
    """A team: to be changed, or to be read by who may not."""
    team = await get_team(house_of(request).db, signed_of(request).viewer, uuid_of(request))
    values = {
        "name": team.name,
        "queues": "\n".join(team.queues),
        "members": [member.login for member in team.members],
    }
    return await _form(request, team, values)


@needs("teams.write")
async def update(request: web.Request) -> web.StreamResponse:
    """Changes the team, or shows the form again with what is wrong."""
    house, viewer = house_of(request), signed_of(request).viewer
    team = await get_team(house.db, viewer, uuid_of(request))
    form = await form_of(request)
    typed = _typed(form)
    try:
        await workflow.change_team(house, viewer, team.id, _changes(typed), version_of(form))
    except (Invalid, Conflict) as error:
        return await _form(request, team, typed, error)
    return see_other("/teams?done=saved")


async def _form(
    request: web.Request, team: TeamView | None, values: Mapping[str, Any], error: HotlineError | None = None
) -> web.Response:
    house, viewer = house_of(request), signed_of(request).viewer
    people = [user for user in await list_users(house.db, viewer, limit=MOST_USERS) if user.disabled_at is None]
    listed = {user.login for user in people}
    # Whoever is in the team stays on the form, also who may no longer sign in.
    others = [member for member in team.members if member.login not in listed] if team else []
    names = [(user.name, user.login) for user in people] + [(member.name, member.login) for member in others]
    context = {
        "team": team,
        "people": sorted(names, key=lambda person: person[0].casefold()),
        "values": values,
        "errors": problems(request, error) if error else {},
        "returned": error is not None,
        "may_change": viewer.may("teams.write"),
        "body": None if team is None else {
            "name": team.name, "queues": list(team.queues), "members": [member.login for member in team.members],
        },
    }  # fmt: skip
    return html(request, "team.html", context, status=error.status if error else 200)


def _typed(form: Form) -> dict[str, Any]:
    return {
        "name": field(form, "name", 200),
        "queues": field(form, "queues", 10_000),
        "members": fields(form, "member", 200),
    }


def _changes(typed: Mapping[str, Any]) -> workflow.TeamChanges:
    queues = [line.strip() for line in typed["queues"].splitlines() if line.strip()]
    return {"name": typed["name"], "queues": queues, "members": typed["members"]}


def setup(app: web.Application) -> None:
    """Adds the routes."""
    app.router.add_get("/teams", index)
    app.router.add_get("/teams/new", new)
    app.router.add_post("/teams/new", create)
    app.router.add_get("/teams/{id}", show)
    app.router.add_post("/teams/{id}", update)
