"""An office: a real Asterisk, ``hotline serve`` on a real PostgreSQL, an administrator and agents with tokens."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import aiohttp
import pytest

from hotline.crm.embedded import EmbeddedPostgres
from tests.conftest import SECRET
from tests.databases import Databases, create_database
from tests.e2e.person import Body, Person, soon
from tests.e2e.service import Service, command
from tests.rig.ami import Ami
from tests.rig.asterisk import Asterisk
from tests.rig.config import extension
from tests.rig.roots import ROOTS, missing
from tests.rig.stage import Stage

PBX = "main"
AGENTS = ("agent1", "agent2", "agent3")
#: What does not hang on the PBX's version is tried on one.
newest = pytest.mark.parametrize("asterisk", [22], indirect=True, ids=["asterisk22"])


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs the rig; skip it where the rig is not set up."""
    lacks = missing()
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.rig)
            if lacks:
                item.add_marker(pytest.mark.skip(reason=f"needs sudo make rig: {', '.join(lacks)}"))


@pytest.fixture(params=list(ROOTS), ids=lambda version: f"asterisk{version}")
def asterisk(request: pytest.FixtureRequest) -> Iterator[Asterisk]:
    """A running Asterisk of each version."""
    with Asterisk(request.param) as running:
        yield running


@pytest.fixture
def stage(asterisk: Asterisk) -> Iterator[Stage]:
    """Who telephones through it."""
    with Stage(asterisk) as made:
        yield made


@pytest.fixture
def ami(asterisk: Asterisk) -> Iterator[Ami]:
    """The rig's own manager session."""
    with asterisk.ami() as session:
        yield session


@dataclass
class Office:
    """Everything that a test of the whole needs."""

    service: Service
    admin: Person
    session: aiohttp.ClientSession
    agents: dict[str, Person] = field(default_factory=dict)

    def __getitem__(self, agent: str) -> Person:
        return self.agents[agent]

    async def hire(self, login: str, *, interfaces: list[str], role: str = "agent") -> Person:
        """Add a user with a token over the API; they listen from now on."""
        user = {"login": login, "name": login.title(), "role": role, "locale": "en", "interfaces": interfaces}
        number = extension(login) if login in AGENTS else None
        await self.admin.post("/users", {**user, "extension": number, "queues": ["support", "first"]}, status=201)
        made = await self.admin.post("/tokens", {"user": login, "name": "test", "scopes": ["all"]}, status=201)
        person = Person(login, made["token"], self.service.url, self.session)
        self.agents[login] = person
        await person.listen()
        return person

    async def customer(self, name: str, number: str, **more: object) -> Body:
        """Add a customer with a telephone number."""
        points = [{"kind": "phone", "value": number, "label": "mobile"}]
        body = {"kind": "person", "name": name, "contact_points": points, **more}
        made: Body = await self.admin.post("/customers", body, status=201)
        return made

    async def without_wrap_up(self) -> None:
        """The company's agents are not paused after a call."""
        await self.admin.ask("PUT", "/settings/tickets", {"wrap_up_pause": False}, status=200)

    async def connected(self, since: str = "") -> None:
        """Wait until the PBX is read, by a node that said so after ``since``."""

        async def look() -> bool:
            pbxs = (await self.admin.get("/pbxs"))["items"]
            return any(pbx["connected"] and pbx["updated_at"] > since for pbx in pbxs)

        await soon(look, "the PBX is connected")

    async def restart(self) -> None:
        """Start the service again; everybody finds it at its new address."""
        # One that was killed could not say that it hears the PBX no more.
        since = datetime.now(UTC).isoformat()
        await self.service.start()
        for person in (self.admin, *self.agents.values()):
            person.url = self.service.url
        await self.connected(since)

    def use(self, service: Service) -> None:
        """Everybody uses another node from now on."""
        for person in (self.admin, *self.agents.values()):
            person.url = service.url


def service_settings(db_url: str, folder: Path, ami_url: str) -> dict[str, str]:
    """The settings of a node of the office."""
    return {
        "HOTLINE_DATABASE_URL": db_url,
        "HOTLINE_DATA_DIR": str(folder),
        "HOTLINE_SECRET_KEY": SECRET,
        "HOTLINE_AMI_URLS": f"{ami_url}/{PBX}",
        "HOTLINE_REGION": "CN",
        "HOTLINE_LOG_FORMAT": "json",
    }


async def first_sign_in(settings: dict[str, str]) -> str:
    """What a new company does: the first administrator comes from the command line; their API token."""
    add = ("user", "add", "admin", "--role", "administrator", "--password-stdin")
    code, _, errors = await command(settings, *add, stdin="correct horse battery staple\n")
    assert code == 0, errors
    code, token, errors = await command(settings, "token", "create", "admin", "--scope", "all")
    assert code == 0, errors
    return token.strip()


@dataclass(frozen=True)
class Company:
    """A database in which an administrator has signed in for the first time, to copy for each test."""

    template: str
    token: str


@pytest.fixture(scope="session")
def company(postgres: EmbeddedPostgres, template: str, tmp_path_factory: pytest.TempPathFactory) -> Company:
    """The company, once per worker."""
    name = f"company_{uuid4().hex}"
    folder = tmp_path_factory.mktemp("company")

    async def found() -> str:
        url = await create_database(postgres, name, template)
        return await first_sign_in(service_settings(url, folder, "ami://nobody:none@127.0.0.1:9"))

    return Company(name, asyncio.run(found()))


@pytest.fixture(scope="session")
def offices(postgres: EmbeddedPostgres, company: Company) -> Iterator[Databases]:
    """Copies of the company's database, lent by one test after the other."""
    made = Databases(postgres, company.template)
    yield made
    made.close()


@pytest.fixture
async def company_url(postgres: EmbeddedPostgres, offices: Databases) -> AsyncIterator[str]:
    """The address of a copy of the company's database."""
    name = await offices.lend()
    yield postgres.url(name)
    await offices.take_back(name)


@pytest.fixture
def settings_of(company_url: str, tmp_path: Path, asterisk: Asterisk) -> dict[str, str]:
    """The settings of the office's first node."""
    return service_settings(company_url, tmp_path, asterisk.ami_url)


async def open_office(settings: dict[str, str], token: str, folder: Path, session: aiohttp.ClientSession) -> Office:
    """Start hotline and let the administrator hire the agents."""
    service = Service(settings, folder)
    await service.start()
    office = Office(service, Person("admin", token, service.url, session), session)
    for agent in AGENTS:
        await office.hire(agent, interfaces=[f"PJSIP/{agent}"])
    await office.connected()
    return office


@pytest.fixture
async def office(settings_of: dict[str, str], company: Company, tmp_path: Path) -> AsyncIterator[Office]:
    """The office, open for business; when a test fails, what hotline logged is shown."""
    async with aiohttp.ClientSession() as session:
        opened = await open_office(settings_of, company.token, tmp_path, session)
        yield opened
        await close_office(opened)


async def close_office(office: Office) -> None:
    """Everybody goes home."""
    await asyncio.gather(*(person.deaf() for person in (office.admin, *office.agents.values())))
    await office.service.stop()
    print(office.service.log()[-20_000:])


@pytest.fixture(autouse=True)
def _no_settings_of_this_shell(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("HOTLINE_") and name != "HOTLINE_REAL_MATERIAL"]:
        monkeypatch.delenv(name)
