"""What a campaign is expected to cost and how long it takes."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from hotline.campaigns.expected import Expected, Made, expect
from hotline.campaigns.prices import PriceList

PRICES = PriceList("CNY", {"sms": {"86": Decimal("0.045"), "1415": Decimal("0.1")}})


def content(channel: str = "sms", mode: str = "now", canary: Any = None, **schedule: Any) -> dict[str, Any]:
    return {"channel": channel, "schedule": {"mode": mode, **schedule}, "limits": {"canary": canary}}


def expected(some: dict[str, Any], made: list[Made], *, recipients: int, looked: int, paces: list[float]) -> Expected:
    return expect(some, recipients, looked, made, PRICES, paces)


def test_where_all_were_looked_at_it_is_exact() -> None:
    made = [Made("+8613800", 2), Made("+8613900", 1), Made("+1415555", 1)]
    found = expected(content(), made, recipients=4, looked=4, paces=[100.0])
    assert found == Expected(3, 4, Decimal("0.235"), "CNY", 0, 0.03, True)


def test_some_stand_for_all() -> None:
    made = [Made("+8613800", 2)] * 8
    found = expected(content(), made, recipients=1_000, looked=10, paces=[20.0, 10.0])
    assert (found.messages, found.parts, found.cost, found.exact) == (800, 1_600, Decimal("72"), False)
    assert found.seconds == 80.0


def test_numbers_without_a_price_are_counted_apart() -> None:
    found = expected(content(), [Made("+8613800", 1), Made("+4930123", 1)], recipients=20, looked=2, paces=[])
    assert (found.cost, found.unpriced) == (Decimal("0.45"), 10)
    nothing = expected(content("email"), [Made("", 1)], recipients=1, looked=1, paces=[])
    assert (nothing.cost, nothing.unpriced, nothing.parts, nothing.seconds) == (None, 0, None, None)


def test_what_slows_it_most_says_how_long_it_takes() -> None:
    made = [Made("+8613800", 1)] * 10
    slow = content(drip={"messages": 30, "per": "minute"}, canary={"recipients": 2, "wait_minutes": 30})
    assert expected(slow, made, recipients=10, looked=10, paces=[100.0]).seconds == 20 + 1_800
    alone = content(canary={"recipients": 10, "wait_minutes": 30})
    assert expected(alone, made, recipients=10, looked=10, paces=[]).seconds is None
    for mode in ("local_time", "triggered"):
        assert expected(content(mode=mode), made, recipients=10, looked=10, paces=[1.0]).seconds is None


def test_nobody_costs_nothing() -> None:
    found = expected(content(), [], recipients=0, looked=0, paces=[100.0])
    assert (found.messages, found.parts, found.cost, found.exact) == (0, 0, None, True)
