"""The kill switch in the shell: one click stops everything outbound, another lets it go on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

from aiohttp import web

from hotline.crm.queries.pushes.outbound_stop import get_stop
from hotline.errors import Unavailable
from hotline.web.context import SIGNED, SignedIn, house_of, signed_of
from hotline.web.desktop.forms import field, form_of
from hotline.web.desktop.people.sign_in import own_address
from hotline.web.desktop.render import STOP, html, see_other
from hotline.web.rights import needs, signed_in
from hotline.workflows.pushes import outbound as workflow

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

#: Whom the stop concerns.
_RIGHTS: Final = ("outbound.stop", "campaigns.read")


@web.middleware
async def note_stop(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Reads the stop for the frame of a page, for those whom it concerns."""
    signed: SignedIn | None = request.get(SIGNED)
    page = request.method == "GET" and signed is not None and signed.kind == "session"
    if page and signed is not None and any(map(signed.viewer.may, _RIGHTS)) and not request.path.startswith("/api/"):
        with suppress(Unavailable):
            request[STOP] = await get_stop(house_of(request).db, signed.viewer)
    return await handler(request)


@needs("outbound.stop")
async def stop(request: web.Request) -> web.StreamResponse:
    """Stops everything; back to where it was clicked."""
    form = await form_of(request)
    await workflow.stop_outbound(house_of(request), signed_of(request).viewer, field(form, "reason", 500))
    return see_other(own_address(field(form, "next", 2_000)))


@needs("outbound.stop")
async def resume(request: web.Request) -> web.StreamResponse:
    """Lets messages leave again; back to where it was clicked."""
    form = await form_of(request)
    await workflow.resume_outbound(house_of(request), signed_of(request).viewer)
    return see_other(own_address(field(form, "next", 2_000)))


@signed_in
async def part(request: web.Request) -> web.StreamResponse:
    """The button or the line as they are now: pages ask for them when the event stream tells of a change."""
    name = request.path.rpartition("/")[2]
    return html(request, f"outbound_{name}.html", {"shell_path": own_address(request.query.get("next", "")[:2_000])})


def setup(app: web.Application) -> None:
    """Adds the routes."""
    app.router.add_get("/outbound/button", part)
    app.router.add_get("/outbound/line", part)
    app.router.add_post("/outbound/stop", stop)
    app.router.add_post("/outbound/resume", resume)
