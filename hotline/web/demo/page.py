"""The handset page and what its buttons do."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from aiohttp import web

from hotline import phone
from hotline.errors import Invalid
from hotline.web.bodies import whole
from hotline.web.context import house_of
from hotline.web.demo.twilio import DemoTwilio
from hotline.web.demo.watch import WATCH
from hotline.web.desktop.forms import json_of
from hotline.web.desktop.people.permission_words import ROLES
from hotline.web.desktop.render import html, say
from hotline.web.rights import public, streamed

#: Longest name that a caller may have here; the PBX cuts it further, as a real one does.
LONGEST_NAME: Final = 10_000
LONGEST_KEYS: Final = 30
#: What a caller says at once: characters, and bytes of some four minutes.
LONGEST_TEXT: Final = 500
LARGEST_SOUND: Final = 4_000_000


class DemoPbx(Protocol):
    """What the page needs of a simulated PBX. Refusals are HotlineError with a sentence to show."""

    def state(self) -> Mapping[str, Any]: ...

    def watch(self, watcher: Callable[[], None]) -> Callable[[], None]: ...

    def call(
        self,
        number: str,
        name: str,
        dialled: str,
        *,
        withheld: bool = False,
        patience: float | None = None,
        keys: Sequence[str] = (),
    ) -> str: ...

    def handset(self, key: str, verb: str) -> None: ...

    def phone(self, extension: str, key: str, verb: str) -> None: ...

    def play(self, key: str, number: str, name: str, dialled: str, keys: Sequence[str] | None = None) -> str: ...

    def press(self, key: str, keys: str) -> None: ...

    def say(self, key: str, sound: bytes) -> None: ...


@dataclass(frozen=True, slots=True)
class Scenario:
    """Somebody to call as."""

    key: str
    number: str
    name: str
    withheld: bool = False
    patience: float | None = None
    #: What they answer to the menus by themselves, one after the other.
    keys: Sequence[str] = ()


class Voice(Protocol):
    """Reads texts for those who have no microphone."""

    @property
    def audible(self) -> bool:
        """Whether anything is heard: without a speech command there is silence, and captions."""
        ...

    async def say(self, text: str) -> bytes:
        """A WAV file with one channel, 16 bits and 8000 samples a second. Raises HotlineError."""
        ...


@dataclass(frozen=True, slots=True)
class Demo:
    """The demo: its PBX, who calls, the lines to dial (the main one first), the users (login, name, role) and the
    password of all of them. ``scripts_at`` is told the port of the FastAGI server once that listens."""

    pbx: DemoPbx
    scenarios: Sequence[Scenario]
    lines: Sequence[str]
    users: Sequence[tuple[str, str, str]]
    password: str
    voice: Voice
    scripts_at: Callable[[int], None]
    #: People who call and write by Twilio.
    twilio: DemoTwilio | None = None


DEMO: Final = web.AppKey("demo", Demo)


@public
async def show(request: web.Request) -> web.StreamResponse:
    """The page."""
    demo = request.app[DEMO]
    shown = {
        "scenarios": {scenario.key: scenario for scenario in demo.scenarios},
        "lines": demo.lines,
        "users": [(login, name, say(request, ROLES[role])) for login, name, role in demo.users],
        "password": demo.password,
        "audible": demo.voice.audible,
        "twilio": demo.twilio.state()["number"] if demo.twilio is not None else None,
    }
    return html(request, "demo.html", shown)


@public
async def state(request: web.Request) -> web.StreamResponse:
    """Phones, calls and what happened, as JSON."""
    return web.json_response(request.app[WATCH].state())


@public
async def stream(request: web.Request) -> web.StreamResponse:
    """The same again after every change, as server-sent events."""
    return await request.app[WATCH].stream(request)


@public
async def call(request: web.Request) -> web.StreamResponse:
    """The handset calls the hotline: as one of the scenarios, or from a number of one's own."""
    demo, asked = request.app[DEMO], await json_of(request)
    caller = _scenario(demo, asked)
    if caller is None:
        number = _text(asked, "number", 40)
        try:
            parsed = phone.parse(number, house_of(request).settings.region).value
        except phone.NotANumber:
            raise Invalid("number: this is no telephone number; begin with + and the country.") from None
        caller = Scenario("own", parsed, _text(asked, "name", LONGEST_NAME) or parsed)
    key = demo.pbx.call(
        caller.number,
        caller.name,
        _line(demo, asked),
        withheld=caller.withheld,
        patience=caller.patience,
        keys=caller.keys,
    )
    return web.json_response({"call": key}, status=201)


@public
async def play(request: web.Request) -> web.StreamResponse:
    """A recorded call plays by itself."""
    demo, asked = request.app[DEMO], await json_of(request)
    caller = _scenario(demo, asked) or demo.scenarios[0]
    key = demo.pbx.play(request.match_info["recording"], caller.number, caller.name, demo.lines[0], caller.keys or None)
    return web.json_response({"call": key}, status=201)


@public
async def handset(request: web.Request) -> web.StreamResponse:
    """The person outside answers, declines or hangs up."""
    request.app[DEMO].pbx.handset(request.match_info["call"], VERBS[request.match_info["verb"]])
    return web.Response(status=204)


@public
async def keys(request: web.Request) -> web.StreamResponse:
    """The caller presses keys."""
    pressed = _text(await json_of(request), "keys", LONGEST_KEYS)
    request.app[DEMO].pbx.press(request.match_info["call"], pressed)
    return web.Response(status=204)


@public
@streamed
async def voice(request: web.Request) -> web.StreamResponse:
    """The caller says something: a WAV file of their microphone, or a text that the speech command reads."""
    demo = request.app[DEMO]
    if request.content_type == "application/json":
        text = _text(await json_of(request), "text", LONGEST_TEXT)
        if not text:
            raise Invalid("text: write what the caller says.")
        sound = await demo.voice.say(text)
    else:
        sound = await whole(request, LARGEST_SOUND)
    demo.pbx.say(request.match_info["call"], sound)
    return web.Response(status=204)


@public
async def telephone(request: web.Request) -> web.StreamResponse:
    """An agent's telephone answers, declines or hangs up."""
    found = request.match_info
    request.app[DEMO].pbx.phone(found["extension"], found["call"], VERBS[found["verb"]])
    return web.Response(status=204)


VERBS: Final = {"answer": "answers", "decline": "declines", "hang-up": "hangs up"}
_VERB: Final = "{verb:answer|decline|hang-up}"


def _line(demo: Demo, asked: Mapping[str, Any]) -> str:
    line = _text(asked, "line", 40) or demo.lines[0]
    if line not in demo.lines:
        raise Invalid("line: this number is none of the hotline's.")
    return line


def _scenario(demo: Demo, asked: Mapping[str, Any]) -> Scenario | None:
    return next((scenario for scenario in demo.scenarios if scenario.key == asked.get("scenario")), None)


def _text(asked: Mapping[str, Any], name: str, longest: int) -> str:
    value = asked.get(name, "")
    if not isinstance(value, str) or len(value) > longest:
        raise Invalid(f"{name}: at most {longest} characters.")
    return value.strip()


def add_routes(app: web.Application) -> None:
    """Adds the page and its buttons."""
    app.router.add_get("/demo", show)
    app.router.add_get("/demo/state", state)
    app.router.add_get("/demo/stream", stream)
    app.router.add_post("/demo/calls", call)
    app.router.add_post("/demo/recordings/{recording:[a-z_]+}", play)
    app.router.add_post(f"/demo/calls/{{call}}/{_VERB}", handset)
    app.router.add_post("/demo/calls/{call}/keys", keys)
    app.router.add_post("/demo/calls/{call}/voice", voice)
    app.router.add_post(f"/demo/phones/{{extension}}/{{call}}/{_VERB}", telephone)
