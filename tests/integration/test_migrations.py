"""The schema's steps on PostgreSQL 16 and 18: fresh, upgraded with rows in it, from several processes, backwards."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest
from tortoise import Tortoise, fields
from tortoise.context import TortoiseContext
from tortoise.migrations import operations as ops
from tortoise.migrations.autodetector import MigrationAutodetector
from tortoise.migrations.operations import Operation

from hotline.crm import migrate
from hotline.crm.database import Database, orm_config
from hotline.errors import SettingError
from tests.commands import clean_environment, hotline
from tests.conftest import SECRET
from tests.databases import create_database, drop_database
from tests.schema import Schema, contents, populate, read_schema

STEPS = migrate.known_steps()
#: The last step of each version that was out: from these databases are upgraded.
RELEASED = ("0001_initial", "0002_indexes_and_partitions", "0007_telephony", "0015_lists")


#: What depends on the dialect runs on both versions; transactions and locks are the same.
BOTH = pytest.mark.parametrize("url", [16, 18], indirect=True)


@pytest.fixture
async def url(request: pytest.FixtureRequest) -> AsyncIterator[str]:
    """The address of an empty database, on 18 unless a test asks for 16."""
    server = request.getfixturevalue("postgres16" if getattr(request, "param", 18) == 16 else "postgres")
    name = f"migrated_{uuid4().hex}"
    yield await create_database(server, name)
    await drop_database(server, name)


async def migrated(url: str, *, upto: str | None = None) -> list[str]:
    db = await Database.open(url, data_dir=Path(), check=False)
    try:
        return await migrate.migrate(db, upto=upto)
    finally:
        await db.close()


async def schema_of(url: str) -> Schema:
    connection = await asyncpg.connect(url)
    try:
        return await read_schema(connection)
    finally:
        await connection.close()


# What the steps make is what the models say


@BOTH
async def test_the_steps_make_what_the_models_say(url: str) -> None:
    generated_url = url  # the database is used twice: first generated from the models, then emptied and migrated
    connection = await asyncpg.connect(generated_url)
    for name in ("customer_number_seq", "ticket_number_seq", "conversation_number_seq"):
        await connection.execute(f"CREATE SEQUENCE {name} AS bigint START WITH 10001")
    async with TortoiseContext() as context:
        await context.init(config=orm_config(generated_url))
        await context.generate_schemas(safe=False)
    generated = await read_schema(connection)
    await connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    await connection.close()
    assert await migrated(url) == STEPS
    found = await schema_of(url)
    partitioned = ("outbox", "delivery_attempt")
    assert [line for line in found.lacks(generated) if not any(name in line for name in partitioned)] == []
    assert [line for line in generated.lacks(found) if not any(name in line for name in (*partitioned, "tag"))] == []
    assert found.lacks(generated) == [
        "CREATE UNIQUE INDEX ON public.delivery_attempt USING btree (delivery_id)",
        "CREATE UNIQUE INDEX ON public.outbox USING btree (id)",
        "constraint delivery_attempt: PRIMARY KEY (delivery_id)",
        "constraint outbox: PRIMARY KEY (id)",
    ]
    assert generated.lacks(found) == [
        "CREATE UNIQUE INDEX ON public.delivery_attempt USING btree (delivery_id, attempt, started_at)",
        "CREATE UNIQUE INDEX ON public.outbox USING btree (id, at)",
        "CREATE UNIQUE INDEX ON public.tag USING btree (lower((name)::text))",
        "constraint delivery_attempt: PRIMARY KEY (delivery_id, attempt, started_at)",
        "constraint outbox: PRIMARY KEY (id, at)",
    ]


async def test_no_model_was_changed_without_a_step() -> None:
    config = orm_config("postgresql://nowhere/none")
    context = await Tortoise.init(config=config, init_connections=False)
    try:
        assert context.apps is not None
        writers = await MigrationAutodetector(context.apps, config["apps"]).changes()
    finally:
        await context.close_connections()
        context.__exit__(None, None, None)
    changes = [operation for writer in writers for operation in writer.operations if not _no_change(operation)]
    assert [operation.describe() for operation in changes] == []


def _no_change(operation: Operation) -> bool:
    """Tortoise keeps docstrings as table comments, and sees a change in a reference to a column that is not ``id``."""
    if isinstance(operation, ops.AlterModelOptions):
        return True
    return isinstance(operation, ops.AlterField) and (operation.model_name, operation.name) in (
        ("User", "role"),
        ("RoleGrant", "role"),
    )


# The traps of Tortoise's migrations


def traps(operations: list[Operation]) -> list[str]:
    """What would go wrong on a database with rows in it, or silently not be done."""
    found = []
    for operation in operations:
        if isinstance(operation, ops.AddField):
            name = f"{operation.model_name}.{operation.name}"
            field = operation.field
            assert isinstance(field, fields.Field)
            if getattr(field, "index", False):
                found.append(f"{name}: AddField makes no index; use AddIndex")
            if not field.null and not field.has_db_default():
                found.append(f"{name}: NOT NULL needs a db_default, or rows that are there fail")
        elif isinstance(operation, ops.RemoveField):
            found.append(
                f"{operation.model_name}.{operation.name}: a rename, written as drop and add, loses its values"
            )
        elif isinstance(operation, ops.DeleteModel):
            found.append(f"{operation.name}: a rename, written as drop and add, loses its rows")
    return found


@pytest.mark.parametrize("step", STEPS)
def test_no_step_walks_into_a_trap(step: str) -> None:
    module = __import__(f"hotline.crm.migrations.{step}", fromlist=["Migration"])
    assert traps(module.Migration.operations) == []


def test_generated_code_imports_no_optional_library() -> None:
    for step in STEPS:
        text = Path(migrate.__file__).with_name("migrations").joinpath(f"{step}.py").read_text()
        assert "orjson" not in text


def test_the_traps_are_seen() -> None:
    assert traps(
        [
            ops.AddField("Customer", "a", fields.IntField(db_index=True, null=True)),
            ops.AddField("Customer", "b", fields.IntField(default=1)),
            ops.AddField("Customer", "c", fields.IntField(db_default=1)),
            ops.RemoveField("Customer", "d"),
            ops.DeleteModel("Customer"),
        ]
    ) == [
        "Customer.a: AddField makes no index; use AddIndex",
        "Customer.b: NOT NULL needs a db_default, or rows that are there fail",
        "Customer.d: a rename, written as drop and add, loses its values",
        "Customer: a rename, written as drop and add, loses its rows",
    ]


# Upgrades


def keeps(after: list[str], before: list[str]) -> bool:
    """Whether each row is there with the values that it had; columns may have come."""
    found = [json.loads(row) for row in after]
    return all(any(row.items() <= now.items() for now in found) for row in map(json.loads, before))


@pytest.mark.parametrize(
    ("url", "step"), [*((18, step) for step in RELEASED), (16, RELEASED[0]), (16, RELEASED[-1])], indirect=["url"]
)
async def test_upgrading_a_populated_database_keeps_every_row(url: str, step: str, db_url: str) -> None:
    await migrated(url, upto=step)
    connection = await asyncpg.connect(url)
    counts = await populate(connection)
    assert min(counts.values()) >= 1
    before = await contents(connection)
    await connection.close()

    assert await migrated(url) == STEPS[STEPS.index(step) + 1 :]

    connection = await asyncpg.connect(url)
    after = await contents(connection)
    for table, rows in before.items():
        assert keeps(after[table], rows), table
    assert await read_schema(connection) == await schema_of(db_url), "as a fresh one"
    # It can still be written to: numbers and partitions work on.
    await populate(connection)
    await connection.close()


async def test_migrating_again_changes_nothing(db_url: str) -> None:
    connection = await asyncpg.connect(db_url)
    before = await contents(connection)
    assert await migrated(db_url) == []
    assert await contents(connection) == before
    await connection.close()


async def test_what_the_company_changed_in_a_tier_stays_and_built_in_roles_follow_the_version(db_url: str) -> None:
    connection = await asyncpg.connect(db_url)
    await connection.execute("UPDATE tier SET queue_priority = 99 WHERE key = 'gold'")
    await connection.execute("UPDATE role SET permissions = '{}' WHERE name = 'agent'")
    await connection.execute("INSERT INTO role (name, permissions) VALUES ('own', '{calls.read}')")
    await migrated(db_url)
    assert await connection.fetchval("SELECT queue_priority FROM tier WHERE key = 'gold'") == 99
    assert await connection.fetchval("SELECT 'calls.read' = ANY (permissions) FROM role WHERE name = 'agent'")
    assert await connection.fetchval("SELECT permissions FROM role WHERE name = 'own'") == ["calls.read"]
    await connection.close()


async def test_tags_that_differ_in_case_alone_become_one(url: str) -> None:
    await migrated(url, upto="0021_replies")
    connection = await asyncpg.connect(url)
    await populate(connection)
    customers = [row["id"] for row in await connection.fetch("SELECT id FROM customer ORDER BY id LIMIT 2")]
    merge = await connection.fetchval("SELECT id FROM merge LIMIT 1")
    await connection.execute("DELETE FROM customer_tag; DELETE FROM tag")
    tags = {name: uuid4() for name in ("VIP", "vip", "Vip", "other")}
    await connection.executemany("INSERT INTO tag (id, name) VALUES ($2, $1)", list(tags.items()))
    held = [(customers[0], "vip"), (customers[1], "vip"), (customers[0], "VIP"), (customers[1], "other")]
    await connection.executemany(
        "INSERT INTO customer_tag (customer_id, tag_id) VALUES ($1, $2)", [(who, tags[name]) for who, name in held]
    )
    await connection.execute(
        "INSERT INTO merge_item (merge_id, kind, row_id) VALUES ($1, 'tag', $2)", merge, tags["VIP"]
    )
    await migrated(url)
    assert {r["name"] for r in await connection.fetch("SELECT name FROM tag")} == {"vip", "other"}
    found = await connection.fetch("SELECT customer_id, tag_id FROM customer_tag")
    assert {tuple(row) for row in found} == {
        *((who, tags["vip"]) for who in customers), (customers[1], tags["other"]),
    }  # fmt: skip
    assert await connection.fetchval(
        "SELECT row_id FROM merge_item WHERE kind = 'tag' AND merge_id = $1 AND row_id = $2", merge, tags["vip"]
    )
    with pytest.raises(asyncpg.UniqueViolationError):
        await connection.execute("INSERT INTO tag (id, name) VALUES ($1, 'OTHER')", uuid4())
    await connection.close()


# Several processes, crashes, downgrades


async def test_several_processes_migrate_at_once(url: str, tmp_path: Path) -> None:
    environ = clean_environment(HOTLINE_DATABASE_URL=url, HOTLINE_DATA_DIR=str(tmp_path), HOTLINE_SECRET_KEY=SECRET)
    results = await asyncio.gather(
        *(hotline("migrate", environ=environ, place=tmp_path, together=True) for _ in range(3))
    )
    assert [code for code, *_ in results] == [0, 0, 0], results
    applied = [line for _, output, _ in results for line in output.splitlines() if line.startswith("applied")]
    assert applied == [f"applied {step}" for step in STEPS], "one worked, the others waited and found nothing to do"
    connection = await asyncpg.connect(url)
    recorded = await connection.fetch("SELECT name FROM tortoise_migrations ORDER BY name")
    assert [row["name"] for row in recorded] == STEPS
    await connection.close()


async def test_a_crash_after_a_step_leaves_nothing_behind(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    await migrated(url, upto=STEPS[0])
    connection = await asyncpg.connect(url)
    await populate(connection)
    before, schema = await contents(connection), await read_schema(connection)
    monkeypatch.setattr("hotline.crm.shipped.write", _fail)
    with pytest.raises(RuntimeError, match="the power went"):
        await migrated(url)
    assert await contents(connection) == before
    assert await read_schema(connection) == schema
    monkeypatch.undo()
    assert await migrated(url) == STEPS[1:]
    await connection.close()


async def _fail(_: object) -> None:
    raise RuntimeError("the power went")


async def test_a_downgrade_is_refused(db_url: str) -> None:
    connection = await asyncpg.connect(db_url)
    await connection.execute(
        "INSERT INTO tortoise_migrations (app, name, applied_at) VALUES ('crm', '9999_from_the_future', now())"
    )
    await connection.close()
    for attempt in (
        migrated(db_url),
        Database.open(db_url, data_dir=Path()),
        Database.open(db_url, data_dir=Path(), migrate=True),
    ):
        with pytest.raises(SettingError, match=r"newer hotline.*9999_from_the_future.*downgrade is refused"):
            await attempt
