"""Fixtures for tests on real servers. One PostgreSQL serves all workers of a session; each test gets its own database,
a copy of a migrated template (``tests.databases``); the server stops with the last worker."""

from __future__ import annotations

import asyncio
import fcntl
import gc
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest
from argon2 import PasswordHasher
from hypothesis import HealthCheck
from hypothesis import settings as made_up
from tortoise.apps import Apps
from tortoise.models import Model

from hotline.bus import MemoryBus
from hotline.crm import passwords
from hotline.crm.database import Database
from hotline.crm.embedded import EmbeddedPostgres
from hotline.crm.personal_keys import open_keyring
from hotline.settings import Settings, load_settings
from hotline.workflows.house import House
from tests.databases import Databases, create_database, drop_database
from tests.fakes.twilio import twilio, twilio_door  # noqa: F401 - fixtures

#: Tests need speed, not crash safety. Nor do databases that are emptied and lent again need autovacuum, which comes by
#: at any moment: rows would then lie, and be read, in another order.
FAST = {
    "fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "max_connections": "300",
    "autovacuum": "off",
}  # fmt: skip
SECRET = "a secret of the tests that is long enough"
FOLDER = "PYTEST_HOTLINE_SERVERS"
VERSIONS = (16, 18)


def pytest_configure(config: pytest.Config) -> None:
    """Give all workers of this run one folder for their servers. What is imported and collected stays: it is not
    searched for garbage, now or later."""
    gc.disable()
    # How long an example takes says how busy the machine is.
    made_up.register_profile("hotline", made_up.default, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    made_up.load_profile("hotline")
    if not hasattr(config, "workerinput"):
        folder = tempfile.mkdtemp(prefix="hotline-tests-")
        os.environ[FOLDER] = folder


def pytest_collection_finish() -> None:
    """The tests begin."""
    gc.collect()
    gc.freeze()
    gc.enable()


def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove the servers' folders; only the process that started the workers does it, when these are gone."""
    if not hasattr(config, "workerinput") and (folder := os.environ.pop(FOLDER, None)):
        for version in VERSIONS:
            EmbeddedPostgres(Path(folder) / str(version), version=version).stop()
        shutil.rmtree(folder)


def prompts_folder() -> Path:
    """One folder for the prompts of all tests of this run: they are the same, and making them takes a while."""
    return Path(os.environ[FOLDER]) / "prompts"


def _server(version: int) -> Iterator[EmbeddedPostgres]:
    server = EmbeddedPostgres(Path(os.environ[FOLDER]) / str(version), version=version, options=FAST)
    server.open()
    yield server
    server.close()


@pytest.fixture(scope="session")
def postgres() -> Iterator[EmbeddedPostgres]:
    """PostgreSQL 18, shared by all workers."""
    yield from _server(18)


@pytest.fixture(scope="session")
def postgres16() -> Iterator[EmbeddedPostgres]:
    """PostgreSQL 16, the oldest that hotline works with."""
    yield from _server(16)


@pytest.fixture(scope="session")
def template(postgres: EmbeddedPostgres) -> str:
    """The name of a migrated, empty database to copy, made by the first worker that needs it."""
    name = "template_hotline"

    async def make() -> None:
        await drop_database(postgres, "unfinished")
        await create_database(postgres, "unfinished")
        db = await Database.open(postgres.url("unfinished"), data_dir=Path(), migrate=True)
        await db.close()
        admin = await asyncpg.connect(postgres.url("postgres"))
        await admin.execute(f'ALTER DATABASE unfinished RENAME TO "{name}"')
        await admin.close()

    async def there() -> bool:
        admin = await asyncpg.connect(postgres.url("postgres"))
        found = await admin.fetchval("SELECT true FROM pg_database WHERE datname = $1", name)
        await admin.close()
        return found is True

    with (Path(os.environ[FOLDER]) / "template.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not asyncio.run(there()):
            asyncio.run(make())
    return name


@pytest.fixture(scope="session", autouse=True)
def models_prepared_once() -> Iterator[None]:
    """Tortoise prepares the models anew for each database that is opened, which takes as long as most tests do; what it
    prepares is the same."""
    prepare, prepared = Apps._build_initial_querysets, set[frozenset[type[Model]]]()

    def once(apps: Apps) -> None:
        models = frozenset(model for app in apps.apps.values() for model in app.values())
        if models not in prepared:
            prepare(apps)
            prepared.add(models)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Apps, "_build_initial_querysets", once)
        yield


@pytest.fixture(scope="session", autouse=True)
def real_hasher() -> Iterator[PasswordHasher]:
    """How passwords are hashed. In the tests' own process it takes no time: a guess need not be dear there."""
    real = passwords._HASHER
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "_HASHER", PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))
        yield real


@pytest.fixture
def server_folder() -> Iterator[Path]:
    """A folder for a server of this test's own. Not in pytest's: each pytest that starts closes that to other users,
    and PostgreSQL, when tests run as root, is one."""
    folder = Path(tempfile.mkdtemp(prefix="hotline-tests-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)  # a server that was killed may be tidying up itself


@pytest.fixture
async def empty_url(postgres: EmbeddedPostgres) -> AsyncIterator[str]:
    """The address of a database without a schema."""
    name = f"empty_{uuid4().hex}"
    yield await create_database(postgres, name)
    await drop_database(postgres, name)


@pytest.fixture(scope="session")
def databases(postgres: EmbeddedPostgres, template: str) -> Iterator[Databases]:
    """Migrated databases, lent by one test after the other."""
    made = Databases(postgres, template)
    yield made
    made.close()


@pytest.fixture
async def db_url(postgres: EmbeddedPostgres, databases: Databases) -> AsyncIterator[str]:
    """The address of a migrated database of this test's own."""
    name = await databases.lend()
    yield postgres.url(name)
    await databases.take_back(name)


@pytest.fixture
async def db(db_url: str, tmp_path: Path) -> AsyncIterator[Database]:
    """A migrated, empty database, opened."""
    database = await Database.open(db_url, data_dir=tmp_path)
    yield database
    await database.close()


@pytest.fixture
def settings(db_url: str, tmp_path: Path) -> Settings:
    """Settings that point at the test's database and folder, and at nothing else."""
    return load_settings(
        {
            "HOTLINE_DATABASE_URL": db_url,
            "HOTLINE_DATA_DIR": str(tmp_path),
            "HOTLINE_SECRET_KEY": SECRET,
            "HOTLINE_HTTP_BIND": "127.0.0.1:0",
            "HOTLINE_AGI_BIND": "127.0.0.1:0",
        },
        env_file=None,
    )


@pytest.fixture
async def house(db: Database, settings: Settings) -> AsyncIterator[House]:
    """A house on the test's database, with the bus in memory."""
    made = House(db=db, bus=MemoryBus(), keyring=await open_keyring(db, [SECRET]), settings=settings)
    yield made
    await made.close()
