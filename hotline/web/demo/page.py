"""The handset page and what its buttons do."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from aiohttp import web

from hotline import phone
from hotline.errors import Invalid
from hotline.web.context import house_of
from hotline.web.demo.watch import WATCH
from hotline.web.desktop.forms import json_of
from hotline.web.desktop.render import html
from hotline.web.rights import public

#: Longest name that a caller may have here; the PBX cuts it further, as a real one does.
LONGEST_NAME: Final = 10_000


class DemoPbx(Protocol):
    """What the page needs of a simulated PBX. Refusals are HotlineError with a sentence to show."""

    def state(self) -> Mapping[str, Any]: ...

    def watch(self, watcher: Callable[[], None]) -> Callable[[], None]: ...

    def call(
        self, number: str, name: str, dialled: str, *, withheld: bool = False, patience: float | None = None
    ) -> str: ...

    def handset(self, key: str, verb: str) -> None: ...

    def phone(self, extension: str, key: str, verb: str) -> None: ...

    def play(self, key: str, number: str, name: str, dialled: str) -> str: ...


@dataclass(frozen=True, slots=True)
class Scenario:
    """Somebody to call as."""

    key: str
    number: str
    name: str
    withheld: bool = False
    patience: float | None = None


@dataclass(frozen=True, slots=True)
class Demo:
    """The demo: its PBX, who calls, the line to dial, the users (login, name, role) and the password of all of them."""

    pbx: DemoPbx
    scenarios: Sequence[Scenario]
    line: str
    users: Sequence[tuple[str, str, str]]
    password: str


DEMO: Final = web.AppKey("demo", Demo)


@public
async def show(request: web.Request) -> web.StreamResponse:
    """The page."""
    demo = request.app[DEMO]
    shown = {
        "scenarios": {scenario.key: scenario for scenario in demo.scenarios},
        "line": demo.line,
        "users": demo.users,
        "password": demo.password,
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
    key = demo.pbx.call(caller.number, caller.name, demo.line, withheld=caller.withheld, patience=caller.patience)
    return web.json_response({"call": key}, status=201)


@public
async def play(request: web.Request) -> web.StreamResponse:
    """A recorded call plays by itself."""
    demo, asked = request.app[DEMO], await json_of(request)
    caller = _scenario(demo, asked) or demo.scenarios[0]
    key = demo.pbx.play(request.match_info["recording"], caller.number, caller.name, demo.line)
    return web.json_response({"call": key}, status=201)


@public
async def handset(request: web.Request) -> web.StreamResponse:
    """The person outside answers, declines or hangs up."""
    request.app[DEMO].pbx.handset(request.match_info["call"], VERBS[request.match_info["verb"]])
    return web.Response(status=204)


@public
async def telephone(request: web.Request) -> web.StreamResponse:
    """An agent's telephone answers, declines or hangs up."""
    found = request.match_info
    request.app[DEMO].pbx.phone(found["extension"], found["call"], VERBS[found["verb"]])
    return web.Response(status=204)


VERBS: Final = {"answer": "answers", "decline": "declines", "hang-up": "hangs up"}
_VERB: Final = "{verb:answer|decline|hang-up}"


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
    app.router.add_post(f"/demo/phones/{{extension}}/{{call}}/{_VERB}", telephone)
