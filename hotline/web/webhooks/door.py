"""The door for Twilio's webhooks: who is let in, what is handed on, and an answer in time whatever happens behind it.

A file of this folder holds functions such as ::

    @twilio_webhook("/voice/resume", kind="voice")
    async def resume(house: House, hook: Webhook) -> Reply: ...

Twilio waits for 15 seconds in all; 403 is for everybody who is not Twilio, and nobody ever hears 429 (it would end the
call, error 11217). https://www.twilio.com/docs/usage/webhooks
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Literal

import structlog
from aiohttp import web
from prometheus_client import Counter

from hotline.channels.twilio.fallback import keep_caller, no_message
from hotline.errors import Forbidden, HotlineError, Unavailable
from hotline.web.context import REQUEST_ID, house_of
from hotline.web.problems import Slow, TooLarge, problem_response
from hotline.web.rights import public, streamed, unmetered
from hotline.web.webhooks.hook import LARGEST, Refused, Webhook
from hotline.web.webhooks.seen import SEEN
from hotline.workflows.house import House

log = structlog.get_logger(__name__)

Kind = Literal["voice", "messaging", "callback"]

PREFIX: Final = "/webhooks/twilio"

#: Seconds in which the body must come, and seconds after which Twilio is answered without waiting any longer.
READ_SECONDS: Final = 4.0
ANSWER_SECONDS: Final = 6.0
#: Seconds after which work that was not waited for ends.
LONGEST_SECONDS: Final = 30.0
#: Times that a caller is asked to hold before they go another way, and seconds that finding it may take.
BEFORE_FALLBACK: Final = 2
FALLBACK_SECONDS: Final = 2.0
#: Webhooks that are worked on at once; more are answered as if the database were away.
MOST_AT_ONCE: Final = 400

OUTCOMES: Final = Counter("hotline_twilio_webhooks", "Webhooks of Twilio by what became of them.", ["route", "outcome"])


@dataclass(frozen=True, slots=True)
class Reply:
    """What Twilio is answered: TwiML, or nothing (204)."""

    body: str = ""

    @classmethod
    def twiml(cls, document: str) -> Reply:
        """A TwiML document."""
        return cls(document)

    @classmethod
    def nothing(cls) -> Reply:
        """For callbacks, which want no answer."""
        return cls()


Handler = Callable[[House, Webhook], Awaitable[Reply]]
#: TwiML for a caller who has been asked to hold long enough; needs no database. Empty: they hold on.
Fallback = Callable[[House, Webhook], Awaitable[str]]


@dataclass(frozen=True, slots=True)
class Door:
    """A declared webhook; ``handle`` is what aiohttp calls."""

    path: str
    kind: Kind
    handle: Callable[[web.Request], Awaitable[web.StreamResponse]]
    fallback: Fallback | None = None
    holds: int = BEFORE_FALLBACK


def twilio_webhook(
    path: str, *, kind: Kind, fallback: Fallback | None = None, holds: int = BEFORE_FALLBACK
) -> Callable[[Handler], Door]:
    """Declares a webhook below ``/webhooks/twilio`` (see the module). ``voice`` and ``messaging`` are answered by
    TwiML, ``callback`` by 204. ``fallback``: where callers go when asking them ``holds`` times to hold has not helped.
    """

    def declare(function: Handler) -> Door:
        full = PREFIX + path

        @public
        @streamed
        @unmetered
        async def handle(request: web.Request) -> web.StreamResponse:
            try:
                hook = await _let_in(request, full)
            except HotlineError as error:
                return _turned_away(request, full, error)
            outcome = await _in_time(house_of(request), hook, function, request[REQUEST_ID])
            return await _answer(request, hook, door, outcome)

        door = Door(full, kind, handle, fallback, holds)
        return door

    return declare


async def _let_in(request: web.Request, path: str) -> Webhook:
    """What Twilio sent. Raises Refused for what is not from Twilio, TooLarge and Slow."""
    house = house_of(request)
    if (request.content_length or 0) > LARGEST:
        raise TooLarge
    body = bytearray()
    try:
        async with asyncio.timeout(READ_SECONDS):
            while piece := await request.content.readany():
                body += piece
                if len(body) > LARGEST:
                    raise TooLarge
    except TimeoutError:
        raise Slow from None
    except (web.RequestPayloadError, ConnectionResetError):
        raise Refused("The body broke off.") from None
    return request.app[SEEN].opener.open(request, path, bytes(body), house.clock())


def _turned_away(request: web.Request, path: str, error: HotlineError) -> web.StreamResponse:
    OUTCOMES.labels(path, "refused").inc()
    request.app[SEEN].refused(path, error.detail, house_of(request).clock())
    known = error if isinstance(error, (Refused, TooLarge, Slow)) else Forbidden()
    return problem_response(request, known)


async def _in_time(house: House, hook: Webhook, function: Handler, request_id: str) -> Reply | HotlineError:
    """What the handler answers, or why it does not in time. It is not cut off at once: a caller who is asked to hold
    comes back in seconds, and finds its answer kept."""

    async def work() -> Reply | HotlineError:
        structlog.contextvars.bind_contextvars(request_id=request_id)
        try:
            return await function(house, hook)
        except HotlineError as error:
            return error
        except Exception:
            log.exception("webhook.failed", route=hook.path)
            return HotlineError()

    busy = house.kept.setdefault(_Busy, _Busy())
    if busy.count >= MOST_AT_ONCE:
        return Unavailable("Too many webhooks at once.")
    busy.count += 1
    task = house.spawn(work(), "webhook")
    task.add_done_callback(busy.done)
    done, _ = await asyncio.wait({task}, timeout=ANSWER_SECONDS)
    if done:
        found: Reply | HotlineError = task.result()
        return found
    asyncio.get_running_loop().call_later(LONGEST_SECONDS - ANSWER_SECONDS, task.cancel)
    return Unavailable("It takes too long.")


class _Busy:
    """How many webhooks are worked on."""

    count = 0

    def done(self, _: object) -> None:
        """One is over."""
        self.count -= 1


async def _answer(request: web.Request, hook: Webhook, door: Door, outcome: Reply | HotlineError) -> web.StreamResponse:
    if isinstance(outcome, Reply) and len(outcome.body.encode()) > LARGEST:
        log.error("webhook.reply_too_large", route=door.path, bytes=len(outcome.body.encode()))
        outcome = HotlineError("The reply is too large.")
    if isinstance(outcome, Reply):
        OUTCOMES.labels(door.path, "answered").inc()
        request.app[SEEN].answered(hook.at)
        return _documented(outcome.body, door.kind)
    OUTCOMES.labels(door.path, "late" if outcome.retry else "failed").inc()
    log.warning("webhook.not_answered", route=door.path, why=outcome.code, tries=hook.tries)
    if door.kind == "voice":
        return _documented(await _hold(house_of(request), hook, door), "voice")
    if outcome.status < 500:
        # It would be refused the next time, too.
        return _documented(no_message() if door.kind == "messaging" else "", door.kind)
    # Twilio asks the fallback address; what that cannot take either is found in Twilio's own list later.
    return problem_response(request, outcome if isinstance(outcome, Unavailable) else Unavailable())


async def _hold(house: House, hook: Webhook, door: Door) -> str:
    """What keeps the caller."""
    if door.fallback is not None and hook.tries > door.holds:
        try:
            async with asyncio.timeout(FALLBACK_SECONDS):
                if document := await door.fallback(house, hook):
                    return document
        except Exception:
            log.exception("webhook.fallback_failed", route=door.path)
    settings = house.settings
    return keep_caller(f"{settings.base_url}{hook.again()}", hook.tries, locale=settings.locale)


def _documented(body: str, kind: Kind) -> web.Response:
    if not body:
        return web.Response(status=204) if kind == "callback" else _documented(no_message(), "messaging")
    return web.Response(text=body, content_type="text/xml", charset="utf-8")
