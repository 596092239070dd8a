"""Bringing the schema up to date: Tortoise's migrations, all in one transaction, one process at a time.

Tortoise records a migration after its transaction, so a crash between the two would leave a step done but unknown;
and it holds no lock. Here both are one transaction under an advisory lock: a step is done and recorded, or neither.
"""

from __future__ import annotations

import pkgutil
from typing import Final

import asyncpg
import structlog
from tortoise.backends.asyncpg.client import TransactionWrapper
from tortoise.migrations.executor import MigrationTarget

import hotline.crm.migrations
from hotline.clock import utc_now
from hotline.crm import partitions, shipped
from hotline.crm.database import Database, Reader, orm_config
from hotline.crm.schema_state import StepExecutor
from hotline.errors import SettingError

log = structlog.get_logger(__name__)

APP: Final = "crm"

#: Key of the advisory lock; any number that nobody else uses in this database.
LOCK: Final = 0x686F746C696E65

NEWER: Final = (
    "The database was migrated by a newer hotline (it has {steps}). A downgrade is refused: "
    "run that version again, or restore the backup from before the upgrade."
)


def known_steps() -> list[str]:
    """The steps that this version ships, in order."""
    return sorted(module.name for module in pkgutil.iter_modules(hotline.crm.migrations.__path__))


async def applied_steps(db: Reader) -> list[str]:
    """The steps that the database has had, in order; none when it is empty."""
    if await db.fetchval("SELECT to_regclass('tortoise_migrations')") is None:
        return []
    rows = await db.fetch("SELECT name FROM tortoise_migrations WHERE app = $1 ORDER BY name", APP)
    return [row["name"] for row in rows]


async def check(db: Database) -> None:
    """Raise SettingError unless the schema is exactly this version's."""
    applied = await applied_steps(db)
    _refuse_newer(applied)
    if missing := sorted({*known_steps()}.difference(applied)):
        raise SettingError(f"The database lacks {len(missing)} step(s), first {missing[0]}: run hotline migrate")


async def migrate(db: Database, *, upto: str | None = None) -> list[str]:
    """Apply what is missing and answer the names of these steps. ``upto`` stops earlier, for tests of upgrades.

    Any number of processes may call this at once: one works, the others wait and find nothing left to do.
    """
    async with db.long_transaction() as client:
        return await migrate_on(client, db, upto=upto)


async def migrate_on(client: TransactionWrapper, db: Database, *, upto: str | None = None) -> list[str]:
    """As ``migrate``, inside the caller's transaction."""
    connection: asyncpg.Connection = client._connection
    await connection.execute("SELECT pg_advisory_xact_lock($1)", LOCK)
    applied = await applied_steps(connection)
    _refuse_newer(applied)
    todo = [step for step in known_steps() if step not in applied and (upto is None or step <= upto)]
    if todo:
        executor = StepExecutor(client, {APP: orm_config(db.dsn)["apps"][APP]})
        # First of all: Tortoise looks into this table before it makes it, which would end the transaction.
        await executor.recorder.ensure_schema(executor._schema_editor(atomic=False))
        await executor.migrate([MigrationTarget(APP, todo[-1])], direction="forward")
    if upto is None:
        await shipped.write(connection)
        await partitions.make_partitions(connection, utc_now())
    for step in todo:
        log.info("database.migrated", step=step)
    return todo


def _refuse_newer(applied: list[str]) -> None:
    if unknown := sorted({*applied}.difference(known_steps())):
        raise SettingError(NEWER.format(steps=", ".join(unknown)))
