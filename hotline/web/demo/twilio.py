"""The demo's mobile phone: write to the company by SMS and WhatsApp, call it by Twilio, be the telephones outside."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

from aiohttp import web

from hotline import phone
from hotline.errors import Invalid
from hotline.web.context import house_of
from hotline.web.desktop.forms import json_of
from hotline.web.rights import public

_CHANNELS: Final = ("sms", "whatsapp")
_VERBS: Final = {"answer": "answers", "decline": "declines", "hang-up": "hangs up"}
LONGEST_TEXT: Final = 1_600
LONGEST_KEYS: Final = 30


class DemoTwilio(Protocol):
    """What the page needs of a simulated Twilio. Refusals are HotlineError with a sentence to show."""

    def state(self) -> Mapping[str, Any]: ...

    def watch(self, watcher: Callable[[], None]) -> Callable[[], None]: ...

    async def write(self, number: str, channel: str, text: str) -> None: ...

    def call(self, number: str) -> str: ...

    def press(self, sid: str, keys: str) -> None: ...

    def say(self, sid: str, text: str) -> None: ...

    def act(self, sid: str, verb: str) -> None: ...


TWILIO: Final[web.AppKey[DemoTwilio]] = web.AppKey("demo.twilio")


@public
async def write(request: web.Request) -> web.StreamResponse:
    """Somebody writes to the company."""
    asked = await json_of(request)
    text = _text(asked, "text", LONGEST_TEXT)
    if not text:
        raise Invalid("text: write something first.")
    channel = asked.get("channel")
    if channel not in _CHANNELS:
        raise Invalid("channel: sms or whatsapp.")
    await _twilio(request).write(_number(request, asked), str(channel), text)
    return web.Response(status=204)


@public
async def call(request: web.Request) -> web.StreamResponse:
    """Somebody calls the company's number at Twilio."""
    sid = _twilio(request).call(_number(request, await json_of(request)))
    return web.json_response({"call": sid}, status=201)


@public
async def keys(request: web.Request) -> web.StreamResponse:
    """The caller presses keys."""
    pressed = _text(await json_of(request), "keys", LONGEST_KEYS)
    if not pressed or set(pressed) - set("0123456789*#"):
        raise Invalid("keys: digits, * and #.")
    _twilio(request).press(request.match_info["call"], pressed)
    return web.Response(status=204)


@public
async def say(request: web.Request) -> web.StreamResponse:
    """The caller says something."""
    text = _text(await json_of(request), "text", 500)
    if not text:
        raise Invalid("text: write what the caller says.")
    _twilio(request).say(request.match_info["call"], text)
    return web.Response(status=204)


@public
async def act(request: web.Request) -> web.StreamResponse:
    """Somebody answers, declines or hangs up."""
    _twilio(request).act(request.match_info["call"], _VERBS[request.match_info["verb"]])
    return web.Response(status=204)


def _twilio(request: web.Request) -> DemoTwilio:
    return request.app[TWILIO]


def _number(request: web.Request, asked: Mapping[str, Any]) -> str:
    number = _text(asked, "number", 40)
    try:
        found = phone.parse(number, house_of(request).settings.region)
    except phone.NotANumber:
        found = None
    if found is None or found.kind != "e164":
        raise Invalid("number: this is no telephone number; begin with + and the country.")
    return found.value


def _text(asked: Mapping[str, Any], name: str, longest: int) -> str:
    value = asked.get(name, "")
    if not isinstance(value, str) or len(value) > longest:
        raise Invalid(f"{name}: at most {longest} characters.")
    return value.strip()


def add_routes(app: web.Application) -> None:
    """Adds the buttons."""
    app.router.add_post("/demo/twilio/messages", write)
    app.router.add_post("/demo/twilio/calls", call)
    app.router.add_post("/demo/twilio/calls/{call}/keys", keys)
    app.router.add_post("/demo/twilio/calls/{call}/say", say)
    app.router.add_post("/demo/twilio/calls/{call}/{verb:answer|decline|hang-up}", act)
