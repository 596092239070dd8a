"""The house: what every workflow needs, wired once by ``hotline.app`` (or a test) and passed to each function."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import structlog

from hotline.bus import Bus
from hotline.clock import Clock, utc_now
from hotline.crm import migrate as migration
from hotline.crm.commands.customers.search_tokens import renew_search_tokens
from hotline.crm.database import Database
from hotline.crm.keys import Keyring
from hotline.crm.personal_keys import master_secrets, open_keyring, rewrap
from hotline.crm.unit_of_work import UnitOfWork
from hotline.crm.viewer import Viewer
from hotline.errors import HotlineError
from hotline.events import TOPIC_EVENTS, Event, encode
from hotline.ids import NewId, new_id
from hotline.settings import EMBEDDED, Settings
from hotline.workflows.ivr.flow_registry import FlowRegistry, shipped_folder
from hotline.workflows.upkeep import unfinished_restore

if TYPE_CHECKING:
    from hotline.channels.twilio.client import TwilioClient

log = structlog.get_logger(__name__)

#: Connections opened at the start: a new one costs a pop some 20 ms until its statements are prepared.
WARM: Final = 4


@dataclass
class House:
    """One process's records, bus, keys and clock."""

    db: Database
    bus: Bus
    keyring: Keyring
    settings: Settings
    clock: Clock = utc_now
    new_id: NewId = new_id
    #: What workflows remember between two calls, each under a key of its own: a type.
    kept: dict[Any, Any] = field(default_factory=dict, repr=False)
    _tasks: set[asyncio.Task[Any]] = field(default_factory=set, repr=False)
    _ends: AsyncExitStack = field(default_factory=AsyncExitStack, repr=False)

    @cached_property
    def flows(self) -> FlowRegistry:
        """The IVR's flows of this process."""
        return FlowRegistry(shipped_folder(), self.settings.flows_dir)

    @cached_property
    def twilio(self) -> TwilioClient | None:
        """Twilio, or None while its settings are empty."""
        # Imported here: the library takes a third of a second, and most commands ask nothing of Twilio.
        from hotline.channels.twilio.client import TwilioClient

        account = self.settings.twilio_account_sid
        known = any(each.account in ("", account) for each in self.settings.twilio_auth_token)
        return TwilioClient(self.settings) if account and known else None

    @asynccontextmanager
    async def unit(self, viewer: Viewer) -> AsyncIterator[UnitOfWork]:
        """One transaction as ``viewer``. Its events are published after the commit; an exception undoes all of it."""
        async with self._unit(self.db.transaction(), viewer) as uow:
            yield uow

    @asynccontextmanager
    async def long_unit(self, viewer: Viewer) -> AsyncIterator[UnitOfWork]:
        """The same on a connection of its own, whose statements may take as long as they need: for a million rows."""
        async with self._unit(self.db.long_transaction(), viewer) as uow:
            yield uow

    @asynccontextmanager
    async def _unit(self, transaction: AbstractAsyncContextManager[Any], viewer: Viewer) -> AsyncIterator[UnitOfWork]:
        async with transaction as conn:
            uow = UnitOfWork(conn, viewer, self.clock(), self.new_id, self.keyring)
            yield uow
            await uow.flush()
        if uow.events:
            await self.publish(uow.events)

    async def publish(self, events: list[Event]) -> None:
        """Nudge every node about committed events. A bus that is away costs time only: the relay numbers them."""
        try:
            for message in encode(events):
                await self.bus.publish(TOPIC_EVENTS, message)
        except HotlineError as error:
            log.warning("bus.publish_failed", error=error.code, events=len(events))

    def spawn(self, coroutine: Coroutine[Any, Any, Any], name: str) -> asyncio.Task[Any]:
        """Run ``coroutine`` beside the caller. The only way to start a task: one that inherited the caller's context
        would inherit its transaction too."""
        task = asyncio.create_task(coroutine, name=name, context=contextvars.Context())
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def at_end(self, close: Callable[[], Awaitable[None]]) -> None:
        """Call ``close`` when the house is closed, once its tasks have stopped."""
        self._ends.push_async_callback(close)

    async def close(self) -> None:
        """Stop what was spawned, end what is to be ended, then the bus and the database."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._ends.aclose()
        if (twilio := self.__dict__.get("twilio")) is not None:
            await twilio.close()
        await self.bus.close()
        await self.db.close()

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("task.failed", task=task.get_name(), exc_info=error)


async def migrate_database(settings: Settings) -> tuple[list[str], int]:
    """Bring the database up to this version and its keys under the first of several master keys; the names of the
    steps that this took, and how many keys were wrapped anew."""
    db = await Database.open(settings.database_url.get_secret_value(), data_dir=settings.data_dir, check=False)
    try:
        steps = await migration.migrate(db)
        secrets = _secrets(settings)
        keyring = await open_keyring(db, secrets)
        await renew_search_tokens(db, keyring)
        return steps, await rewrap(db, keyring, secrets) if len(secrets) > 1 else 0
    finally:
        await db.close()


def _secrets(settings: Settings) -> list[str]:
    return master_secrets([secret.get_secret_value() for secret in settings.secret_key], settings.data_dir)


async def open_house(settings: Settings, *, migrate: bool = False, bus: Bus | None = None) -> House:
    """The house of ``settings``; close it when done. Migrates the embedded database always, another if ``migrate``."""
    unfinished_restore.refuse(settings.data_dir)
    url = settings.database_url.get_secret_value()
    db = await Database.open(
        url,
        data_dir=settings.data_dir,
        migrate=migrate or url == EMBEDDED,
        pool_size=settings.database_pool,
        warm=WARM,
    )
    try:
        keyring = await open_keyring(db, _secrets(settings))
        if migrate or url == EMBEDDED:
            await renew_search_tokens(db, keyring)
        bus = bus or _bus(settings, db, keyring)
        await bus.start()
    except BaseException:
        await db.close()
        raise
    return House(db=db, bus=bus, keyring=keyring, settings=settings)


def _bus(settings: Settings, db: Database, keyring: Keyring) -> Bus:
    if url := settings.redis_url.get_secret_value():
        from hotline.bus.redis import RedisBus

        # Every node of one installation has the same index key, and no other installation has it.
        return RedisBus(url, keyring.blind_index("bus", "namespace").hex()[:16])
    from hotline.bus.postgres import PostgresBus

    return PostgresBus(db.dsn)
