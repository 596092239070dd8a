"""The outbox on a real PostgreSQL: events commit with their unit, are numbered after it; none is lost or doubled."""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest

from hotline.bus import MemoryBus, Message, Subscription
from hotline.bus.postgres import PostgresBus
from hotline.crm import outbox
from hotline.crm.database import Database
from hotline.crm.embedded import EmbeddedPostgres
from hotline.crm.personal_keys import open_keyring
from hotline.crm.queries.upkeep import upkeep
from hotline.crm.viewer import SYSTEM, Viewer
from hotline.errors import Unavailable
from hotline.events import EVERYONE, TOPIC_EVENTS, TOPIC_NUMBERED, Event, decode, user_mark
from hotline.ids import new_id
from hotline.jobs import relay, sealer
from hotline.settings import Settings
from hotline.workflows.house import House
from hotline.workflows.outbox import number_events
from hotline.workflows.upkeep.audit import seal_audit, verify_audit
from hotline.workflows.upkeep.upkeep import keep_house
from tests.conftest import FAST, SECRET
from tests.databases import create_database
from tests.waiting import until


async def emit(
    house: House, *, viewer: Viewer = SYSTEM, audience: tuple[str, ...] = (EVERYONE,), **data: object
) -> Event:
    async with house.unit(viewer) as uow:
        return uow.emit("call.updated", audience, **data)


async def test_an_event_comes_back_as_it_was_emitted(house: House) -> None:
    call, user = new_id(), new_id()
    sent = await emit(house, audience=(user_mark(user), EVERYONE), call_id=call, at=datetime(2026, 1, 2, tzinfo=UTC))
    await number_events(house)
    [(number, event)] = await outbox.events_after(house.db, 0)
    assert number == 1
    assert event == sent
    assert event.data == {"call_id": str(call), "at": "2026-01-02T00:00:00+00:00"}
    assert event.audience == (user_mark(user), EVERYONE)


async def fail(house: House) -> None:
    async with house.unit(SYSTEM) as uow:
        uow.emit("call.updated", [EVERYONE])
        uow.audit("call:updated", None)
        raise RuntimeError("undo")


async def message_of(subscription: Subscription) -> Message:
    """The next message; a resync is not expected here."""
    message = await asyncio.wait_for(anext(subscription), 60)
    assert isinstance(message, Message)
    return message


async def test_an_undone_unit_leaves_no_event(house: House) -> None:
    async with house.bus.subscribe(TOPIC_EVENTS) as subscription:
        await anext(subscription)
        with pytest.raises(RuntimeError, match="undo"):
            await fail(house)
        await emit(house, marker=True)
        assert [event.data for event in decode((await message_of(subscription)).payload)] == [{"marker": True}]
    assert await house.db.fetchval("SELECT count(*) FROM outbox") == 1
    assert await house.db.fetchval("SELECT count(*) FROM audit_entry") == 0


async def test_events_are_published_after_the_commit(house: House) -> None:
    async with house.bus.subscribe(TOPIC_EVENTS) as subscription:
        await anext(subscription)
        event = await emit(house)
        [published] = decode((await message_of(subscription)).payload)
        assert published == event
        assert await house.db.fetchval("SELECT count(*) FROM outbox WHERE id = $1", event.id) == 1


async def test_a_bus_that_is_away_does_not_fail_the_unit(house: House) -> None:
    class Away(MemoryBus):
        async def publish(self, topic: str, payload: bytes) -> None:
            raise Unavailable

    house.bus = Away()
    await emit(house)
    assert await number_events(house) == 1


async def test_an_event_type_that_nobody_knows_is_refused(house: House) -> None:
    with pytest.raises(ValueError, match="EVENT_TYPES"):
        async with house.unit(SYSTEM) as uow:
            uow.emit("call.exploded", [EVERYONE])


async def test_nothing_new_gets_no_number(house: House) -> None:
    assert await number_events(house) is None
    await emit(house)
    assert await number_events(house) == 1
    assert await number_events(house) is None
    assert await outbox.last_number(house.db) == 1


async def test_one_unit_keeps_the_order_of_its_events(house: House) -> None:
    async with house.unit(SYSTEM) as uow:
        sent = [uow.emit("call.updated", [EVERYONE], n=n).id for n in range(50)]
    await number_events(house)
    assert [event.id for _, event in await outbox.events_after(house.db, 0)] == sent


async def test_relays_of_many_nodes_give_each_number_once(house: House) -> None:
    for n in range(30):
        await emit(house, n=n)
    await asyncio.gather(*(outbox.number_committed(house.db) for _ in range(8)))
    numbers = [number for number, _ in await outbox.events_after(house.db, 0)]
    assert numbers == list(range(1, 31))


class Reader:
    """A browser's end of the stream: live events and numbered rows, doubles dropped, the line cut now and then."""

    def __init__(self, house: House, chance: random.Random) -> None:
        self.house, self.chance = house, chance
        self.seen: list[UUID] = []
        self._known: set[UUID] = set()
        self._cursor = 0

    async def read(self, total: int) -> None:
        while len(self._known) < total:
            async with self.house.bus.subscribe(TOPIC_EVENTS, TOPIC_NUMBERED) as subscription:
                await self._replay()
                with suppress(TimeoutError):  # the line is cut; what came live and unnumbered is forgotten
                    async with asyncio.timeout(self.chance.uniform(0.02, 0.2)):
                        await self._live(subscription, total)

    async def _live(self, subscription: Subscription, total: int) -> None:
        async for message in subscription:
            if isinstance(message, Message) and message.topic == TOPIC_EVENTS:
                for event in decode(message.payload):
                    self._take(event)
            else:
                await self._replay()
            if len(self._known) >= total:
                return

    async def _replay(self) -> None:
        while found := await outbox.events_after(self.house.db, self._cursor, limit=20):
            for number, event in found:
                assert number == self._cursor + 1, "a number below one already seen came later"
                self._cursor = number
                self._take(event)

    def _take(self, event: Event) -> None:
        if event.id not in self._known:
            self._known.add(event.id)
            self.seen.append(event.id)


async def test_100_writers_with_random_commit_delays_and_readers_that_reconnect(house: House) -> None:
    """Ids are handed out in one order and committed in another; every event reaches every reader once."""
    seed = random.SystemRandom().randrange(1 << 30)
    chance = random.Random(seed)
    relays = [house.spawn(relay.run(house), f"relay {n}") for n in range(2)]
    readers = [Reader(house, random.Random(seed + n)) for n in range(3)]
    reading = [asyncio.create_task(reader.read(300)) for reader in readers]

    async def write(delays: list[float]) -> list[UUID]:
        written = []
        for delay in delays:
            async with house.unit(SYSTEM) as uow:
                written.append(uow.emit("call.updated", [EVERYONE]).id)
                await asyncio.sleep(delay)
        return written

    written = await asyncio.gather(*(write([chance.uniform(0, 0.03) for _ in range(3)]) for _ in range(100)))
    everything = {event_id for some in written for event_id in some}
    async with asyncio.timeout(60):
        await asyncio.gather(*reading)
    for reader in readers:
        assert len(reader.seen) == len(everything) == 300, f"seed {seed}"
        assert set(reader.seen) == everything, f"seed {seed}"
    for task in relays:
        task.cancel()


async def test_what_a_crashed_node_committed_but_did_not_publish_is_numbered(db: Database, settings: Settings) -> None:
    """The crash: a bus that nobody else hears. The relay of another node finds the row by itself."""
    keyring = await open_keyring(db, [SECRET])
    crashed = House(db=db, bus=MemoryBus(), keyring=keyring, settings=settings)
    other = House(db=db, bus=MemoryBus(), keyring=keyring, settings=settings)
    async with other.bus.subscribe(TOPIC_NUMBERED) as subscription:
        await anext(subscription)
        task = other.spawn(relay.run(other), "relay")
        event = await emit(crashed)
        message = await message_of(subscription)
        [(number, found)] = await outbox.events_after(db, 0)
        assert (number, found.id) == (int(message.payload), event.id)
        task.cancel()


# Partitions


async def partitions(db: Database) -> list[str]:
    rows = await db.fetch("SELECT inhrelid::regclass::text AS n FROM pg_inherits WHERE inhparent = 'outbox'::regclass")
    return sorted(row["n"] for row in rows)


async def test_partitions_are_made_ahead_and_old_ones_dropped(house: House) -> None:
    house.clock = lambda: datetime(2031, 12, 31, 23, 59, tzinfo=UTC)
    await keep_house(house)
    assert [name for name in await partitions(house.db) if "203" in name] == [
        "outbox_2031_12",
        "outbox_2032_01",
        "outbox_2032_02",
    ]
    await emit(house, old=True)
    assert await house.db.fetchval("SELECT tableoid::regclass::text FROM outbox") == "outbox_2031_12"
    assert await number_events(house) == 1

    keep = house.settings.retention_days
    house.clock = lambda: datetime(2032, 1, 1, tzinfo=UTC) + timedelta(days=keep)
    await keep_house(house)
    assert "outbox_2031_12" in await partitions(house.db), "its last day is not old enough"
    house.clock = lambda: datetime(2032, 1, 1, 1, tzinfo=UTC) + timedelta(days=keep)
    await keep_house(house)
    assert "outbox_2031_12" not in await partitions(house.db)
    assert await outbox.events_after(house.db, 0) == []
    assert await outbox.first_kept(house.db) == 2

    await emit(house, new=True)
    assert await number_events(house) == 2, "numbers go on, or a browser would take new events for old ones"


async def test_rows_outside_every_partition_are_kept_and_moved_when_theirs_is_made(house: House) -> None:
    house.clock = lambda: datetime(2035, 5, 5, tzinfo=UTC)
    event = await emit(house)
    assert await house.db.fetchval("SELECT tableoid::regclass::text FROM outbox") == "outbox_default"
    await keep_house(house)
    assert await house.db.fetchval("SELECT tableoid::regclass::text FROM outbox") == "outbox_2035_05"
    await number_events(house)
    assert [found.id for _, found in await outbox.events_after(house.db, 0)] == [event.id]


async def test_many_nodes_make_partitions_at_once(house: House) -> None:
    house.clock = lambda: datetime(2040, 1, 1, tzinfo=UTC)
    await asyncio.gather(*(keep_house(house) for _ in range(6)))
    assert sum("204" in name for name in await partitions(house.db)) == 3


# Bad days


async def test_the_jobs_outlive_an_outage(server_folder: Path, settings: Settings) -> None:
    server = EmbeddedPostgres(server_folder / "postgres", options=FAST)
    await asyncio.to_thread(server.open)
    db = await Database.open(server.url(), data_dir=settings.data_dir, migrate=True)
    house = House(db=db, bus=PostgresBus(db.dsn), keyring=await open_keyring(db, [SECRET]), settings=settings)
    await house.bus.start()
    jobs = [house.spawn(relay.run(house), "relay"), house.spawn(sealer.run(house), "sealer")]

    async def write() -> None:
        async with house.unit(SYSTEM) as uow:
            uow.emit("call.updated", [EVERYONE])
            uow.audit("call:updated", None)

    async def done(count: int) -> bool:
        try:
            found = await upkeep.backlog(db, SYSTEM)
        except Unavailable:
            return False
        return (found.last_number, found.last_seal) == (count, count)

    await write()
    await until(lambda: done(1))
    await asyncio.to_thread(server.stop)
    await until(lambda: not house.bus.health().connected)
    with pytest.raises(Unavailable):
        await write()
    await asyncio.to_thread(server.ensure_running)
    await write()
    await until(lambda: done(2))
    assert not any(job.done() for job in jobs)
    await house.close()
    await asyncio.to_thread(server.close)


async def test_postgresql_16_does_it_all_too(postgres16: EmbeddedPostgres, settings: Settings) -> None:
    url = await create_database(postgres16, f"sixteen_{new_id().hex}")
    db = await Database.open(url, data_dir=settings.data_dir, migrate=True)
    house = House(db=db, bus=MemoryBus(), keyring=await open_keyring(db, [SECRET]), settings=settings)
    async with house.unit(SYSTEM) as uow:
        uow.emit("call.updated", [EVERYONE], n=1)
        uow.audit("call:updated", None, n=1)
    assert await number_events(house) == 1
    assert await seal_audit(house) is not None
    assert (await verify_audit(house, SYSTEM)).entries == 1
    await keep_house(house)
    await house.close()
