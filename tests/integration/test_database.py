"""The database on a real PostgreSQL: transactions, failures as hotline's own exceptions, outages, clear refusals."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import pytest
from tortoise.exceptions import IntegrityError

from hotline.bus import MemoryBus
from hotline.crm.database import Database
from hotline.crm.embedded import EmbeddedPostgres
from hotline.crm.models import Role, Tag
from hotline.crm.personal_keys import open_keyring
from hotline.crm.viewer import SYSTEM
from hotline.errors import Conflict, Invalid, SettingError, Unavailable
from hotline.ids import new_id
from hotline.settings import Settings
from hotline.workflows.house import House
from tests.conftest import FAST, SECRET
from tests.databases import create_database
from tests.waiting import until


async def tags(db: Database) -> list[str]:
    return [row["name"] for row in await db.fetch("SELECT name FROM tag ORDER BY name")]


# Transactions


async def test_models_and_statements_share_the_unit(house: House) -> None:
    async with house.unit(SYSTEM) as uow:
        await Tag.create(name="model")
        await Tag.create(name="explicit", using_db=uow.conn)
        await uow.execute("INSERT INTO tag (id, name) VALUES ($1, 'statement')", uow.new_id())
        assert await uow.fetchval("SELECT count(*) FROM tag") == 3
        assert await house.db.fetchval("SELECT count(*) FROM tag") == 0, "others see nothing before the commit"
    assert await tags(house.db) == ["explicit", "model", "statement"]
    assert await Tag.all().count() == 3


async def fail_in_unit(house: House) -> None:
    async with house.unit(SYSTEM):
        await Tag.create(name="undone")
        raise LookupError("undo")


async def test_an_exception_undoes_the_unit_and_passes(house: House) -> None:
    with pytest.raises(LookupError):
        await fail_in_unit(house)
    assert await tags(house.db) == []


async def test_cancelling_undoes_the_unit_and_gives_the_connection_back(house: House) -> None:
    inside = asyncio.Event()

    async def stay() -> None:
        async with house.unit(SYSTEM) as uow:
            await Tag.create(name="undone")
            inside.set()
            await uow.execute("SELECT pg_sleep(60)")

    async def asleep() -> object:
        # What is cancelled before PostgreSQL has begun with it is not cancelled there: it does not keep the wish.
        return await house.db.fetchval(
            """SELECT count(*) = 1 FROM pg_stat_activity
               WHERE datname = current_database() AND wait_event = 'PgSleep'"""
        )  # fmt: skip

    for _ in range(house.settings.database_pool + 1):
        inside.clear()
        task = asyncio.create_task(stay())
        await inside.wait()
        await until(asleep)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert await tags(house.db) == []


@pytest.mark.parametrize("ended", [False, True])
async def test_who_is_cancelled_stays_so_when_the_rollback_fails(
    house: House, monkeypatch: pytest.MonkeyPatch, ended: bool
) -> None:
    async def never(transaction: asyncpg.transaction.Transaction) -> None:
        if ended:  # as asyncpg does with a connection whose statement would not end
            transaction._connection.terminate()
        raise TimeoutError

    monkeypatch.setattr(asyncpg.transaction.Transaction, "_Transaction__rollback", never)

    async def leave() -> None:
        async with house.unit(SYSTEM):
            await Tag.create(name="undone")
            raise asyncio.CancelledError

    for _ in range(house.settings.database_pool + 1):
        with pytest.raises(asyncio.CancelledError):
            await leave()
    monkeypatch.undo()
    assert await tags(house.db) == []


async def test_a_spawned_task_does_not_inherit_the_transaction(house: House) -> None:
    async def count() -> int:
        return await Tag.all().count()

    async with house.unit(SYSTEM):
        await Tag.create(name="uncommitted")
        assert await house.spawn(count(), "count") == 0
        assert await count() == 1


async def test_units_side_by_side_are_apart(house: House) -> None:
    both = asyncio.Barrier(2)

    async def write(name: str) -> int:
        async with house.unit(SYSTEM):
            await Tag.create(name=name)
            await both.wait()
            seen = await Tag.all().count()
            await both.wait()  # neither commits before both have looked
            return seen

    assert list(await asyncio.gather(write("one"), write("two"))) == [1, 1]
    assert await tags(house.db) == ["one", "two"]


async def test_two_databases_in_one_process_are_apart(house: House, postgres: EmbeddedPostgres, template: str) -> None:
    url = await create_database(postgres, f"second_{new_id().hex}", template)
    second = await Database.open(url, data_dir=house.settings.data_dir)
    other = House(db=second, bus=MemoryBus(), keyring=house.keyring, settings=house.settings)
    async with other.unit(SYSTEM):
        await Tag.create(name="there")
    async with house.unit(SYSTEM):
        await Tag.create(name="here")
    assert await tags(house.db) == ["here"]
    assert await tags(second) == ["there"]
    await second.close()
    assert await tags(house.db) == ["here"]


async def test_values_come_back_as_python_values(house: House) -> None:
    data = {"text": "grüße 你好 \"'", "list": [1, 2.5, None, True], "nested": {"a": {}}}
    moment = datetime(2026, 2, 3, 4, 5, 6, 789000, tzinfo=UTC)
    row = await house.db.fetchrow(
        "SELECT $1::jsonb AS data, $2::timestamptz AS at, $3::bytea AS raw, $4::uuid[] AS ids",
        data,
        moment,
        b"\0\xff",
        [new := new_id()],
    )
    assert row is not None
    assert (row["data"], row["at"], row["raw"], row["ids"]) == (data, moment, b"\0\xff", [new])


async def test_json_is_the_same_through_models_and_statements(house: House) -> None:
    async with house.unit(SYSTEM) as uow:
        role = await Role.create(name="tester", permissions=["a", "b"])
        await uow.execute(
            "INSERT INTO users (id, login, name, role, preferences) VALUES ($1, 'x', 'X', $2, $3)",
            uow.new_id(),
            role.name,
            {"theme": "dark"},
        )
    assert await house.db.fetchval("SELECT preferences->>'theme' FROM users") == "dark"
    assert await house.db.fetchval("SELECT permissions FROM role WHERE name = 'tester'") == ["a", "b"]


async def test_a_snapshot_sees_one_moment(house: House) -> None:
    async with house.db.snapshot() as snapshot:
        assert await snapshot.fetchval("SELECT count(*) FROM tag") == 0
        await house.db.execute("INSERT INTO tag (id, name) VALUES ($1, 'later')", new_id())
        assert await snapshot.fetchval("SELECT count(*) FROM tag") == 0


# Failures


async def test_what_is_there_already_is_a_conflict(house: House) -> None:
    await house.db.execute("INSERT INTO tag (id, name) VALUES ($1, 'same')", new_id())

    async def by_model() -> None:
        async with house.unit(SYSTEM):
            await Tag.create(name="same")

    async def by_statement() -> None:
        async with house.unit(SYSTEM) as uow:
            await uow.execute("INSERT INTO tag (id, name) VALUES ($1, 'same')", uow.new_id())

    for way in (by_model, by_statement):
        with pytest.raises(Conflict):
            await way()
    with pytest.raises(Conflict):
        await house.db.execute("INSERT INTO tag (id, name) VALUES ($1, 'same')", new_id())


async def test_a_model_s_own_error_can_be_caught_inside_the_unit(house: House) -> None:
    await house.db.execute("INSERT INTO tag (id, name) VALUES ($1, 'same')", new_id())
    async with house.unit(SYSTEM) as uow:
        with pytest.raises(IntegrityError):
            async with uow.conn._in_transaction():  # a savepoint
                await Tag.create(name="same")
        await Tag.create(name="other")
    assert await tags(house.db) == ["other", "same"]


async def test_a_reference_to_nothing_is_a_conflict_and_a_missing_value_invalid(house: House) -> None:
    with pytest.raises(Conflict):
        await house.db.execute(
            "INSERT INTO address (id, customer_id, cipher) VALUES ($1, $2, $3)", new_id(), new_id(), b""
        )
    with pytest.raises(Invalid):
        await house.db.execute("INSERT INTO tag (id) VALUES ($1)", new_id())


async def test_a_mistake_in_a_statement_is_not_hidden(house: House) -> None:
    with pytest.raises(asyncpg.PostgresSyntaxError):
        await house.db.fetch("SELEC 1")


async def test_deadlocks_say_try_again(house: House) -> None:
    first, second = new_id(), new_id()
    for tag in (first, second):
        await house.db.execute("INSERT INTO tag (id, name) VALUES ($1, $2)", tag, tag.hex)
    both = asyncio.Barrier(2)

    async def cross(one: object, other: object) -> None:
        async with house.unit(SYSTEM) as uow:
            await uow.execute("UPDATE tag SET name = name WHERE id = $1", one)
            await both.wait()
            await uow.execute("UPDATE tag SET name = name WHERE id = $1", other)

    results = await asyncio.gather(cross(first, second), cross(second, first), return_exceptions=True)
    failures = [result for result in results if result is not None]
    assert len(failures) == 1
    assert isinstance(failures[0], Unavailable)
    assert failures[0].retry


# Refusals at the start: one clear line each


async def refusal(url: str, folder: Path) -> str:
    with pytest.raises((SettingError, Unavailable)) as caught:
        await Database.open(url, data_dir=folder)
    text = caught.value.detail
    assert "\n" not in text
    assert "geheim" not in text, "the password"
    return text


async def test_nobody_listens_there(tmp_path: Path) -> None:
    url = "postgresql://hotline:geheim@127.0.0.1:1/hotline"
    assert "PostgreSQL at 127.0.0.1:1 does not answer" in await refusal(url, tmp_path)


async def test_no_such_database(tmp_path: Path, postgres: EmbeddedPostgres) -> None:
    assert "no database of that name" in await refusal(postgres.url("nowhere"), tmp_path)


async def test_no_such_user(tmp_path: Path, postgres: EmbeddedPostgres) -> None:
    url = postgres.url("postgres").replace("hotline@", "nobody:geheim@")
    assert "refuses this user or password" in await refusal(url, tmp_path)


async def test_an_empty_database_asks_to_be_migrated(tmp_path: Path, empty_url: str) -> None:
    assert "run hotline migrate" in await refusal(empty_url, tmp_path)


async def test_a_database_of_another_master_key_is_refused(house: House) -> None:
    with pytest.raises(SettingError, match="HOTLINE_SECRET_KEY"):
        await open_keyring(house.db, ["another secret that is long enough"])
    await open_keyring(house.db, ["another secret that is long enough", SECRET])


# Outages


@pytest.fixture
def own_server(server_folder: Path) -> Iterator[EmbeddedPostgres]:
    """A server of this test's own, to stop and start."""
    server = EmbeddedPostgres(server_folder / "postgres", options=FAST)
    server.open()
    yield server
    server.close()


async def test_an_outage_is_unavailable_and_passes_by_itself(own_server: EmbeddedPostgres, settings: Settings) -> None:
    db = await Database.open(own_server.url(), data_dir=settings.data_dir, migrate=True, pool_size=3)
    house = House(db=db, bus=MemoryBus(), keyring=await open_keyring(db, [SECRET]), settings=settings)

    async def write(name: str) -> None:
        async with house.unit(SYSTEM) as uow:
            await Tag.create(name=name)
            uow.audit("tag:created", None)

    await asyncio.gather(*(write(f"before {n}") for n in range(5)))
    inside, stopped = asyncio.Event(), asyncio.Event()

    async def caught_in_the_middle() -> None:
        async with house.unit(SYSTEM):
            await Tag.create(name="in the middle")
            inside.set()
            await stopped.wait()
            await Tag.create(name="after the cut")

    middle = asyncio.create_task(caught_in_the_middle())
    await inside.wait()
    await asyncio.to_thread(own_server.stop)
    stopped.set()
    with pytest.raises(Unavailable):
        await middle
    for n in range(9):  # more often than the pool has places: none may be lost to a failed BEGIN
        with pytest.raises(Unavailable):
            await write(f"during {n}")
        with pytest.raises(Unavailable):
            await db.fetchval("SELECT 1")
    await asyncio.to_thread(own_server.ensure_running)
    await asyncio.gather(*(write(f"after {n}") for n in range(9)))
    names = await tags(db)
    assert [name for name in names if name.startswith("before")] == [f"before {n}" for n in range(5)]
    assert [name for name in names if name.startswith("after")] == [f"after {n}" for n in range(9)]
    assert not [name for name in names if name.startswith(("in the", "during"))]
    assert await db.fetchval("SELECT count(*) FROM audit_entry") == 14
    await house.close()


async def test_a_connection_cut_by_the_server_is_replaced(house: House) -> None:
    admin = await house.db.connect()
    await asyncio.gather(*(house.db.fetchval("SELECT 1") for _ in range(5)))
    cut = await admin.fetchval(
        """SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
           WHERE datname = current_database() AND pid <> pg_backend_pid()"""
    )
    await admin.close()
    assert cut >= 1

    async def works() -> bool:
        try:
            await house.db.execute("SELECT 1")
            return True
        except Unavailable:  # the cut was not yet noticed
            return False

    await until(works)


async def test_a_pool_that_is_used_up_says_so(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    size = house.db._pool.get_max_size()
    held, release = asyncio.Semaphore(0), asyncio.Event()

    async def hold() -> None:
        async with house.unit(SYSTEM):
            held.release()
            await release.wait()

    tasks = [asyncio.create_task(hold()) for _ in range(size)]
    for _ in range(size):
        await held.acquire()
    # Only now: while the pool fills, a connection may take its time.
    monkeypatch.setattr("hotline.crm.database.ACQUIRE_TIMEOUT", 0.05)
    with pytest.raises(Unavailable):
        await house.db.fetchval("SELECT 1")
    release.set()
    await asyncio.gather(*tasks)
    assert await house.db.fetchval("SELECT 1") == 1


async def test_a_closed_database_is_unavailable(db_url: str, tmp_path: Path) -> None:
    db = await Database.open(db_url, data_dir=tmp_path)
    await db.close()
    with pytest.raises(Unavailable):
        await db.fetchval("SELECT 1")


async def test_a_schema_that_changes_under_a_running_node_passes_by_itself(house: House) -> None:
    async def read() -> None:
        async with house.unit(SYSTEM) as uow:
            await uow.fetch("SELECT * FROM tag")

    for _ in range(3):
        await read()
    await house.db.execute("ALTER TABLE tag ADD COLUMN colour text")

    async def works() -> bool:
        try:
            await read()
        except Unavailable:
            return False
        return True

    await until(works)
