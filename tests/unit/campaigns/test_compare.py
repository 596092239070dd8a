"""Rates and their differences, against the values that the papers print."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotline.campaigns.compare import difference, differences, rate


@pytest.mark.parametrize(
    # Newcombe, Statistics in Medicine 17 (1998), 857-872, table I, method 3.
    ("count", "of", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_a_rate_has_the_interval_of_the_paper(count: int, of: int, low: float, high: float) -> None:
    found = rate(count, of)
    assert (round(found.low, 4), round(found.high, 4)) == (low, high)


@pytest.mark.parametrize(
    # Newcombe, Statistics in Medicine 17 (1998), 873-890, table II, method 10.
    ("one", "other", "low", "high"),
    [
        ((56, 70), (48, 80), 0.0524, 0.3339),
        ((9, 10), (3, 10), 0.1705, 0.8090),
        ((6, 7), (2, 7), 0.0582, 0.8062),
        ((5, 56), (0, 29), -0.0381, 0.1926),
        ((0, 10), (0, 10), -0.2775, 0.2775),
        ((10, 10), (0, 20), 0.6791, 1.0),
    ],
)
def test_a_difference_has_the_interval_of_the_paper(
    one: tuple[int, int], other: tuple[int, int], low: float, high: float
) -> None:
    found = difference(("A", *one), ("B", *other))
    assert (round(found.low, 4), round(found.high, 4)) == (low, high)


def test_a_winner_is_named_only_when_chance_is_out_of_the_question() -> None:
    assert difference(("A", 60, 1000), ("B", 50, 1000)).verdict == "unclear"
    assert difference(("A", 100, 1000), ("B", 50, 1000)).verdict == "better"
    assert difference(("A", 100, 1000), ("B", 50, 1000), more_is_better=False).verdict == "worse"
    assert difference(("A", 9, 10), ("B", 0, 10)).verdict == "too_few"


def test_several_variants_are_each_asked_for_more() -> None:
    two = differences({"A": (130, 1000), "B": (100, 1000)})
    six = differences({"A": (130, 1000), "B": (100, 1000), "C": (100, 1000), "D": (100, 1000)})
    assert len(two) == 1
    assert len(six) == 6
    assert two[0].verdict == "better"
    assert six[0].verdict == "unclear"
    assert six[0].low < two[0].low


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(1, 10**6), st.integers(1, 10**6))
def test_whatever_the_counts_the_bounds_hold_the_rate(a: int, b: int, n: int, m: int) -> None:
    found = difference(("A", min(a, n), n), ("B", min(b, m), m))
    assert -1 <= found.low <= found.difference <= found.high <= 1
    swapped = difference(("B", min(b, m), m), ("A", min(a, n), n))
    assert swapped.difference == -found.difference
    assert abs(swapped.low + found.high) < 1e-9
    one = rate(min(a, n), n)
    assert 0 <= one.low <= one.share <= one.high <= 1
