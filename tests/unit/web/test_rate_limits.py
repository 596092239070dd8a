"""Token buckets."""

from __future__ import annotations

from hotline.web.rate_limits import Buckets


def test_a_burst_then_the_rate() -> None:
    now = [0.0]
    buckets = Buckets(2.0, 3.0, now=lambda: now[0])
    assert [buckets.take("a") for _ in range(3)] == [0.0, 0.0, 0.0]
    assert buckets.take("a") == 0.5
    assert buckets.take("b") == 0.0, "others have their own"
    now[0] = 0.5
    assert buckets.take("a") == 0.0
    assert buckets.take("a") > 0
    now[0] = 1000.0
    assert [buckets.take("a") for _ in range(4)][3] > 0, "a bucket never holds more than its burst"


def test_memory_is_bounded() -> None:
    buckets = Buckets(1.0, 1.0, keys=10)
    for number in range(1000):
        buckets.take(number)
    assert len(buckets) == 10
