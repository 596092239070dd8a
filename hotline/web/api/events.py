"""The stream of events (server-sent events)."""

from __future__ import annotations

from typing import Literal

from aiohttp import web
from pydantic import Field

from hotline.errors import Forbidden
from hotline.web.context import HUB
from hotline.web.endpoint import Ask, Endpoint, Input, endpoint

_LONGEST_ID = 19


class EventsQuery(Input):
    """What to listen to."""

    watch: Literal["calls"] | None = Field(
        None, description="`calls`: the rings of all whose calls one sees; needs calls.read_team or calls.read_all."
    )
    last_event_id: int | None = Field(
        None,
        ge=0,
        lt=2**63,
        description="Like the header Last-Event-ID, for clients that cannot set headers.",
    )


@endpoint(
    "GET",
    "/events",
    right="signed_in",
    summary="The viewer's events as they happen",
    media_type="text/event-stream",
)
async def listen(ask: Ask, query: EventsQuery) -> web.StreamResponse:
    """Server-sent events. First `snapshot`: what is now. Then each event that concerns the token's user.
    Its `id` is the place from which to resume with Last-Event-ID; drop doubles by `event_id`.
    """
    if query.watch == "calls" and ask.viewer.scope_of("calls") == "own":
        raise Forbidden()
    return await ask.request.config_dict[HUB].serve(
        ask.request, ask.signed, last_id=_last_id(ask.request, query), watch=query.watch == "calls"
    )


def _last_id(request: web.Request, query: EventsQuery) -> int | None:
    """Where to resume. What is not one of our ids starts afresh: the snapshot makes that right."""
    header = request.headers.get("Last-Event-ID", "")
    if header.isascii() and header.isdecimal() and len(header) < _LONGEST_ID:
        return int(header)
    return query.last_event_id


routes: list[Endpoint] = [listen]
