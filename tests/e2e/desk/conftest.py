"""A desk in a real browser: the web application on a real database, and Chromium driven by Playwright."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Generator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, async_playwright, expect
from pytest_asyncio import fixture, is_async_test

from hotline.bus import MemoryBus
from hotline.calls.story import (
    Alias,
    CallAnswered,
    CallArrived,
    CallEnded,
    CallQueued,
    Line,
    RingAnswered,
    RingEnded,
    RingStarted,
)
from hotline.crm.company import Tickets
from hotline.crm.database import Database
from hotline.crm.personal_keys import open_keyring
from hotline.crm.viewer import SYSTEM, Viewer
from hotline.jobs import relay
from hotline.settings import Settings
from hotline.web.application import create_app
from hotline.web.context import Part
from hotline.web.scene import HouseScene
from hotline.web.sources import DatabaseOutbox, HouseIdentify, nudges
from hotline.web.stream import Hub
from hotline.workflows.calls import calls
from hotline.workflows.company import company
from hotline.workflows.customers.customers import ContactPointInput, CustomerChanges, create_customer
from hotline.workflows.house import House
from hotline.workflows.people import users
from hotline.workflows.people.sign_in import sign_in
from hotline.workflows.people.users import NewUser
from tests.conftest import SECRET
from tests.integration.people import PASSWORD, viewer_as

CHROMIUM: Final = "/usr/bin/chromium"
#: Milliseconds until a page that does not come to look as expected fails its test; a loaded machine needs some.
PATIENCE: Final = 60_000
# As root there is no sandbox; without the network flags Chromium looks up its maker's hosts at every start.
FLAGS: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=user-gesture-required",
)
PBX: Final = "main"


@dataclass
class Telephone:
    """Tells the house what the telephone did, in the words of the tracker's story."""

    house: House
    count: int = 0

    async def tell(self, *lines: Line) -> None:
        await calls.apply(self.house, PBX, lines)

    async def ring(
        self,
        number: str | None,
        *interfaces: str,
        name: str | None = None,
        withheld: bool = False,
        ivr: Mapping[str, Any] | None = None,
    ) -> Ring:
        """A call to the queue that rings these phones; ``ivr`` is what the caller chose before."""
        self.count += 1
        call_id, now = self.house.new_id(), datetime.now(UTC)
        unique = f"{now.timestamp():.0f}.{self.count}"
        alias = Alias("uniqueid", unique)
        rings = [
            RingStarted(
                call_id, now, age=0.0, ring_id=self.house.new_id(), interfaces=(interface,),
                uniqueid=f"{unique}.{at}", queue="support",
            )
            for at, interface in enumerate(interfaces)
        ]  # fmt: skip
        arrived = CallArrived(
            call_id, now, age=0.0, interface="PJSIP/trunk", number=number, name=name, withheld=withheld,
            dialled="4000", aliases=(alias,),
        )  # fmt: skip
        queued = (CallQueued(call_id, now, age=0.0, queue="support", position=1), *rings)
        if ivr is None:
            await self.tell(arrived, *queued)
        else:
            await self.tell(arrived)
            async with self.house.unit(SYSTEM) as uow:
                await calls.follow_ivr(self.house, uow, call_id, ivr)
            await self.tell(*queued)
        return Ring(self, call_id, rings)


@dataclass
class Ring:
    """A call that rings."""

    telephone: Telephone
    call_id: Any
    rings: list[RingStarted]

    async def answer(self, at: int = 0) -> None:
        """One phone is picked up, the others stop."""
        now = datetime.now(UTC)
        winner = self.rings[at]
        await self.telephone.tell(
            RingAnswered(self.call_id, now, age=0.0, ring_id=winner.ring_id),
            *(
                RingEnded(self.call_id, now, age=0.0, ring_id=ring.ring_id, reason="answered_elsewhere")
                for ring in self.rings
                if ring is not winner
            ),
            CallAnswered(self.call_id, now, age=0.0, ring_id=winner.ring_id),
        )

    async def give_up(self) -> None:
        """The caller hangs up while it rings."""
        now = datetime.now(UTC)
        await self.telephone.tell(
            *(RingEnded(self.call_id, now, age=0.0, ring_id=ring.ring_id, reason="cancelled") for ring in self.rings),
            CallEnded(self.call_id, now, age=0.0, disposition="abandoned", cause=16),
        )

    async def end(self, at: int = 0) -> None:
        """The answered call is over."""
        now = datetime.now(UTC)
        await self.telephone.tell(
            RingEnded(self.call_id, now, age=0.0, ring_id=self.rings[at].ring_id, reason="completed", cause=16),
            CallEnded(self.call_id, now, age=0.0, disposition="answered", cause=16),
        )


@dataclass
class Desk:
    """The application and its browser."""

    house: House
    server: TestServer
    hub: Hub
    browser: Browser
    telephone: Telephone
    contexts: dict[str, BrowserContext] = field(default_factory=dict)
    troubles: list[str] = field(default_factory=list)
    #: Messages of the browser that a test provokes.
    expected: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return str(self.server.make_url("")).rstrip("/")

    async def hire(self, login: str, role: str = "agent", **fields: object) -> Viewer:
        """A user who can sign in with PASSWORD."""
        data: NewUser = {"login": login, "name": login.title(), "role": role, "password": PASSWORD, "locale": "en"}
        user = await users.create_user(self.house, SYSTEM, {**data, **fields})  # type: ignore[typeddict-item]
        return viewer_as(role, user.id)

    async def customer(self, name: str, *numbers: str, **fields: object) -> Any:
        """A customer with these numbers; answers their view."""
        points: list[ContactPointInput] = [{"kind": "phone", "value": number} for number in numbers]
        data: CustomerChanges = {"name": name, "kind": "person", "contact_points": points}
        return await create_customer(self.house, SYSTEM, {**data, **fields})  # type: ignore[typeddict-item]

    async def context(self, login: str, **options: Any) -> BrowserContext:
        """A browser profile in which the user is signed in. Nothing moves by itself: drawing that takes most of the
        browser's time."""
        made = await self.browser.new_context(
            **{
                "viewport": {"width": 1440, "height": 900},
                "locale": "en-GB",
                "reduced_motion": "reduce",
                **options,
            }
        )
        made.set_default_timeout(PATIENCE)
        if login:
            session = await sign_in(self.house, login, PASSWORD, "a browser of the tests")
            await made.add_cookies([{"name": "hotline", "value": session.token, "url": self.url}])
        return made

    async def page(self, login: str, path: str = "/", **options: Any) -> Page:
        """A page in a profile of its own, ready."""
        return await self.tab(await self.context(login, **options), path)

    async def tab(self, context: BrowserContext, path: str = "/") -> Page:
        """A further page in a profile, ready."""
        page = await context.new_page()
        page.on("console", self._heard)
        page.on("pageerror", lambda error: self.troubles.append(str(error)))
        await page.goto(self.url + path)
        await page.wait_for_selector("html[data-ready]")
        return page

    @property
    def streams(self) -> int:
        """How many event streams are open."""
        return len(self.hub)

    def cut(self) -> None:
        """Every stream is cut, as when a proxy or a node goes."""
        for stream in list(self.hub._streams):
            stream.close()

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not any(part in message.text for part in self.expected):
            self.troubles.append(message.text)


async def _parts() -> list[Part]:
    return [Part("database", True, "embedded"), Part("bus", True, "memory", needed=False)]


#: Whether the test's own part failed.
_FAILED: Final = pytest.StashKey[bool]()
#: Characters of a page that a failed test tells.
_TOLD: Final = 8_000


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, Any]:
    """Remembers for the fixtures that the test failed."""
    report = yield
    if call.when == "call":
        item.stash[_FAILED] = report.failed
    return report


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One event loop for all tests of the desk, so that they can share one browser: starting it takes longer than
    most of them."""
    one_loop = pytest.mark.asyncio(loop_scope="session")
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent) and is_async_test(item):
            item.add_marker(one_loop, append=False)


@fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    """The browser of this worker; each test gets profiles of its own in it."""
    expect.set_options(timeout=PATIENCE)
    async with async_playwright() as playwright:
        started = await playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield started
        await started.close()


@fixture(loop_scope="session")
async def db(db_url: str, tmp_path: Path) -> AsyncIterator[Database]:
    """A migrated, empty database, opened in the loop of the browser."""
    database = await Database.open(db_url, data_dir=tmp_path)
    yield database
    await database.close()


@fixture(loop_scope="session")
async def house(db: Database, settings: Settings) -> AsyncIterator[House]:
    """A house on the test's database, with the bus in memory, in the loop of the browser."""
    made = House(db=db, bus=MemoryBus(), keyring=await open_keyring(db, [SECRET]), settings=settings)
    yield made
    await made.close()


@fixture(loop_scope="session")
async def desk(house: House, browser: Browser, request: pytest.FixtureRequest) -> AsyncIterator[Desk]:
    """The desk; at the end no page may have had an error or broken the content security policy. A test that failed
    tells what its pages showed."""
    # A wrap-up ends when a test says so, not while it looks at the page.
    await company.put(house, SYSTEM, Tickets(wrap_up_seconds=900))
    hub = Hub(DatabaseOutbox(house.db), nudges(house.bus), HouseScene(house))
    app: web.Application = create_app(house, hub=hub, identify=HouseIdentify(house), parts=_parts)
    server = TestServer(app, host="127.0.0.1")
    await server.start_server()
    numbers = house.spawn(relay.run(house), "relay")
    made = Desk(house, server, hub, browser, Telephone(house))
    yield made
    for context in browser.contexts:
        if request.node.stash.get(_FAILED, False):
            for page in context.pages:
                print(f"--- {page.url}\n{(await page.locator('body').aria_snapshot())[:_TOLD]}")
        await context.close()
    numbers.cancel()
    with suppress(asyncio.CancelledError):
        await numbers
    await server.close()
    assert made.troubles == []
