"""API tokens of one's own: made, shown once, revoked."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from aiohttp import web

from hotline.crm.queries.users import list_tokens
from hotline.crm.viewer import PERMISSIONS
from hotline.errors import Invalid
from hotline.web.context import house_of, signed_of
from hotline.web.desktop.forms import field, fields, form_of, problems, uuid_of
from hotline.web.desktop.render import html, say, see_other
from hotline.web.desktop.words import N_
from hotline.web.rights import needs
from hotline.workflows import users as workflow

#: How long a token may live, in days; 0: until it is revoked.
LIVES: Final = (30, 90, 365, 0)

#: The permissions in words that are translated; the English ones are those of the viewer's table.
RIGHTS: Final = {
    "customers.read": N_("See customers."),
    "customers.write": N_("Create and change customers."),
    "customers.read_numbers": N_("See whole phone numbers and addresses; without it only their last digits."),
    "calls.read": N_("See one's own calls."),
    "calls.read_all": N_("See everybody's calls, live and past."),
    "calls.write": N_("Say which customer a call belongs to, and write notes."),
    "tickets.read": N_("See tickets: one's own, those of one's own calls, and those that nobody has."),
    "tickets.read_all": N_("See everybody's tickets."),
    "tickets.write": N_("Create and change the tickets that one sees, and wrap calls up."),
    "tickets.assign": N_("Give tickets to others."),
    "recordings.listen": N_("Hear voicemails and recordings of the calls that one sees."),
    "recordings.download": N_("Download them."),
    "recordings.delete": N_("Delete them before their time."),
    "flows.read": N_("See the IVR flows and which ways callers took."),
    "prompts.write": N_("Replace prompts of the IVR by recordings."),
    "settings.read": N_("See the company's settings: calendars, deadlines, rules."),
    "settings.write": N_("Change the company's settings."),
    "commands.send": N_("Dial, hang up, transfer and pause."),
    "users.read": N_("See users."),
    "users.write": N_("Create and change users and roles."),
    "tiers.write": N_("Change tiers."),
    "tags.write": N_("Change tags."),
    "audit.read": N_("Read the audit trail."),
    "system.read": N_("See the health of connections."),
    "tokens.write": N_("Make API tokens for oneself."),
    "own.presence": N_("Sign in to and out of one's own queues."),
    "own.profile": N_("Change one's own password and preferences."),
}


@needs("tokens.write")
async def show(request: web.Request) -> web.StreamResponse:
    """The list and the form."""
    return await _page(request)


@needs("tokens.write")
async def create(request: web.Request) -> web.StreamResponse:
    """Makes a token. Its secret stands on the answer's page and nowhere else, so there is no redirect."""
    house, viewer = house_of(request), signed_of(request).viewer
    form = await form_of(request)
    days = field(form, "days", 10)
    life = timedelta(days=int(days)) if days.isdecimal() and int(days) in LIVES and int(days) else None
    scopes = ["all"] if field(form, "all") else fields(form, "scope")
    name = field(form, "name", 1000)
    typed: Mapping[str, object] = {"name": name, "scopes": scopes, "days": days}
    if viewer.user_id is None:
        raise Invalid()
    if not scopes:
        errors = {"scopes": say(request, N_("Choose at least one right."))}
        return await _page(request, typed=typed, errors=errors, status=422)
    try:
        _, secret = await workflow.create_token(
            house, viewer, viewer.user_id, name, scopes, house.clock() + life if life else None
        )
    except Invalid as error:
        return await _page(request, typed=typed, errors=problems(request, error), status=error.status)
    return await _page(request, secret=secret)


@needs("tokens.write")
async def revoke(request: web.Request) -> web.StreamResponse:
    """Ends a token at once."""
    await workflow.revoke_token(house_of(request), signed_of(request).viewer, uuid_of(request))
    return see_other("/tokens?done=revoked")


async def _page(
    request: web.Request,
    *,
    secret: str = "",
    typed: Mapping[str, object] | None = None,
    errors: dict[str, str] | None = None,
    status: int = 200,
) -> web.Response:
    house, viewer = house_of(request), signed_of(request).viewer
    tokens = await list_tokens(house.db, viewer, viewer.user_id) if viewer.user_id else []
    context = {
        "tokens": tokens,
        "secret": secret,
        "values": {"name": "", "scopes": ["all"], "days": "90", **(typed or {})},
        "errors": errors or {},
        "rights": {name: RIGHTS.get(name, name) for name in PERMISSIONS if viewer.may(name)},
        "lives": LIVES,
        "done": request.query.get("done", ""),
    }
    return html(request, "tokens.html", context, status=status)


def setup(app: web.Application) -> None:
    """Adds the routes."""
    app.router.add_get("/tokens", show)
    app.router.add_post("/tokens", create)
    app.router.add_post("/tokens/{id}/revoke", revoke)
