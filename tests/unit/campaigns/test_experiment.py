"""Variants and the holdout: by a hash, with the shares that were stated."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hotline.campaigns.experiment import split
from hotline.campaigns.limits import Experiment
from hotline.errors import Invalid

CAMPAIGN = UUID(int=7)
WHOLE = 1 << 64


def customers(count: int) -> list[UUID]:
    """Ids that follow each other, as those of customers that were imported do."""
    return [UUID(int=(0x0190_0000_0000_7000_8000 << 48) + index) for index in range(count)]


@settings(max_examples=40, deadline=None)
@given(
    hundredths=st.lists(st.integers(1, 5_000), min_size=1, max_size=6),
    holdout=st.integers(0, 9_000),
)
def test_the_parts_are_the_shares_exactly(hundredths: list[int], holdout: int) -> None:
    # Shares are percents with two decimals; the last one makes up the whole.
    total = sum(hundredths)
    shares = [each * 10_000 // total for each in hundredths]
    shares[-1] += 10_000 - sum(shares)
    if min(shares) < 1:
        return
    names = [f"V{index}" for index in range(len(shares))]
    made = split(
        Experiment(shares={name: share / 100 for name, share in zip(names, shares, strict=True)},
                   holdout_percent=holdout / 100),
        names,
    )  # fmt: skip
    assert made.holdout == WHOLE * holdout // 10_000
    ends = [0, *made.bounds]
    for index, share in enumerate(shares):
        assert abs((ends[index + 1] - ends[index]) * 10_000 - WHOLE * share) <= 10_000
    assert made.bounds[-1] == WHOLE


def test_asking_twice_answers_the_same_and_campaigns_have_nothing_to_do_with_each_other() -> None:
    made = split(Experiment(shares={"A": 50, "B": 50}, holdout_percent=10), ["B", "A"])
    who = customers(4_000)
    first = [made.variant(CAMPAIGN, each) for each in who]
    assert first == [made.variant(CAMPAIGN, each) for each in who]
    other = [made.variant(UUID(int=8), each) for each in who]
    # Of two independent halves a half agrees (4 standard deviations).
    agreeing = sum(a == b for a, b in zip(first, other, strict=True) if a is not None and b is not None)
    both = sum(a is not None and b is not None for a, b in zip(first, other, strict=True))
    assert abs(agreeing - both / 2) < 4 * (both / 4) ** 0.5


@pytest.mark.parametrize(("shares", "holdout"), [({"A": 50, "B": 50}, 10), ({"A": 90, "B": 7.5, "C": 2.5}, 0)])
def test_people_fall_into_the_parts_as_stated(shares: dict[str, float], holdout: float) -> None:
    made = split(Experiment(shares=shares, holdout_percent=holdout), list(shares))
    count = 20_000
    found = [made.variant(CAMPAIGN, each) for each in customers(count)]
    expected: dict[Any, float] = {None: count * holdout / 100}
    for index, name in enumerate(sorted(shares)):
        expected[index] = count * (1 - holdout / 100) * shares[name] / 100
    for part, wanted in expected.items():
        spread = (wanted * (1 - wanted / count)) ** 0.5
        assert abs(found.count(part) - wanted) <= 4.5 * spread


def test_without_shares_the_parts_are_equal_and_one_variant_is_everybodys() -> None:
    assert split(Experiment(), ["B", "A"]).bounds == (WHOLE // 2, WHOLE)
    assert {split(Experiment(), ["A"]).variant(CAMPAIGN, each) for each in customers(50)} == {0}


@pytest.mark.parametrize("names", [[], ["A"], ["A", "B", "C"], ["A", "C"]])
def test_shares_of_other_variants_are_refused(names: list[str]) -> None:
    with pytest.raises(Invalid, match="shares"):
        split(Experiment(shares={"A": 50, "B": 50}), names)
