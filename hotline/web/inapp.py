"""What a company's own app asks for its customers: their messages, a stream of them, and Web Push for their devices.

Whoever asks shows a customer's token (``Authorization: Bearer``, and for streams, which browsers open without headers,
``?token=``); the company's own server gets one by the API. Pages of other origins may ask when the settings name them.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar
from uuid import UUID

import structlog
from aiohttp import hdrs, web
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from hotline.bus import Resync
from hotline.crm.queries.pushes.inapp import InappView
from hotline.errors import Invalid, NotFound, NotSignedIn, TooMany
from hotline.web.context import house_of
from hotline.web.problems import LimitReached
from hotline.web.rate_limits import Buckets
from hotline.web.rights import endless, public, unmetered
from hotline.workflows.house import House
from hotline.workflows.pushes import push_inapp

log = structlog.get_logger(__name__)

PREFIX: Final = "/inapp/v1"
#: Messages of a page, and of what a stream begins with.
MOST: Final = 50
#: Open streams of one customer, and of all in this process.
MOST_STREAMS: Final = 8
MOST_STREAMS_IN_ALL: Final = 5_000
#: Seconds after which a stream looks by itself: a lost nudge costs so long at most.
LOOK_SECONDS: Final = 25.0
#: Seconds after which a stream ends, and the app opens a new one with a token that is still good.
LONGEST_STREAM: Final = 3_600.0
#: Requests of one customer: a second, and at once.
LIMIT: Final = (5.0, 60.0)

BUCKETS: Final = web.AppKey("inapp_buckets", Buckets)
_Body = TypeVar("_Body", bound=BaseModel)
_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class _Device(BaseModel):
    """A browser's PushSubscription as it writes itself (``toJSON``)."""

    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)

    class Keys(BaseModel):
        """The device's keys, base64url."""

        p256dh: str = Field(max_length=200)
        auth: str = Field(max_length=100)

    endpoint: str = Field(max_length=1_000)
    keys: Keys


class _Forgotten(BaseModel):
    """A device that wants nothing any more."""

    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)

    endpoint: str = Field(max_length=1_000)


class Apps:
    """The open streams of this process, woken when their customer's list changes."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._open: dict[UUID, set[asyncio.Event]] = {}
        self._listening: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        return sum(len(each) for each in self._open.values())

    def open(self, customer_id: UUID) -> asyncio.Event:
        """A stream begins. Raises TooMany."""
        own = self._open.setdefault(customer_id, set())
        if len(own) >= MOST_STREAMS or len(self) >= MOST_STREAMS_IN_ALL:
            raise TooMany("Too many apps are open.")
        if self._listening is None or self._listening.done():
            self._listening = self._house.spawn(self._listen(), "inapp")
        changed = asyncio.Event()
        own.add(changed)
        return changed

    def close(self, customer_id: UUID, changed: asyncio.Event) -> None:
        """A stream is over."""
        own = self._open.get(customer_id, set())
        own.discard(changed)
        if not own:
            self._open.pop(customer_id, None)

    def wake_all(self) -> None:
        """Every stream looks anew."""
        for own in self._open.values():
            for each in own:
                each.set()

    async def _listen(self) -> None:
        async with self._house.bus.subscribe(push_inapp.TOPIC) as nudges:
            async for nudge in nudges:
                if isinstance(nudge, Resync):
                    self.wake_all()
                else:
                    for each in self._open.get(UUID(nudge.payload.decode()), ()):
                        each.set()


APPS: Final = web.AppKey("inapp_apps", Apps)


@unmetered
@public
async def messages(request: web.Request) -> web.StreamResponse:
    """The customer's messages, the newest first, with how many are unread."""
    customer_id = await _customer(request)
    limit = _number(request.query.get("limit"), 20)
    after = _id(request.query["cursor"]) if request.query.get("cursor") else None
    found, unread = await push_inapp.shown(house_of(request), customer_id, limit=limit + 1, after=after)
    more = len(found) > limit
    found = found[:limit]
    return web.json_response(
        {"items": [_plain(each) for each in found], "next": str(found[-1].id) if more else None, "unread": unread}
    )


@endless
@unmetered
@public
async def stream(request: web.Request) -> web.StreamResponse:
    """Server-sent events: `messages` with the newest ones at the start and whenever something changes."""
    customer_id = await _customer(request, in_query=True)
    house, apps = house_of(request), request.config_dict[APPS]
    changed = apps.open(customer_id)
    try:
        response = web.StreamResponse(
            headers={
                "Content-Type": "text/event-stream; charset=utf-8",
                "Cache-Control": "no-store, no-transform",
                "X-Accel-Buffering": "no",
                **_shared(request),
            }
        )
        await response.prepare(request)
        try:
            async with asyncio.timeout(LONGEST_STREAM):
                await _write(response, request, house, customer_id, changed)
        except (ConnectionError, TimeoutError):
            log.debug("inapp.stream_over")
        return response
    finally:
        apps.close(customer_id, changed)


async def _write(
    response: web.StreamResponse, request: web.Request, house: House, customer_id: UUID, changed: asyncio.Event
) -> None:
    told = b""
    while True:
        changed.clear()
        found, unread = await push_inapp.shown(house, customer_id, limit=MOST)
        data = json.dumps({"items": [_plain(each) for each in found], "unread": unread}, separators=(",", ":")).encode()
        # Something goes over the wire each time: so it shows when nobody is there any more.
        await response.write(b": \n\n" if data == told else b"event: messages\ndata: " + data + b"\n\n")
        told = data
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                await changed.wait()
        except TimeoutError:
            await _customer(request, in_query=True)


@unmetered
@public
async def read(request: web.Request) -> web.StreamResponse:
    """The customer has read a message."""
    customer_id = await _customer(request)
    await push_inapp.mark(house_of(request), customer_id, _id(request.match_info["id"]), "read")
    return web.Response(status=204)


@unmetered
@public
async def dismiss(request: web.Request) -> web.StreamResponse:
    """The customer has put a message away."""
    customer_id = await _customer(request)
    await push_inapp.mark(house_of(request), customer_id, _id(request.match_info["id"]), "dismissed")
    return web.Response(status=204)


@unmetered
@public
async def push_key(request: web.Request) -> web.StreamResponse:
    """The key that a browser subscribes to Web Push with (applicationServerKey)."""
    return web.json_response({"public_key": push_inapp.pusher(house_of(request)).public_key})


@unmetered
@public
async def keep_device(request: web.Request) -> web.StreamResponse:
    """Tell this device of messages from now on; the body is its PushSubscription."""
    customer_id = await _customer(request)
    device = await _body(request, _Device)
    await push_inapp.keep_device(house_of(request), customer_id, device.endpoint, device.keys.p256dh, device.keys.auth)
    return web.Response(status=204)


@unmetered
@public
async def forget_device(request: web.Request) -> web.StreamResponse:
    """Tell this device nothing any more."""
    customer_id = await _customer(request)
    await push_inapp.forget_device(house_of(request), customer_id, (await _body(request, _Forgotten)).endpoint)
    return web.Response(status=204)


@unmetered
@public
async def allowed(request: web.Request) -> web.StreamResponse:
    """What a browser asks before it lets another origin's page ask (Fetch, CORS preflight)."""
    headers = _shared(request)
    if headers:
        headers |= {
            "Access-Control-Allow-Methods": "GET, POST, PUT, DELETE",
            "Access-Control-Allow-Headers": "Authorization, Content-Type",
            "Access-Control-Max-Age": "600",
        }
    return web.Response(status=204, headers=headers)


async def _customer(request: web.Request, *, in_query: bool = False) -> UUID:
    scheme, _, token = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
    if scheme.lower() != "bearer":
        token = request.query.get("token", "") if in_query else ""
    found = await push_inapp.customer_of(house_of(request), token.strip())
    if found is None:
        raise NotSignedIn("The customer's token is missing, forged or past its time.")
    if wait := request.config_dict[BUCKETS].take(found):
        raise LimitReached(wait)
    return found


def _shared(request: web.Request) -> dict[str, str]:
    """The headers by which a page of another origin may read an answer; empty where it may not."""
    origin = request.headers.get(hdrs.ORIGIN, "")
    if origin not in house_of(request).settings.app_origins:
        return {}
    return {
        "Access-Control-Allow-Origin": origin,
        "Cross-Origin-Resource-Policy": "cross-origin",
        "Vary": "Origin",
    }


async def _share(request: web.Request, response: web.StreamResponse) -> None:
    if request.path.startswith(PREFIX):
        response.headers.update(_shared(request))


async def _body(request: web.Request, model: type[_Body]) -> _Body:
    try:
        return model.model_validate_json(await request.read())
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        raise Invalid(f"{'.'.join(str(part) for part in first['loc']) or 'body'}: {first['msg']}.") from None


def _plain(view: InappView) -> dict[str, str | None]:
    return {
        "id": str(view.id),
        "title": view.title,
        "body": view.body,
        "link": view.link,
        "at": view.at.isoformat(),
        "expires_at": view.expires_at.isoformat() if view.expires_at else None,
        "read_at": view.read_at.isoformat() if view.read_at else None,
    }


def _number(text: str | None, default: int) -> int:
    if text is None:
        return default
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= MOST:
        raise Invalid(f"limit: 1 to {MOST}.")
    return int(text)


def _id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise NotFound from None


def setup(app: web.Application, house: House) -> None:
    """Adds the routes."""
    app[BUCKETS] = Buckets(*LIMIT)
    app[APPS] = Apps(house)
    routes: tuple[tuple[str, str, _Handler], ...] = (
        ("GET", "/messages", messages),
        ("GET", "/stream", stream),
        ("POST", "/messages/{id}/read", read),
        ("POST", "/messages/{id}/dismiss", dismiss),
        ("GET", "/push-key", push_key),
        ("PUT", "/devices", keep_device),
        ("DELETE", "/devices", forget_device),
    )
    for method, path, handler in routes:
        app.router.add_route(method, PREFIX + path, handler)
    for path in sorted({path for _, path, _ in routes}):
        app.router.add_route("OPTIONS", PREFIX + path, allowed)
    app.on_response_prepare.append(_share)
    app.on_shutdown.append(_end_streams)


async def _end_streams(app: web.Application) -> None:
    app[APPS].wake_all()
