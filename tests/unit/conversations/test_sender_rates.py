"""How fast a number may send."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as some

from hotline.conversations.sender_rates import QUEUE_SECONDS, SenderRate, Spent, rate_of, spend

NOW = datetime(2026, 5, 5, 12, tzinfo=UTC)


def test_a_number_has_the_pace_of_its_kind() -> None:
    paces = {
        address: rate.per_second
        for address in (
            "+14155550100",
            "+442079460000",
            "+18005550100",
            "+18885550100",
            "+18105550100",
            "72345",
            "Acme",
        )
        if (rate := rate_of("sms", address)) is not None
    }
    assert paces == {
        "+14155550100": 1, "+442079460000": 1, "+18005550100": 3, "+18885550100": 3, "+18105550100": 1, "72345": 100,
        "Acme": 10,
    }  # fmt: skip
    assert rate_of("whatsapp", "+14155550100") == SenderRate(80, 80 * QUEUE_SECONDS)
    assert rate_of("email", "help@example.com") is None


def test_the_burst_leaves_and_the_rest_waits_in_its_order() -> None:
    rate = SenderRate(2.0, 4)
    after, waits = spend(None, rate, [1, 1, 3, 1], NOW)
    assert after == Spent(2, NOW)
    assert waits == [timedelta(seconds=0.5), timedelta(seconds=1)]
    after, waits = spend(after, rate, [3, 1], NOW + timedelta(seconds=1))
    assert (after.tokens, waits) == (0, [])
    assert spend(after, rate, [1], NOW)[1] == [timedelta(seconds=0.5)], "a clock that was put back refills nothing"
    assert spend(after, rate, [100], NOW + timedelta(hours=1))[0].tokens == -96, "once all is there that there can be"


@given(
    some.floats(0.1, 50),
    some.integers(1, 50),
    some.lists(some.tuples(some.floats(0, 20), some.lists(some.integers(1, 10), max_size=20)), max_size=15),
)
def test_in_any_span_no_more_leaves_than_the_rate_and_one_burst(
    per_second: float, burst: int, asked: list[tuple[float, list[int]]]
) -> None:
    rate, bucket, now, sent = SenderRate(per_second, burst), None, NOW, 0
    for pause, costs in asked:
        now += timedelta(seconds=pause)
        bucket, waits = spend(bucket, rate, costs, now)
        served = costs[: len(costs) - len(waits)]
        sent += sum(served)
        allowed = burst + (now - NOW).total_seconds() * per_second
        assert sent <= allowed + max(costs, default=0) + 1e-6
        assert waits == sorted(waits)
