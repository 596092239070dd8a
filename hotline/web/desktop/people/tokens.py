"""API tokens of one's own: made, shown once, revoked."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from aiohttp import web

from hotline.crm.queries.people.users import list_tokens
from hotline.errors import Invalid
from hotline.web import auth
from hotline.web.context import house_of, signed_of
from hotline.web.desktop.forms import field, fields, form_of, problems, uuid_of
from hotline.web.desktop.people.permission_words import PERMISSION_WORDS
from hotline.web.desktop.render import html, say, see_other
from hotline.web.desktop.words import N_
from hotline.web.rights import fresh, needs
from hotline.workflows.people import users as workflow

#: How long a token may live, in days; 0: until it is revoked.
LIVES: Final = (30, 90, 365, 0)


@needs("tokens.write")
async def show(request: web.Request) -> web.StreamResponse:
    """The list and the form."""
    return await _page(request)


@fresh
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
        "page": "tokens",
        "fresh": auth.is_confirmed(request, signed_of(request), to_begin=True),
        "tokens": tokens,
        "secret": secret,
        "values": {"name": "", "scopes": ["all"], "days": "90", **(typed or {})},
        "errors": errors or {},
        "rights": {name: words for name, words in PERMISSION_WORDS.items() if viewer.may(name)},
        "lives": LIVES,
        "done": request.query.get("done", ""),
    }
    return html(request, "tokens.html", context, status=status)


def setup(app: web.Application) -> None:
    """Adds the routes."""
    app.router.add_get("/tokens", show)
    app.router.add_post("/tokens", create)
    app.router.add_post("/tokens/{id}/revoke", revoke)
